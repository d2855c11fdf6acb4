"""The help: it tells the keys that there are, can be read without seeing, and opens and closes by key."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.settings import Settings, SettingsFile
from app.ui.caption_window import CaptionWindow
from app.ui.help_text import other_keys
from app.ui.help_window import Help
from app.ui.live_captions import LiveCaptions
from app.ui.settings_keeper import SettingsKeeper

LOG = "/somewhere/caique.log"


@pytest.fixture
def help_(window: CaptionWindow, settings_file: SettingsFile, live: LiveCaptions) -> Help:
    return Help(window, SettingsKeeper(settings_file, Settings(), live), LOG)


def lines(help_: Help) -> list[str]:
    assert help_.window is not None
    return help_.window.text.toPlainText().splitlines()


def press(window: CaptionWindow, keys: str) -> bool:
    """Whether the window did something with them."""
    pressed = QKeySequence(keys)[0]
    event = QKeyEvent(QEvent.Type.KeyPress, pressed.key(), pressed.keyboardModifiers())
    QApplication.sendEvent(window.view, event)
    return event.isAccepted()


def test_f1_opens_it_and_escape_closes_it(qtbot: QtBot, window: CaptionWindow, help_: Help) -> None:
    qtbot.keyClick(window.view, Qt.Key.Key_F1)
    assert help_.window is not None
    qtbot.waitUntil(help_.window.text.hasFocus)
    qtbot.keyClick(help_.window.text, Qt.Key.Key_Escape)
    assert not help_.window.isVisible()
    assert window.isVisible()
    window.actions_.read.trigger()
    assert window.reading.window is not None
    qtbot.waitUntil(window.reading.window.isActiveWindow)
    qtbot.keyClick(window.reading.window.text, Qt.Key.Key_F1)
    assert help_.window.isVisible()


def test_every_shortcut_is_listed_with_what_the_menu_calls_it(window: CaptionWindow, help_: Help) -> None:
    later = QAction("Sing along…", window)
    later.setShortcut("Ctrl+J")
    window.addAction(later)
    window.actions_.help.trigger()
    told = lines(help_)
    keyed = [action for action in window.actions() if action.shortcut().toString()]
    assert len(keyed) >= 12
    for action in keyed:
        assert f"{action.shortcut().toString()}\t{action.text().rstrip('…')}" in told
    assert "Ctrl+J\tSing along" in told


def test_keys_that_are_no_action_are_listed_and_do_something(window: CaptionWindow, help_: Help) -> None:
    window.actions_.help.trigger()
    for listed in other_keys():
        assert f"{listed.row.name}\t{listed.row.text}" in lines(help_)
        for keys in listed.keys:
            if keys == "Esc":
                window.actions_.full_screen.setChecked(True)
            assert press(window, keys), keys
    assert not press(window, "J")
    assert not window.isFullScreen()


def test_it_says_what_to_do_when_something_is_wrong(window: CaptionWindow, help_: Help) -> None:
    window.actions_.help.trigger()
    told = "\n".join(lines(help_))
    for piece in ("No sound from", "No sound server answers", "s behind", "Ctrl+W", "This is wrong…", LOG):
        assert piece in told


def test_a_screen_reader_is_given_all_of_it(window: CaptionWindow, help_: Help) -> None:
    window.actions_.help.trigger()
    assert help_.window is not None
    text = QAccessible.queryAccessibleInterface(help_.window.text)
    assert text.text(QAccessible.Text.Name) == "Help"
    assert text.textInterface().characterCount() == len(help_.window.text.toPlainText())
    assert text.state().readOnly
    assert help_.window.text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard


def test_letters_follow_those_of_captions(window: CaptionWindow, help_: Help, live: LiveCaptions) -> None:
    window.actions_.help.trigger()
    assert help_.window is not None
    small = help_.window.text.font().pixelSize()
    help_.keeper.change(text_size=64)
    window.actions_.help.trigger()
    assert help_.window.text.font().pixelSize() > small >= 15
