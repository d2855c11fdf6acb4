"""What a stream makes of a hypothesis: partials, endpoints, settled text that never changes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.endpoint import EndpointRules
from engine.errors import BadSamples
from engine.recognizer import Stream
from engine.types import Final, Partial, Silence, Update
from tests.helpers.scripted import ScriptedTrack, Spoken

SCRIPT = [
    Spoken("\u2581Good", 0.5),
    Spoken("\u2581mor", 0.8),
    Spoken("ning", 1.0),
    Spoken(".", 1.1),
    Spoken("\u2581Yes", 4.0),
    Spoken("\u2581we", 4.3),
    Spoken("\u2581can", 4.6),
]


def play(script: list[Spoken], seconds: float, cuts: list[int] = [4_000], **options: object) -> list[Update]:  # noqa: B006
    stream = Stream(ScriptedTrack(script, options.pop("tail", ())), EndpointRules(**options))  # type: ignore[arg-type]
    sound, updates, at, k = np.zeros(int(seconds * 16_000), np.float32), [], 0, 0
    while at < len(sound):
        updates += stream.push(sound[at : at + cuts[k % len(cuts)]])
        at, k = at + cuts[k % len(cuts)], k + 1
    return updates + stream.finish()


def finals(updates: list[Update]) -> list[str]:
    return [u.text for u in updates if isinstance(u, Final)]


def assert_append_only(updates: list[Update]) -> None:
    settled: dict[int, list[str]] = {}
    for update in updates:
        if isinstance(update, Silence):
            continue
        words = [w.text for w in update.words]
        before = settled.get(update.utterance, [])
        assert words[: len(before)] == before
        settled[update.utterance] = words if isinstance(update, Final) else words[: update.settled]


def test_a_pause_ends_an_utterance_and_the_end_of_sound_ends_the_last() -> None:
    updates = play(SCRIPT, 5.0)
    assert finals(updates) == ["Good morning.", "Yes we can"]
    first = next(u for u in updates if isinstance(u, Final))
    assert first.start == pytest.approx(0.5)
    assert first.end == pytest.approx(1.26)
    assert first.heard == pytest.approx(1.26 + 0.8, abs=0.081)  # a finished sentence needs 0.8 s of silence
    assert [t.text for t in first.tokens] == ["\u2581Good", "\u2581mor", "ning", "."]


def test_an_unfinished_sentence_waits_longer() -> None:
    updates = play([Spoken("\u2581Well", 0.5), Spoken("\u2581then", 1.6)], 4.0)
    assert finals(updates) == ["Well then"]
    assert next(u.heard for u in updates if isinstance(u, Final)) == pytest.approx(1.76 + 1.2, abs=0.081)


def test_a_word_is_settled_when_the_next_one_has_begun() -> None:
    partials = [u for u in play(SCRIPT[:4], 1.15) if isinstance(u, Partial)]
    assert [(p.text, p.settled) for p in partials] == [
        ("Good", 0),
        ("Good mor", 1),
        ("Good morning", 1),
        ("Good morning.", 1),
    ]


def test_words_remember_when_they_were_first_shown() -> None:
    final = next(u for u in play(SCRIPT[:4], 5.0) if isinstance(u, Final))
    assert final.words[0].emitted == pytest.approx(0.56)
    assert final.words[1].emitted == pytest.approx(1.04)  # as "morning"; "mor" was another word


def test_what_is_foreseen_is_shown_until_it_comes_and_counts_for_nothing_else() -> None:
    script = [*SCRIPT[:3], Spoken("\u2581all", 1.6, foreseen_at=1.2)]
    updates, plain = play(script, 4.0), play([replace(spoken, foreseen_at=math.inf) for spoken in script], 4.0)
    partials = [u for u in updates if isinstance(u, Partial)]
    assert [(p.text, p.settled) for p in partials if 1.0 < p.heard < 1.7] == [
        ("Good morning", 1),
        ("Good morning all", 1),
        ("Good morning all", 2),
    ]
    final, other = (next(u for u in run if isinstance(u, Final)) for run in (updates, plain))
    assert [word.emitted for word in final.words] == pytest.approx([0.56, 1.04, 1.2])
    assert [word.emitted for word in other.words] == pytest.approx([0.56, 1.04, 1.6])
    assert replace(final, words=other.words) == other


def test_silence_is_told_once_and_again_after_words() -> None:
    updates = play([Spoken("\u2581Hi", 4.0)], 12.0)
    silences = [u for u in updates if isinstance(u, Silence)]
    assert [s.since for s in silences] == [0.0, pytest.approx(4.16)]
    assert silences[0].heard == pytest.approx(2.4, abs=0.081)


def test_a_long_utterance_is_cut_at_a_sentence_end_and_loses_nothing() -> None:
    script = [Spoken(f"\u2581w{i}" + ("." if i == 12 else ""), 0.5 + 0.5 * i) for i in range(60)]
    updates = play(script, 32.0, long_utterance=6.0, longest_utterance=10.0)
    texts = finals(updates)
    assert " ".join(texts) == " ".join(s.piece[1:] for s in script)
    assert texts[0].endswith("w12.")
    assert [len(t.split()) for t in texts[1:-1]] == [20, 20]  # no sentence ends there: cut at ten seconds
    assert_append_only(updates)


def test_the_last_word_is_not_lost() -> None:
    assert finals(play([Spoken("\u2581one", 0.5)], 1.0, tail=[Spoken("\u2581two", 1.0)])) == ["one two"]


def test_unsettled_tokens_keep_an_utterance_open() -> None:
    late = [Spoken("\u2581maybe", 0.5, settles_after=3.0)]
    final = next(u for u in play(late, 6.0) if isinstance(u, Final))
    assert final.heard >= 3.5


@settings(max_examples=40)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=12))
def test_updates_do_not_depend_on_how_the_sound_was_cut(cuts: list[int]) -> None:
    assert play(SCRIPT, 7.3, cuts) == play(SCRIPT, 7.3, [1_280])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["\u2581a", "\u2581bc", "d", ".", "?"]), st.floats(0.02, 2.0), st.floats(0.0, 1.0)),
        max_size=25,
    )
)
def test_settled_words_never_change_and_finals_hold_every_word(pieces: list[tuple[str, float, float]]) -> None:
    at, script, settle = 0.0, [], 0.0
    for piece, gap, delay in pieces:
        at += gap
        settle = max(settle, at + delay)  # tokens settle in order
        script.append(Spoken(piece, at, settle - at))
    updates = play(script, at + 1.5, long_utterance=3.0, longest_utterance=6.0)
    assert_append_only(updates)
    assert "".join(finals(updates)).replace(" ", "") == "".join(s.piece for s in script).replace("\u2581", "")


def test_sound_of_another_shape_is_refused_and_nan_is_silence() -> None:
    stream = Stream(ScriptedTrack([]), EndpointRules())
    with pytest.raises(BadSamples, match="one channel"):
        stream.push(np.zeros((2, 100), np.float32))
    with pytest.raises(BadSamples, match="int16"):
        stream.push(np.zeros(100, np.int16))
    assert stream.push(np.full(1_280, np.nan, np.float32)) == []
