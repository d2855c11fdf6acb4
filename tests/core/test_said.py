"""What the window saves, read back by webvtt-py, which no one here wrote."""

from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest
import webvtt

from app.captions.model import CaptionState
from app.captions.plain_text import whole_text
from app.core.transcript.said import form_of, subrip, timed_text
from app.core.transcript.said import webvtt as to_vtt
from app.core.transcript.subtitles import CUE_LINES, LINE_CHARACTERS
from tests.helpers.talk import Talker, said

NAMES = {"mic": "You", "system": "Computer"}
name_of = NAMES.__getitem__


def meeting() -> CaptionState:
    """You ask, the computer answers an hour later and at some length; you agree meanwhile."""
    you, computer = Talker(), Talker()
    answer = "It is due on Friday, and the numbers for the second quarter are in the folder that I shared with you all."
    state = CaptionState(named=True).apply("mic", you.final(["When", "is", "it", "due?"]))
    state = state.apply("system", computer.final(answer.split()), lambda second: second + 3_605.0)
    return state.apply("mic", you.final(["R&D", "<too>?"]), lambda second: second + 3_607.0)


def test_text_with_times_says_when_and_who() -> None:
    assert timed_text(meeting(), name_of) == (
        "[00:00:00] You: When is it due?\n"
        "[01:00:05] Computer: It is due on Friday, and the numbers for the second quarter are in the folder "
        "that I shared with you all.\n"
        "[01:00:08] You: R&D <too>?\n"
    )


def test_one_who_speaks_alone_has_no_name() -> None:
    state = CaptionState().apply("mic", said("Hello there."))
    assert timed_text(state, name_of) == "[00:00:00] Hello there.\n"
    assert subrip(state, name_of) == "1\n00:00:00,000 --> 00:00:01,100\nHello there.\n"
    assert to_vtt(state, name_of) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.100\nHello there.\n"


def test_two_sources_one_after_the_other_are_told_apart() -> None:
    state = CaptionState().apply("mic", said("Mine.")).ended(named=False)
    state = state.apply("system", said("Theirs."), lambda second: second + 10.0)
    assert timed_text(state, name_of) == "[00:00:00] You: Mine.\n[00:00:10] Computer: Theirs.\n"


def test_subtitles_name_who_begins_to_speak() -> None:
    read = [" ".join(cue.lines) for cue in webvtt.from_buffer(io.StringIO(subrip(meeting(), name_of)), format="srt")]
    assert read == [
        "You: When is it due?",
        "Computer: It is due on Friday, and the numbers for the second quarter are in the",
        "You: R&D <too>?",
        "Computer: folder that I shared with you all.",
    ]


def test_voices_of_webvtt_are_the_speakers() -> None:
    read = webvtt.from_string(to_vtt(meeting(), name_of))
    assert {cue.voice for cue in read} == {"You", "Computer"}
    assert [cue.voice for cue in read if "Friday" in cue.text] == ["Computer"]


@pytest.mark.parametrize("seed", range(20))
def test_hours_of_two_who_talk_at_once_lose_no_word_and_keep_their_times(seed: int) -> None:
    chance = random.Random(seed)
    talkers = {name: Talker() for name in NAMES}
    state = CaptionState(named=True)
    starts: dict[str, list[tuple[str, float]]] = {name: [] for name in NAMES}
    for number in range(200):
        name = chance.choice(list(NAMES))
        words = [f"w{number}x{index}" for index in range(chance.randrange(1, 40))]
        update = talkers[name].final(words, pause=chance.choice([0.2, 3.0, 200.0]))
        starts[name] += [(word.text, word.start) for word in update.words]
        state = state.apply(name, update)
    for form in ("srt", "vtt"):
        text = subrip(state, name_of) if form == "srt" else to_vtt(state, name_of)
        read = list(webvtt.from_buffer(io.StringIO(text), format=form))
        assert all(before.start_in_seconds <= after.start_in_seconds for before, after in pairwise(read))
        assert all(len(cue.lines) <= CUE_LINES for cue in read)
        assert all(len(line) <= LINE_CHARACTERS for cue in read for line in cue.text.split("\n"))
        said_at = {word: cue for cue in read for word in cue.text.split() if word.startswith("w")}
        for name in NAMES:
            for word, start in starts[name]:
                assert said_at[word].start_in_seconds - 1 <= start <= said_at[word].end_in_seconds + 1
    assert len(timed_text(state, name_of).split()) > len(whole_text(state, name_of).split())


@pytest.mark.parametrize(
    ("ending", "chosen", "form"),
    [
        (".txt", "text", "text"),
        (".txt", "timed", "timed"),
        (".SRT", "text", "srt"),
        (".vtt", "srt", "vtt"),
        (".txt", "srt", "text"),
        ("", "srt", "srt"),
        (".md", "timed", "timed"),
    ],
)
def test_the_ending_of_the_name_counts_more_than_what_was_chosen(ending: str, chosen: str, form: str) -> None:
    assert form_of(ending, chosen) == form
