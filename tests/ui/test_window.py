"""The window: every control can be reached and has a name, settings and place are kept, closing loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.captions.plain_text import whole_text
from app.core.activity import Phase
from app.core.events import Captioned, DeviceLost, Lagging, Level, NoSound
from app.core.ports import DeviceInfo
from app.core.settings import Settings, SettingsFile
from app.ui.caption_window import CaptionWindow
from app.ui.live_captions import LiveCaptions
from app.ui.signals import SignalWatch
from tests.helpers.talk import said
from tests.ui.conftest import MIC, SYSTEM, Stage

MakeWindow = Callable[[Settings], CaptionWindow]


def controls(window: CaptionWindow) -> list[QWidget]:
    """Everything a person can act on."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, QAbstractButton) or widget.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]


def run(qtbot: QtBot, live: LiveCaptions) -> None:
    live.start()
    live.set_model("Moonshine tiny")
    qtbot.waitUntil(lambda: live.activity.phase is Phase.LISTENING and bool(live.activity.devices))


def status(window: CaptionWindow) -> str:
    return window.strip.status.line.text


def test_every_control_has_a_name_and_room_for_a_finger(window: CaptionWindow) -> None:
    found = controls(window)
    assert len(found) >= 8
    for widget in found:
        assert widget.accessibleName(), widget
        if isinstance(widget, QAbstractButton) and widget.isVisible():
            assert min(widget.width(), widget.height()) >= 24, widget.accessibleName()


