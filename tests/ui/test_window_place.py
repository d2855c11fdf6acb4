"""Where the window stands and how large it is: kept, corrected, moved, over the whole screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.settings import Place, Settings, SettingsFile
from app.ui.caption_window import SMALLEST_WIDTH, CaptionWindow
from app.ui.live_captions import LiveCaptions
from app.ui.placement import rescued

MakeWindow = Callable[[Settings], CaptionWindow]


def drag(qtbot: QtBot, window: CaptionWindow, start: QPoint, by: QPoint) -> None:
    """Press where the widget under the pointer is, move, release; positions stay those of the screen."""
    target = window.childAt(start) or window
    origin = window.mapToGlobal(start)
    left = Qt.MouseButton.LeftButton
    for kind, button, buttons, offset in (
        (QEvent.Type.MouseButtonPress, left, left, QPoint()),
        (QEvent.Type.MouseMove, Qt.MouseButton.NoButton, left, by),
        (QEvent.Type.MouseButtonRelease, left, Qt.MouseButton.NoButton, by),
    ):
        at = QPointF(origin + offset)
        local = QPointF(target.mapFromGlobal(at.toPoint()))
        QApplication.sendEvent(
            target, QMouseEvent(kind, local, local, at, button, buttons, Qt.KeyboardModifier.NoModifier)
        )


def test_another_number_of_lines_changes_the_height(qtbot: QtBot, window: CaptionWindow) -> None:
    window.actions_.lines[4].trigger()
    assert window.view.rows == 5
    window.resize(window.width(), window.height() - window.view.height_for(3))
    qtbot.waitUntil(window.actions_.lines[1].isChecked)


def test_a_window_may_be_higher_than_any_choice_in_the_menu(
    qtbot: QtBot, window: CaptionWindow, make_window: MakeWindow, settings_file: SettingsFile
) -> None:
    window.actions_.smaller.trigger()
    window.resize(window.width(), 700)
    rows = window.view.rows
    assert rows > len(window.actions_.lines)
    qtbot.waitUntil(lambda: settings_file.load()[0].lines == rows)
    assert not settings_file.load()[1]
    assert not any(action.isChecked() for action in window.actions_.lines)
    assert make_window(settings_file.load()[0]).view.rows == rows
    window.actions_.lines[2].trigger()
    assert window.view.rows == 3
    assert window.actions_.lines[2].isChecked()


def test_source_and_place_are_kept(
    qtbot: QtBot, make_window: MakeWindow, settings_file: SettingsFile, live: LiveCaptions
) -> None:
    window = make_window(Settings())
    window.sources.aboutToShow.emit()
    next(action for action in window.sources.actions() if action.data() == "usb").trigger()
    assert live.source == "usb"
    assert window.strip.source.text() == "USB Headset"
    window.setGeometry(60, 70, 500, window.height())
    qtbot.waitUntil(lambda: bool(settings_file.load()[0].places))
    qtbot.waitUntil(lambda: settings_file.load()[0].source == "usb")
    again = make_window(settings_file.load()[0])
    assert again.geometry() == window.geometry()


def test_full_screen_changes_neither_place_nor_lines(
    qtbot: QtBot, window: CaptionWindow, settings_file: SettingsFile
) -> None:
    window.setGeometry(60, 300, 500, window.height())
    qtbot.waitUntil(lambda: bool(settings_file.load()[0].places))
    before, places = window.geometry(), settings_file.load()[0].places
    qtbot.keyClick(window.view, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: window.size() == window.screen().size())
    assert window.view.rows > 10
    window.actions_.larger.trigger()
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert window.isVisible() and not window.actions_.full_screen.isChecked()
    qtbot.waitUntil(lambda: window.view.rows == 3 and window.geometry().bottom() == before.bottom())
    assert (window.x(), window.width()) == (before.x(), before.width())
    qtbot.waitUntil(lambda: settings_file.load()[0].text_size == 32)
    kept = settings_file.load()[0]
    assert kept.lines == 3
    assert kept.places == places


@pytest.mark.parametrize(("left", "bottom", "width"), [(-3.0, 0.9, 0.5), (5.0, 7.0, 0.5), (0.2, -1.0, 40.0), (0, 0, 0)])
def test_a_place_out_of_sight_is_corrected(make_window: MakeWindow, left: float, bottom: float, width: float) -> None:
    screen = QGuiApplication.primaryScreen()
    places = {screen.name(): Place(left, bottom, width)}
    window = make_window(Settings(screen=screen.name(), places=places))
    assert screen.availableGeometry().contains(window.geometry())


@pytest.mark.parametrize(
    "window",
    [QRect(-500, -500, 400, 100), QRect(5000, 5000, 400, 100), QRect(0, 0, 9000, 9000), QRect(10, 10, 1, 1)],
)
def test_rescue_brings_all_of_a_window_into_sight(window: QRect) -> None:
    area = QRect(100, 50, 1200, 700)
    inside = rescued(window, area, QSize(SMALLEST_WIDTH, 80))
    assert area.contains(inside)
    assert inside.width() >= SMALLEST_WIDTH


def test_the_window_is_moved_and_resized_by_pointer_and_keyboard(qtbot: QtBot, window: CaptionWindow) -> None:
    before = window.geometry()
    alt = Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(window.view, Qt.Key.Key_Up, alt)
    assert window.geometry() == before.translated(0, -20)
    qtbot.keyClick(window.view, Qt.Key.Key_Left, alt | Qt.KeyboardModifier.ShiftModifier)
    assert window.width() == before.width() - 20
    before = window.geometry()
    drag(qtbot, window, QPoint(2, window.height() // 2), QPoint(-30, 0))
    assert (window.geometry().left(), window.geometry().right()) == (before.left() - 30, before.right())
    before = window.geometry()
    drag(qtbot, window, QPoint(window.width() // 2, 30), QPoint(-15, -25))
    assert window.geometry() == before.translated(-15, -25)


def test_a_click_neither_moves_nor_resizes(qtbot: QtBot, window: CaptionWindow) -> None:
    before = window.geometry()
    for start in (QPoint(window.width() // 2, 30), QPoint(2, window.height() // 2)):
        drag(qtbot, window, start, QPoint(-2, -1))
        assert window.geometry() == before


def test_a_window_never_gets_too_small(qtbot: QtBot, window: CaptionWindow) -> None:
    right = window.geometry().right()
    drag(qtbot, window, QPoint(2, window.height() // 2), QPoint(5000, 0))
    assert window.width() == SMALLEST_WIDTH
    assert window.geometry().right() == right


def test_a_narrow_window_still_has_room_for_the_status(qtbot: QtBot, window: CaptionWindow) -> None:
    window.resize(SMALLEST_WIDTH, window.height())
    qtbot.waitUntil(lambda: window.strip.status.width() >= 120)
