"""The view: what is seen for a state, what is painted again, and how one reads back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPaintEvent
from pytestqt.qtbot import QtBot

from app.captions.model import CaptionState
from app.ui.caption_view import CaptionView
from app.ui.roll import ROLL_MS
from app.ui.theme import CaptionStyle, load_fonts
from tests.helpers.talk import Talker, said

LONG = " ".join(f"word{number:03d}" for number in range(120))


class PaintWatch(QObject):
    """Remembers the rows that were painted."""

    def __init__(self, view: CaptionView) -> None:
        super().__init__(view)
        self.heights: list[int] = []
        view.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.heights.append(event.rect().height())
        return False


@pytest.fixture
def view(qtbot: QtBot) -> CaptionView:
    load_fonts()
    view = CaptionView(CaptionStyle(), 28, lambda speaker: {"mic": "You"}.get(speaker, speaker))
    view.animated = False
    qtbot.addWidget(view)
    view.resize(600, view.height_for(3))
    view.show()
    qtbot.waitExposed(view)
    return view


def seen(view: CaptionView) -> list[str]:
    return [line.text for line in view.visible_lines]


def test_the_newest_lines_are_seen(view: CaptionView) -> None:
    view.set_state(CaptionState().apply("mic", said(LONG)))
    assert view.rows == 3
    assert seen(view) == [line.text for line in view.lines[-3:]]
    assert seen(view)[-1].endswith("word119")


def test_a_tail_that_gets_shorter_does_not_move_the_lines(view: CaptionView) -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(LONG.split()[:24], LONG.split()[24:31]))
    view.set_state(state)
    top = seen(view)[0]
    view.set_state(state.apply("mic", talker.partial([], ["tiny"])))
    assert seen(view)[0] == top
    assert seen(view)[-1].endswith("tiny")


def test_only_lines_that_changed_are_painted_again(qtbot: QtBot, view: CaptionView) -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(LONG.split()[:12], []))
    view.set_state(state)
    qtbot.wait(1)
    watch = PaintWatch(view)
    view.set_state(state.apply("mic", talker.partial([], ["more"])))
    qtbot.waitUntil(lambda: bool(watch.heights))
    assert max(watch.heights) <= view.height_for(1)


def test_a_state_that_looks_the_same_paints_nothing(qtbot: QtBot, view: CaptionView) -> None:
    state = CaptionState().apply("mic", said(LONG))
    view.set_state(state)
    qtbot.wait(1)
    watch = PaintWatch(view)
    view.set_state(state.apply("mic", Talker().final([])))
    qtbot.wait(30)
    assert watch.heights == []


def test_reading_back_is_not_disturbed_by_new_words(qtbot: QtBot, view: CaptionView) -> None:
    state = CaptionState().apply("mic", said(LONG))
    view.set_state(state)
    with qtbot.waitSignal(view.following_changed, check_params_cb=lambda following: not following):
        qtbot.keyClick(view, Qt.Key.Key_PageUp)
    earlier = seen(view)
    view.set_state(state.apply("system", said(LONG)))
    assert seen(view) == earlier
    with qtbot.waitSignal(view.following_changed, check_params_cb=lambda following: following):
        qtbot.keyClick(view, Qt.Key.Key_End)
    assert seen(view)[-1].endswith("word119")


def test_the_keys_go_line_by_line_to_both_ends(qtbot: QtBot, view: CaptionView) -> None:
    view.set_state(CaptionState().apply("mic", said(LONG)))
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert seen(view)[0] == view.lines[0].text
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert seen(view)[0] == view.lines[1].text
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert seen(view)[0] == view.lines[0].text
    for _ in view.lines:
        qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert view.following


def test_cleared_lines_are_above(view: CaptionView) -> None:
    state = CaptionState().apply("mic", said("Before the clearing."))
    view.set_state(state)
    state = state.cleared()
    view.set_state(state)
    view.clear()
    assert seen(view) == []
    view.set_state(state.apply("mic", said("After it.")))
    assert seen(view) == ["After it."]
    view.resize(view.width() - 100, view.height_for(4))
    view.set_text_size(36)
    assert seen(view) == ["After it."]
    view.scroll_lines(-1)
    assert seen(view) == ["Before the clearing.", "After it."]
    view.scroll_lines(1)
    assert seen(view) == ["After it."]


def test_a_larger_text_breaks_lines_anew_and_keeps_all_words(view: CaptionView) -> None:
    view.set_state(CaptionState().apply("mic", said(LONG)))
    lines = len(view.lines)
    view.set_text_size(56)
    assert len(view.lines) > lines
    assert " ".join(line.text for line in view.lines) == LONG
    assert view.following
    assert seen(view)[-1].endswith("word119")


def test_what_is_shown_can_be_copied(view: CaptionView) -> None:
    view.set_state(CaptionState(named=True).apply("mic", said("Good morning.")))
    assert view.shown_text() == "You: Good morning."


def test_lines_roll_in_a_short_movement_unless_told_otherwise(qtbot: QtBot, view: CaptionView) -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(LONG.split()[:12], []))
    view.set_state(state)
    view.animated = True
    watch = PaintWatch(view)
    view.set_state(state.apply("mic", talker.partial(LONG.split()[12:20], [])))
    qtbot.wait(ROLL_MS + 60)
    moving = len(watch.heights)
    view.animated = False
    view.set_state(state.apply("mic", talker.partial(LONG.split()[20:28], [])))
    qtbot.wait(ROLL_MS + 60)
    assert moving > 2
    assert len(watch.heights) - moving <= 2


def test_labels_tails_and_settled_words_differ_in_colour(view: CaptionView) -> None:
    style = CaptionStyle()
    view.set_state(CaptionState(named=True).apply("mic", Talker().partial(["settled"], ["tail"])))
    image = view.grab().toImage()
    colors = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {style.text, style.tail, style.speaker("mic")} <= colors


def test_a_line_whose_name_is_out_of_view_is_marked_in_its_speakers_colour(view: CaptionView) -> None:
    state = CaptionState(named=True).apply("mic", said(LONG))
    view.set_state(state)
    assert not any(line.label for line in view.visible_lines)
    image = view.grab().toImage()
    for row in range(view.rows):
        y = image.height() - round((view.rows - row - 0.5) * view.height_for(1))
        assert image.pixelColor(1, y).name() == CaptionStyle().speaker("mic")


def test_who_speaks_alone_is_not_marked(view: CaptionView) -> None:
    view.set_state(CaptionState().apply("mic", said(LONG)))
    image = view.grab().toImage()
    assert {image.pixelColor(1, y).name() for y in range(image.height())} == {image.pixelColor(1, 0).name()}


def test_a_hint_gets_smaller_rather_than_cut(view: CaptionView) -> None:
    view.resize(388, view.height_for(1))
    view.set_hint("There is no microphone: connect one, then try again.\nPress Space to try again, or choose another.")
    image = view.grab().toImage()
    paper = image.pixelColor(0, 0)
    rows = {y for y in range(image.height()) for x in range(image.width()) if image.pixelColor(x, y) != paper}
    assert rows
    assert not rows & {0, image.height() - 1}
