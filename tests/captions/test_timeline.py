"""When words were said: on one clock for all sources and sessions, however many pauses and gaps there were."""

from __future__ import annotations

import pytest

from app.captions.model import CaptionState
from app.captions.timeline import Timeline
from tests.helpers.talk import STEP, Talker, said


def test_time_begins_with_the_first_sound_and_goes_on_during_a_pause() -> None:
    timeline = Timeline()
    timeline.place("mic", 0.0, 5_000.0)
    assert timeline.at("mic", 12.5) == 12.5
    timeline.restart()
    timeline.place("system", 0.0, 5_600.0)
    assert timeline.at("system", 3.0) == 603.0


def test_what_was_said_before_a_gap_stays_where_it_was() -> None:
    timeline = Timeline()
    timeline.place("mic", 0.0, 100.0)
    timeline.place("mic", 10.0, 170.0)
    assert [timeline.at("mic", second) for second in (9.5, 10.0, 11.0)] == [9.5, 70.0, 71.0]


def test_a_correction_takes_the_place_of_what_was_told_before() -> None:
    timeline = Timeline()
    timeline.place("mic", 0.0, 100.0)
    timeline.place("system", 0.0, 101.0)
    timeline.place("system", 0.0, 100.5)
    assert timeline.at("system", 2.0) == 2.5


def test_nothing_was_said_before_the_beginning() -> None:
    timeline = Timeline()
    timeline.place("mic", 0.0, 100.0)
    timeline.place("system", 0.0, 99.9)  # its device was opened a little sooner
    assert timeline.at("system", 0.0) == 0.0


def test_every_word_has_its_times_whatever_becomes_of_tails() -> None:
    you, computer = Talker(), Talker()
    state = CaptionState(named=True)
    state = state.apply("system", computer.partial(["So", "we"], ["wen", "tonne"]))
    state = state.apply("mic", you.final(["Yeah."]), lambda second: second + 60.0)
    state = state.apply("system", computer.partial(["went"], ["on"])).cleared()
    state = state.apply("system", computer.final(["on", "and", "on."])).apply("mic", you.partial([], ["uh"]))
    for turn in state.turns + state.ended(named=True).turns:
        assert len(turn.starts) == len(turn.ends) == len(turn.words + turn.tail)
    spoken = [word for turn in state.turns if turn.speaker == "system" for word in turn.spoken]
    assert [word.text for word in spoken] == ["So", "we", "went", "on", "and", "on."]
    assert [word.start for word in spoken] == pytest.approx([STEP * index for index in range(6)])
    assert next(turn for turn in state.turns if turn.speaker == "mic").starts == (60.0,)


def test_a_gap_in_the_sound_is_a_pause_of_the_speaker() -> None:
    timeline, talker = Timeline(), Talker()
    timeline.place("mic", 0.0, 0.0)
    timeline.place("mic", 0.3, 300.0)
    state = CaptionState().apply("mic", talker.final(["One."]), lambda second: timeline.at("mic", second))
    state = state.apply("mic", talker.final(["Two."]), lambda second: timeline.at("mic", second))
    assert [turn.continues for turn in state.turns] == [False, False]


def test_without_a_place_seconds_are_those_of_the_sound() -> None:
    assert Timeline().at("mic", 4.0) == 4.0
    assert CaptionState().apply("mic", said("a b")).turns[0].starts == (0.0, STEP)