def test_every_visible_control_is_reached_with_tab(qtbot: QtBot, window: CaptionWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    wanted = {widget for widget in controls(window) if widget.isVisible() and widget.isEnabled()}
    reached = set()
    for _ in range(2 * len(wanted)):
        focus = QApplication.focusWidget()
        assert focus is not None
        reached.add(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    assert wanted <= reached


def entries(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from entries(below)
        yield action


def test_the_menu_has_every_action_and_fits_on_a_small_screen(window: CaptionWindow) -> None:
    """In one column on a screen 540 pixels high, beside a task bar."""
    window.start.menuAction().setVisible(True)
    assert window.menu.sizeHint().height() <= 540 - 48
    for menu in (window.manner, window.looks, window.start):
        assert menu.sizeHint().height() <= 540 - 48, menu.title()
    assert {*window.actions()} <= {*entries(window.menu)}
    assert {menu.menuAction() for menu in (window.models, window.delays)} <= {*entries(window.menu)}


def test_space_pauses_and_goes_on(qtbot: QtBot, window: CaptionWindow, live: LiveCaptions) -> None:
    run(qtbot, live)
    assert window.strip.toggle.accessibleName() == "Pause"
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: live.resting)
    assert window.strip.toggle.accessibleName() == "Start"
    assert "Paused" in status(window)
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: live.activity.phase is Phase.LISTENING)


def test_the_status_says_in_words_what_goes_on(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    live.start()
    qtbot.waitUntil(lambda: bool(live.activity.devices))
    assert status(window) == "Loading the model…"
    live.set_model("Moonshine tiny")
    assert status(window) == "Listening to Built-in microphone · Moonshine tiny"
    tell = stage.session.on_event
    for event, sentence in (
        (Captioned(MIC, said("Hello.")), "Listening to Built-in microphone · Moonshine tiny · 0.5\u00a0s\u00a0behind"),
        (NoSound(MIC, "USB Headset", 5.0), "No sound from USB Headset. Is it muted?"),
        (Lagging(3.2), "Captions are 3.2 s behind."),
        (
            DeviceLost(MIC, "USB Headset", "USB Headset went away."),
            "USB Headset went away. Captions go on as soon as there is sound again.",
        ),
    ):
        tell(event)
        qtbot.waitUntil(lambda sentence=sentence: status(window) == sentence)
    assert window.strip.status.accessibleName() == status(window)
    assert window.strip.status.line.warning


def test_trouble_stands_in_the_place_of_captions_while_there_are_none(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    def large() -> str:
        return window.view.hint

    run(qtbot, live)
    assert large() == "Words will appear here as they are spoken."
    stage.session.on_event(NoSound(MIC, "USB Headset", 5.0))
    qtbot.waitUntil(lambda: large() == "No sound from USB Headset. Is it muted?")
    stage.session.on_event(DeviceLost(MIC, "USB Headset", "USB Headset went away."))
    qtbot.waitUntil(lambda: large() == "USB Headset went away. Captions go on as soon as there is sound again.")
    stage.refusal = "There is no microphone."
    live.restart()
    qtbot.waitUntil(lambda: large().startswith("There is no microphone.\nCaptions begin by themselves"))


def test_nothing_played_is_no_alarm(qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage) -> None:
    run(qtbot, live)
    stage.session.on_event(NoSound(SYSTEM, "Speakers", 5.0))
    qtbot.waitUntil(lambda: status(window) == "Nothing is playing on Speakers.")
    assert not window.strip.status.line.warning


def test_each_source_has_its_own_meter(qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage) -> None:
    live.set_source("both")
    qtbot.waitUntil(lambda: set(window.strip.meters) == {MIC, SYSTEM})
    stage.session.on_event(Level(SYSTEM, 0.5))
    qtbot.waitUntil(lambda: window.strip.meters[SYSTEM].segments > 0)
    assert window.strip.meters[MIC].segments == 0


def test_the_text_grows_by_key_and_wheel_and_stays_so(
    qtbot: QtBot, window: CaptionWindow, settings_file: SettingsFile
) -> None:
    lines, bottom = window.view.rows, window.geometry().bottom()
    qtbot.keyClick(window.view, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    at = QPointF(50, 20)
    turn = QWheelEvent(
        at, QPointF(window.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(window, turn)
    qtbot.waitUntil(lambda: settings_file.load()[0].text_size == 36)
    assert window.view.rows == lines
    assert window.geometry().bottom() == bottom
    qtbot.keyClick(window.view, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: settings_file.load()[0].text_size == 32)


def test_controls_and_status_are_larger_beside_large_captions(qtbot: QtBot, window: CaptionWindow) -> None:
    small = window.strip.status.fontMetrics().height()
    for _ in range(8):
        window.actions_.larger.trigger()
    assert window.view.rows == 3
    strip = window.strip
    assert strip.status.fontMetrics().height() >= 1.4 * small
    assert strip.source.fontMetrics().height() >= 1.4 * small
    assert strip.status.height() >= 2 * strip.status.fontMetrics().lineSpacing()
    assert strip.source.height() >= strip.source.fontMetrics().height()
    for _ in range(8):
        window.actions_.smaller.trigger()
    assert (window.view.rows, strip.status.fontMetrics().height()) == (3, small)


def test_another_look_holds_at_once_and_is_kept(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage, settings_file: SettingsFile
) -> None:
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("Plain to see.")))
    qtbot.waitUntil(lambda: window.view.shown_text() == "Plain to see.")
    dark = window.grab().toImage()
    window.looks.looks["light"].trigger()
    window.looks.bold.trigger()
    light = window.grab().toImage()
    place = QPoint(window.width() // 2, 4)
    assert dark.pixelColor(place).lightness() < 50
    assert light.pixelColor(place).lightness() > 240
    for button in (window.strip.toggle, window.strip.menu, window.strip.source):
        picture = button.icon().pixmap(20).toImage()
        drawn = [picture.pixelColor(x, y) for x in range(20) for y in range(20)]
        assert max(color.alpha() for color in drawn) == 255
        assert all(color.lightness() < 128 for color in drawn if color.alpha() == 255), button.accessibleName()
    assert window.view.shown_text() == "Plain to see."
    qtbot.waitUntil(lambda: (settings_file.load()[0].look, settings_file.load()[0].bold) == ("light", True))


@pytest.mark.qt_log_ignore("This plugin does not support grabbing", extend=True)
def test_devices_that_are_found_while_the_menu_is_open_stay_on_the_screen(qtbot: QtBot, window: CaptionWindow) -> None:
    screen = window.screen().availableGeometry()
    window.sources.aboutToShow.disconnect()
    window.sources.popup(screen.bottomLeft() + QPoint(100, -10))
    qtbot.waitUntil(window.sources.isVisible)
    usual = window.sources.geometry()
    assert screen.contains(usual)
    window.sources.show_devices([DeviceInfo(str(number), f"Microphone {number}", MIC, False) for number in range(8)])
    QApplication.processEvents()
    assert window.sources.height() > usual.height()
    assert screen.contains(window.sources.geometry())
    for action in window.sources.actions():
        assert window.sources.rect().contains(window.sources.actionGeometry(action)), action.text()
    window.sources.close()


def test_settings_that_cannot_be_kept_are_told_and_captions_go_on(
    qtbot: QtBot, window: CaptionWindow, settings_file: SettingsFile, live: LiveCaptions, stage: Stage
) -> None:
    run(qtbot, live)
    settings_file.path.mkdir()
    window.actions_.larger.trigger()
    qtbot.waitUntil(lambda: "Settings cannot be kept" in status(window))
    stage.session.on_event(Captioned(MIC, said("Still here.")))
    qtbot.waitUntil(lambda: window.view.shown_text() == "Still here.")


def test_closing_waits_for_the_last_words(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    stage.patient = True
    run(qtbot, live)
    stage.session.last_words.append(Captioned(MIC, said("And that was the last word.")))
    qtbot.keyClick(window.view, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert window.isVisible()
    assert status(window) == "Captioning the last words…"
    with qtbot.waitSignal(window.closed):
        stage.end()
    assert not window.isVisible()
    assert whole_text(live.captions, str) == "And that was the last word.\n"


def test_the_systems_request_to_end_closes_the_gentle_way(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    run(qtbot, live)
    stage.session.last_words.append(Captioned(MIC, said("Not lost.")))
    watch = SignalWatch(window.close, window)
    with qtbot.waitSignal(window.closed):
        os.kill(os.getpid(), signal.SIGTERM)
    watch.remove()
    assert whole_text(live.captions, str) == "Not lost.\n"


def test_copying_shown_text_and_everything(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    qtbot.keyClick(window.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert status(window) == "There is no text to copy yet."
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("Hello there.")))
    qtbot.waitUntil(lambda: bool(window.view.shown_text()))
    qtbot.keyClick(window.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Hello there."
    assert (status(window), window.strip.status.line.warning) == ("Copied.", False)
    window.actions_.clear.trigger()
    assert window.view.shown_text() == ""
    window.actions_.copy_all.trigger()
    assert QGuiApplication.clipboard().text() == "Hello there.\n"


def test_reading_back_offers_the_way_to_the_newest_words(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage
) -> None:
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("word " * 200)))
    qtbot.waitUntil(lambda: len(window.view.lines) > 5)
    assert not window.strip.latest.isVisible()
    window.view.scroll_lines(-4)
    assert window.strip.latest.isVisible()
    qtbot.mouseClick(window.strip.latest, Qt.MouseButton.LeftButton)
    assert window.view.following
    assert not window.strip.latest.isVisible()
