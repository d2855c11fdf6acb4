"""Saving what was said: the dialog, the forms it offers, and what is in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from app.core.events import Captioned, Placed
from app.ui.caption_window import CaptionWindow
from app.ui.live_captions import LiveCaptions
from tests.helpers.talk import said
from tests.ui.conftest import MIC, Stage
from tests.ui.test_window import run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a folder for documents."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def greet(qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage) -> None:
    """Captions of a session begin with "Hello there."."""
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("Hello there.")))
    qtbot.waitUntil(lambda: bool(window.view.shown_text()))


def test_saving_writes_the_text_or_says_why_not(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage, tmp_path: Path
) -> None:
    greet(qtbot, window, live, stage)
    with qtbot.waitSignal(window.text_out.told):
        window.text_out.save(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").read_text() == "Hello there.\n"
    with qtbot.waitSignal(window.text_out.told) as told:
        window.text_out.save(tmp_path / "a.txt" / "b.txt", "text")
    assert told.args is not None
    assert told.args[1]
    assert str(tmp_path / "a.txt" / "b.txt") in told.args[0]


def test_captions_are_seen_while_a_place_to_save_is_chosen(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage, home: Path
) -> None:
    greet(qtbot, window, live, stage)
    dialog = save_dialog(qtbot, window)
    assert not dialog.geometry().intersects(window.geometry())
    assert window.screen().availableGeometry().contains(dialog.geometry())
    assert Path(dialog.directory().absolutePath()) == home
    dialog.reject()


def save_dialog(qtbot: QtBot, window: CaptionWindow) -> QFileDialog:
    window.actions_.save_text.trigger()
    dialog = window.findChild(QFileDialog)
    qtbot.waitUntil(dialog.isVisible)
    return dialog


@pytest.mark.parametrize(
    ("kind", "named", "file", "begins"),
    [
        ("Text (*.txt)", "talk", "talk.txt", "You: Hello there."),
        ("Text with times (*.txt)", "talk", "talk.txt", "[00:00:00] You: Hello there."),
        ("Subtitles, SubRip (*.srt)", "talk", "talk.srt", "1\n00:00:00,000 --> 00:00:01,100\nYou: Hello there."),
        ("Subtitles, WebVTT (*.vtt)", "talk", "talk.vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.100\n<v You>Hello"),
        ("Text (*.txt)", "talk.vtt", "talk.vtt", "WEBVTT"),
    ],
)
def test_text_is_saved_in_the_form_that_was_chosen(
    qtbot: QtBot,
    window: CaptionWindow,
    live: LiveCaptions,
    stage: Stage,
    home: Path,
    kind: str,
    named: str,
    file: str,
    begins: str,
) -> None:
    live.source = "both"
    greet(qtbot, window, live, stage)
    dialog = save_dialog(qtbot, window)
    kinds = dialog.findChild(QComboBox, "fileTypeCombo")
    for _ in range(kinds.findText(kind)):
        qtbot.keyClick(kinds, Qt.Key.Key_Down)
    name = dialog.findChild(QLineEdit, "fileNameEdit")
    assert name.text().endswith(kind[-5:-1])  # the name that is proposed follows the kind
    name.setText(named)
    with qtbot.waitSignal(window.text_out.told) as told:
        dialog.accept()
    assert told.args == [f"Saved to {home / file}.", False]
    assert (home / file).read_text().startswith(begins)
    again = save_dialog(qtbot, window)
    assert again.selectedNameFilter() == kind
    again.reject()


def test_times_of_what_is_saved_go_on_through_a_pause(
    qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage, tmp_path: Path
) -> None:
    run(qtbot, live)
    stage.session.on_event(Placed(MIC, 0.0, 5_000.0))
    stage.session.on_event(Captioned(MIC, said("Before.")))
    live.toggle()
    qtbot.waitUntil(lambda: live.resting)
    run(qtbot, live)
    stage.session.on_event(Placed(MIC, 0.0, 5_600.0))
    stage.session.on_event(Captioned(MIC, said("After.")))
    qtbot.waitUntil(lambda: "After." in window.view.shown_text())
    with qtbot.waitSignal(window.text_out.told):
        window.text_out.save(tmp_path / "a.txt", "timed")
    assert (tmp_path / "a.txt").read_text() == "[00:00:00] Before.\n[00:10:00] After.\n"
