"""Reading back, finding and copying what was said, while more is said."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QInputDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.captions.model import CaptionState
from app.captions.plain_text import whole_text
from app.core.events import Captioned
from app.ui.caption_window import CaptionWindow
from app.ui.live_captions import LiveCaptions
from app.ui.reading.growing_text import GrowingText
from app.ui.reading.window import ReadingWindow
from tests.helpers.talk import Talker
from tests.ui.conftest import MIC, Stage
from tests.ui.test_window import run

NAMES = {"mic": "You", "system": "Computer"}


@pytest.mark.parametrize("seed", range(30))
def test_the_text_is_what_would_be_saved_however_two_talk_at_once(qtbot: QtBot, seed: int) -> None:
    chance = random.Random(seed)
    text = GrowingText(NAMES.__getitem__)
    qtbot.addWidget(text)
    talkers = {name: Talker() for name in NAMES}
    state = CaptionState().ended(named=True)
    words = ["so", "🙂", "naïve", "words", "and", "more."]
    for _ in range(60):
        name = chance.choice(list(NAMES))
        some = [chance.choice(words) for _ in range(chance.randrange(4))]
        if chance.random() < 0.25:
            state = state.apply(name, talkers[name].final(some, pause=chance.choice([0.2, 5.0])))
        else:
            state = state.apply(name, talkers[name].partial(some, []))
        if chance.random() < 0.05:
            state = state.cleared()
        if chance.random() < 0.6:
            text.set_state(state)
    text.set_state(state)
    assert text.toPlainText() == whole_text(state, NAMES.__getitem__).rstrip("\n")


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
def reading(qtbot: QtBot, window: CaptionWindow, live: LiveCaptions, stage: Stage, talker: Talker) -> ReadingWindow:
    """Opened from the captions, with a hundred sentences in it."""
    run(qtbot, live)
    for number in range(100):
        say(stage, talker, f"Sentence {number} is here.")
    qtbot.waitUntil(lambda: "99" in window.view.shown_text())
    window.actions_.read.trigger()
    assert window.reading.window is not None
    qtbot.waitExposed(window.reading.window)
    return window.reading.window


def say(stage: Stage, talker: Talker, sentence: str) -> None:
    stage.session.on_event(Captioned(MIC, talker.final(sentence.split(), pause=5.0)))


def test_words_that_may_still_change_are_not_shown(
    qtbot: QtBot, window: CaptionWindow, reading: ReadingWindow, stage: Stage, talker: Talker
) -> None:
    stage.session.on_event(Captioned(MIC, talker.partial(["Now"], ["this", "or"])))
    qtbot.waitUntil(lambda: "this or" in window.view.shown_text())
    assert reading.text.toPlainText().endswith("is here.\nNow")


def test_the_newest_words_are_in_view_and_stay_there(
    qtbot: QtBot, reading: ReadingWindow, stage: Stage, talker: Talker
) -> None:
    bar = reading.text.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    before = bar.maximum()
    say(stage, talker, "And one more.")
    qtbot.waitUntil(lambda: bar.maximum() > before)
    assert bar.value() == bar.maximum()


def test_what_is_read_and_selected_stays_while_more_is_said(
    qtbot: QtBot, reading: ReadingWindow, stage: Stage, talker: Talker
) -> None:
    bar = reading.text.verticalScrollBar()
    reading.search.setText("Sentence 7 ")
    assert reading.text.textCursor().selectedText() == "Sentence 7 "
    at = bar.value()
    assert at < bar.maximum()
    say(stage, talker, "And one more.")
    qtbot.waitUntil(lambda: reading.text.toPlainText().endswith("one more."))
    assert bar.value() == at
    assert reading.text.textCursor().selectedText() == "Sentence 7 "
    qtbot.mouseClick(reading.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "Sentence 7 "
    QGuiApplication.clipboard().clear()


def test_the_newest_place_is_found_first_and_the_search_goes_round(qtbot: QtBot, reading: ReadingWindow) -> None:
    found = []
    qtbot.keyClicks(reading.search, "sentence 9")
    for _ in range(12):
        found.append(reading.text.textCursor().block().text())
        qtbot.keyClick(reading.search, Qt.Key.Key_Return)
    numbers = [99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 9, 99]
    assert found == [f"Sentence {number} is here." for number in numbers]
    qtbot.keyClick(reading.search, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert reading.text.textCursor().block().text() == "Sentence 99 is here."
    assert reading.found.text() == "11 found"
    assert reading.isVisible()
    reading.search.setText("nobody said this")
    assert reading.found.text() == "not found"


def test_the_caret_reads_line_by_line_without_a_mouse(qtbot: QtBot, reading: ReadingWindow) -> None:
    reading.text.setFocus()
    reading.text.moveCursor(QTextCursor.MoveOperation.Start)
    qtbot.keyClick(reading.text, Qt.Key.Key_Down)
    assert reading.text.textCursor().block().text() == "Sentence 1 is here."
    qtbot.keyClick(reading.text, Qt.Key.Key_X)
    assert "Sentence 1 is here." in reading.text.toPlainText()
    for part in (reading.text, reading.search):
        assert part.accessibleName()
    for button in reading.findChildren(QPushButton):
        assert button.text() and button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_what_is_wrong_is_selected_and_said_again(qtbot: QtBot, reading: ReadingWindow) -> None:
    reading.text.moveCursor(QTextCursor.MoveOperation.End)
    assert not reading.correct.isEnabled()
    reading.search.setText("is here.")
    assert reading.correct.isEnabled()
    corrected: list[tuple[str, str]] = []
    reading.corrected.connect(lambda heard, word: corrected.append((heard, word)))
    qtbot.mouseClick(reading.correct, Qt.MouseButton.LeftButton)
    dialog = reading.findChild(QInputDialog)
    qtbot.waitUntil(dialog.isVisible)
    assert "“is here”" in dialog.labelText()
    field = dialog.findChild(QLineEdit)
    assert field.selectedText() == "is here"
    qtbot.keyClicks(field, "Izhir")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert corrected == [("is here", "Izhir")]
    reading.text.selectAll()
    assert not reading.correct.isEnabled()
