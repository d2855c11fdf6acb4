"""The lines: whatever is said, no shown line is broken anew, and only the tail may move."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.captions.layout import CaptionLayout, Line
from app.captions.model import CaptionState
from app.captions.plain_text import shown_text
from tests.helpers.talk import Talker, said

WIDTH = 30.0


def make_layout(width: float = WIDTH) -> CaptionLayout:
    """Every letter is one wide, a label as wide as its name and a colon."""
    return CaptionLayout(lambda text: float(len(text)), lambda speaker: len(speaker) + 1.0, width)


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_words_fill_a_line_and_go_on_in_the_next() -> None:
    state = CaptionState().apply("mic", said("The quick brown fox jumps over the lazy dog"))
    assert texts(make_layout(20).lines(state)) == ["The quick brown fox", "jumps over the lazy", "dog"]


def test_a_label_takes_its_room_in_the_first_line() -> None:
    state = CaptionState(named=True).apply("mic", said("one two three four"))
    lines = make_layout(12).lines(state)
    assert texts(lines) == ["one two", "three four"]
    assert [line.label for line in lines] == ["mic", ""]


def test_every_line_knows_its_speaker_where_speakers_are_told_apart() -> None:
    talkers = {"mic": Talker(), "system": Talker()}
    state = CaptionState(named=True)
    state = state.apply("mic", talkers["mic"].final(["one", "two", "three", "four"], pause=5.0))
    state = state.apply("mic", talkers["mic"].final(["five"]))  # unlabelled: the same speaker after a pause
    state = state.apply("system", talkers["system"].final(["six", "seven", "eight"]))
    lines = make_layout(12).lines(state)
    assert texts(lines) == ["one two", "three four", "five", "six seven", "eight"]
    assert [line.label for line in lines] == ["mic", "", "", "system", ""]
    assert [line.speaker for line in lines] == ["mic", "mic", "mic", "system", "system"]
    alone = CaptionState().apply("mic", said("one two three four"))
    assert [line.speaker for line in make_layout(12).lines(alone)] == ["", ""]


def test_a_word_wider_than_the_window_is_cut() -> None:
    state = CaptionState().apply("mic", said("see abcdefghijklmnop now"))
    assert texts(make_layout(8).lines(state)) == ["see", "abcdefgh", "ijklmnop", "now"]


def test_the_text_of_lines_has_no_line_breaks_of_the_window() -> None:
    state = CaptionState(named=True).apply("mic", said("one two three four")).apply("system", said("five six"))
    assert shown_text(make_layout(12).lines(state), str.upper) == "MIC: one two three four\nSYSTEM: five six"


@dataclass(frozen=True)
class Step:
    speaker: str
    settled: int
    tail: list[int]
    """Lengths of its words."""
    end: bool
    pause: float
    clear: bool


steps = st.lists(
    st.builds(
        Step,
        speaker=st.sampled_from(["mic", "system"]),
        settled=st.integers(0, 4),
        tail=st.lists(st.integers(1, 12), max_size=5),
        end=st.booleans(),
        pause=st.sampled_from([0.0, 5.0]),
        clear=st.sampled_from([False] * 5 + [True]),
    ),
    max_size=25,
)


class Conversation:
    """Plays steps; every settled word is unlike all others, so that it can be found again on the screen."""

    def __init__(self, *, named: bool) -> None:
        self.state = CaptionState(named=named)
        self.settled: dict[str, list[str]] = {"mic": [], "system": []}
        self._talkers = {"mic": Talker(), "system": Talker()}
        self._count = 0

    def play(self, step: Step) -> None:
        talker = self._talkers[step.speaker]
        words = [self._word(self._count % 9 + 1) for _ in range(step.settled)]
        self.settled[step.speaker] += words
        update = talker.final(words, step.pause) if step.end else talker.partial(words, ["t" * n for n in step.tail])
        self.state = self.state.apply(step.speaker, update)
        if step.clear:
            self.state = self.state.cleared()

    def _word(self, length: int) -> str:
        self._count += 1
        return f"{self._count}".ljust(length, "x")


def owners(lines: list[Line]) -> dict[str, tuple[int, int]]:
    """Settled word -> its line and its place in the line."""
    return {word: (row, place) for row, line in enumerate(lines) for place, word in enumerate(line.settled.split())}


@given(steps, st.booleans())
def test_no_settled_word_ever_changes_its_line_or_its_neighbours(script: list[Step], named: bool) -> None:
    conversation, layout = Conversation(named=named), make_layout()
    before: list[Line] = []
    for step in script:
        conversation.play(step)
        after = layout.lines(conversation.state)
        found = owners(after)
        last_row = -1
        for line in before:
            words = line.settled.split()
            if not words:
                continue
            row, _ = found[words[0]]
            assert row > last_row, "lines keep their order"
            assert after[row].label == line.label
            assert after[row].settled.split()[: len(words)] == words, "a line only ever grows"
            last_row = row
        for upper, lower in pairwise(before):
            if lower.settled and not lower.begins:
                assert after[found[upper.settled.split()[0]][0]].settled == upper.settled, "a left line is final"
        before = after


@given(steps, st.booleans())
def test_all_that_is_settled_stands_there_once_and_in_order(script: list[Step], named: bool) -> None:
    conversation, layout = Conversation(named=named), make_layout()
    for step in script:
        conversation.play(step)
        lines = layout.lines(conversation.state)
        on_screen = [word for line in lines for word in line.settled.split()]
        for speaker, words in conversation.settled.items():
            mine = set(words)
            assert [word for word in on_screen if word in mine] == words, speaker
        assert len(on_screen) == sum(map(len, conversation.settled.values()))


@given(steps, st.booleans(), st.sampled_from([8.0, 30.0, 60.0]))
def test_lines_fit_and_do_not_depend_on_when_they_were_laid_out(script: list[Step], named: bool, width: float) -> None:
    conversation, layout = Conversation(named=named), make_layout(width)
    lines: list[Line] = []
    for step in script:
        conversation.play(step)
        lines = layout.lines(conversation.state)
        for line in lines:
            label = len(line.label) + 2 if line.label and len(line.label) + 1 < width / 2 else 0
            assert len(line.text) + label <= width
    assert lines == make_layout(width).lines(conversation.state)


@given(steps, steps)
def test_after_a_clear_nothing_is_written_on_the_lines_above(before: list[Step], after: list[Step]) -> None:
    conversation, layout = Conversation(named=True), make_layout()
    for step in before:
        conversation.play(step)
    conversation.state = conversation.state.cleared()
    above = layout.lines(conversation.state)
    for step in after:
        conversation.play(step)
        assert layout.lines(conversation.state)[: len(above)] == above
