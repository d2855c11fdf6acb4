"""Transcripts as text, JSON and subtitles; the subtitles are read back by webvtt-py, which no one here wrote."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from html import unescape
from itertools import pairwise

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from app.core.transcript.formats import Transcript, to_json, to_srt, to_txt, to_vtt
from app.core.transcript.subtitles import (
    CUE_LINES,
    CUE_SECONDS,
    LINE_CHARACTERS,
    Cue,
    Speech,
    cues,
)
from engine.types import Final, Reading, Token, Word

letters = st.text("abcdefghijklmnopqrstuvwxyzäéß'&<>", min_size=1, max_size=15)
texts = st.builds(str.__add__, letters, st.sampled_from(["", "", "", "", ",", ".", "?", ".”"]))


@st.composite
def spoken(draw: st.DrawFn, max_words: int = 60) -> tuple[Final, ...]:
    """Utterances as an engine may give them: gaps and lengths of any size, some words slightly overlapping."""
    utterances = []
    time = draw(st.floats(0, 5))
    for number in range(draw(st.integers(0, 3))):
        words = []
        for text in draw(st.lists(texts, min_size=1, max_size=max_words)):
            start = max(0.0, time + draw(st.floats(-0.1, 2.5)))
            time = start + draw(st.floats(0.0, 3.0))
            words.append(Word(text, start, time, 0.9, time + 0.3))
        utterances.append(Final(number, tuple(words), (), words[0].start, words[-1].end, time + 1))
    return tuple(utterances)


def said(sentence: str, *, start: float = 0.0, pace: float = 0.3) -> Final:
    """An utterance whose words last `pace` seconds each and follow one another at once."""
    words = tuple(
        Word(text, start + i * pace, start + (i + 1) * pace, 0.9, start + (i + 1) * pace + 0.4)
        for i, text in enumerate(sentence.split())
    )
    return Final(0, words, (), words[0].start, words[-1].end, words[-1].end + 1)


def cut(*utterances: Final) -> list[Cue]:
    return cues(Speech(utterance.words) for utterance in utterances)


@given(spoken())
def test_cues_keep_within_lines_length_and_order(utterances: tuple[Final, ...]) -> None:
    made = cut(*utterances)
    for cue in made:
        assert 1 <= len(cue.lines) <= CUE_LINES
        assert all(len(line) <= LINE_CHARACTERS for line in cue.lines)
        assert 0 < cue.end - cue.start <= CUE_SECONDS * 1000
    for cue, following in pairwise(made):
        assert cue.end <= following.start


@given(spoken())
def test_cues_hold_every_word_once_and_apart(utterances: tuple[Final, ...]) -> None:
    shown = [word for cue in cut(*utterances) for line in cue.lines for word in line.split(" ")]
    assert shown == [word.text for utterance in utterances for word in utterance.words]


@given(spoken(max_words=20))
def test_both_subtitle_formats_are_read_back_as_the_same_cues(utterances: tuple[Final, ...]) -> None:
    transcript = Transcript("talk.wav", 100.0, utterances)
    made = cut(*utterances)
    vtt = webvtt.from_string(to_vtt(transcript))
    assert [(c.start_in_seconds, c.end_in_seconds) for c in vtt] == [(c.start // 1000, c.end // 1000) for c in made]
    assert [unescape(c.text) for c in vtt] == ["\n".join(c.lines) for c in made]
    if made:  # webvtt-py takes an empty file for a broken one
        srt = webvtt.from_buffer(io.StringIO(to_srt(transcript)), format="srt")
        assert [(c.start, c.end) for c in srt] == [(c.start, c.end) for c in vtt]
        assert [c.lines for c in srt] == [list(c.lines) for c in made]


def test_a_cue_ends_with_its_sentence_when_that_fills_it_well() -> None:
    utterance = said("The boy went through the gate without paying the toll. He was summoned before the magistrate.")
    assert [cue.lines[-1].split()[-1] for cue in cut(utterance)] == ["toll.", "magistrate."]


def test_lines_of_a_cue_are_of_about_equal_length() -> None:
    (cue,) = cut(said("he had been in the employ of a chandler at Islington"))
    assert cue.lines == ("he had been in the employ", "of a chandler at Islington")


def test_a_cue_stays_a_moment_longer_but_not_into_the_next() -> None:
    first, second = cut(said("one two", pace=0.5), said("three", start=1.2))
    assert (first.start, first.end, second.start) == (0, 1200, 1200)
    assert second.end == 2000


def test_a_long_pause_inside_an_utterance_ends_the_cue() -> None:
    before, after = said("wait"), said("here", start=4.0)
    together = Final(0, before.words + after.words, (), 0.0, after.end, 5.0)
    assert [cue.lines for cue in cut(together)] == [("wait",), ("here",)]


def test_a_word_longer_than_a_line_is_never_broken() -> None:
    address = "https://example.org/" + "a" * 60
    assert [line for cue in cut(said(f"see {address} please")) for line in cue.lines].count(address) == 1


def test_srt_and_vtt_are_written_as_their_formats_ask() -> None:
    transcript = Transcript("a.wav", 3700.0, (said("AT&T <won>", start=3661.5),))
    assert to_srt(transcript) == "1\n01:01:01,500 --> 01:01:02,600\nAT&T <won>\n"
    assert to_vtt(transcript) == "WEBVTT\n\n01:01:01.500 --> 01:01:02.600\nAT&amp;T &lt;won&gt;\n"


def test_json_is_one_line_with_what_the_command_promises() -> None:
    word = Word("Grüße,", 0.5, 0.91, 0.8, 1.2)
    final = Final(0, (word,), (Token(7, "▁Grüße", 0.52, 0.9),), 0.5, 0.91, 1.6)
    text = to_json(Transcript("a.wav", 2.0, (final,)))
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert "Grüße" in text
    assert json.loads(text) == {
        "file": "a.wav",
        "text": "Grüße,",
        "duration": 2.0,
        "utterances": [
            {
                "start": 0.5,
                "end": 0.91,
                "text": "Grüße,",
                "words": [{"text": "Grüße,", "start": 0.5, "end": 0.91, "confidence": 0.8, "emitted": 1.2}],
                "tokens": [{"id": 7, "text": "▁Grüße", "time": 0.52}],
            }
        ],
    }


def test_json_tells_of_other_readings_where_there_are_any() -> None:
    one, other = said("Hello there."), Reading((Word("Yellow", 0.0, 0.4, 0.31, 0.9),), 1.23456)
    record = json.loads(to_json(Transcript("a.wav", 2.0, (replace(one, alternatives=(other,)), one))))
    first, second = record["utterances"]
    words = [{"text": "Yellow", "start": 0.0, "end": 0.4, "confidence": 0.31}]
    assert first["alternatives"] == [{"text": "Yellow", "cost": 1.235, "words": words}]
    assert "alternatives" not in second


def test_txt_is_one_utterance_a_line() -> None:
    assert to_txt(Transcript("a.wav", 9.0, (said("Well, then."), said("Go on.", start=3)))) == "Well, then.\nGo on.\n"


@pytest.mark.parametrize(("write", "nothing"), [(to_txt, ""), (to_srt, ""), (to_vtt, "WEBVTT\n")])
def test_a_silent_recording_gives_an_empty_result(write: object, nothing: str) -> None:
    assert callable(write)
    assert write(Transcript("a.wav", 9.0, ())) == nothing
