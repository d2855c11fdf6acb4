"""The window track against a made-up model and sound of which everything is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding.guidance import HURRIES, Guidance
from engine.endpoint import EndpointRules
from engine.models.window_encoder import WindowEncoder
from engine.recognizer import Stream
from engine.stability import STABILITY, Steadiness
from engine.track import Hypothesis
from engine.types import Final, Frames, Samples
from engine.window import WindowRules
from engine.window_track import WindowTrack
from tests.helpers.attention import ENDING, MISHEARD, LevelModel, LevelVoice, say, spoken

Words = Sequence[tuple[int, float, float]]


@st.composite
def speeches(draw: st.DrawFn) -> tuple[list[tuple[int, float, float]], float]:
    """Words of 0.2 to 0.5 s, no two alike in a row, with pauses between some, and the length of the sound."""
    words, time = [], 0.0
    for word in draw(st.lists(st.integers(0, 59), min_size=1, max_size=14)):
        if words and word == words[-1][0]:
            continue
        pause = draw(st.sampled_from([0.05, 0.05, 0.3, 0.9]))
        length = draw(st.sampled_from([0.2, 0.3, 0.5]))
        time += pause
        words.append((word, time, time + length))
        time += length
    return words, time + draw(st.sampled_from([0.0, 0.1, 1.0]))


def track(model: LevelModel | None = None, mode: Steadiness = Steadiness.BALANCED) -> WindowTrack:
    return WindowTrack(model or LevelModel(), LevelVoice(), guidance=Guidance(steadiness=mode))


def play(track: WindowTrack, sound: Samples, cuts: Sequence[int] = (1_280,)) -> list[Hypothesis]:
    told, at, k = [], 0, 0
    while at < len(sound):
        track.push(sound[at : at + cuts[k % len(cuts)]])
        at, k = at + cuts[k % len(cuts)], k + 1
        told.append(track.hypothesis)
    track.finish()
    return [*told, track.hypothesis]


def ids(hypothesis: Hypothesis) -> list[int]:
    return [token.id for token in hypothesis.tokens]


modes = st.sampled_from(Steadiness)


@given(speeches(), modes)
def test_all_that_is_said_is_heard_and_settled(speech: tuple[Words, float], mode: Steadiness) -> None:
    words, seconds = speech
    last = play(track(mode=mode), say(words, seconds))[-1]
    assert ids(last) == spoken(words)
    assert last.settled == len(last.tokens)


@given(speeches(), modes)
def test_what_is_settled_stays(speech: tuple[Words, float], mode: Steadiness) -> None:
    words, seconds = speech
    settled: tuple[object, ...] = ()
    for hypothesis in play(track(mode=mode), say(words, seconds)):
        assert hypothesis.tokens[: len(settled)] == settled
        settled = hypothesis.tokens[: hypothesis.settled]


@given(speeches(), st.lists(st.integers(100, 5_000), min_size=1, max_size=5))
@settings(max_examples=40)
def test_cutting_the_sound_differently_changes_nothing(speech: tuple[Words, float], cuts: list[int]) -> None:
    words, seconds = speech
    sound = say(words, seconds)
    assert play(track(), sound, cuts)[-1] == play(track(), sound)[-1]
    # Not only the end: whenever the same samples are in, the same has been said.
    once, again = track(), track()
    once.push(sound[:9_000])
    for at in range(0, 9_000, cuts[0]):
        again.push(sound[at : min(at + cuts[0], 9_000)])
    assert once.hypothesis == again.hypothesis


@given(speeches())
def test_times_are_those_of_the_words_and_never_run_backwards(speech: tuple[Words, float]) -> None:
    words, seconds = speech
    tokens = play(track(), say(words, seconds))[-1].tokens
    times = [token.time for token in tokens]
    assert times == sorted(times)
    starts = [token.time for token in tokens if token.text.startswith("\u2581")]
    assert np.allclose(starts, [start for _, start, _ in words], atol=0.03)


@given(speeches(), modes)
def test_nothing_is_inserted_before_what_is_decoded(speech: tuple[Words, float], mode: Steadiness) -> None:
    words, seconds = speech
    told = play(track(mode=mode), say(words, seconds))
    for before, after in pairwise(told):
        assert after.decoded >= before.decoded
        new = after.tokens[len(before.tokens) :] if before.settled == len(before.tokens) else ()
        assert all(token.time >= before.decoded for token in new)


@given(speeches(), st.data())
def test_dropping_settled_tokens_changes_nothing_else(speech: tuple[Words, float], data: st.DataObject) -> None:
    words, seconds = speech
    sound, kept = say(words, seconds), track()
    dropped: list[int] = []
    for at in range(0, len(sound), 4_000):
        kept.push(sound[at : at + 4_000])
        count = data.draw(st.integers(0, kept.hypothesis.settled))
        dropped += ids(kept.hypothesis)[:count]
        kept.drop(count)
    kept.finish()
    assert dropped + ids(kept.hypothesis) == spoken(words)


def test_a_word_that_is_cut_short_is_not_shown_before_it_is_clear() -> None:
    words = [(2, 0.5, 0.9), (4, 1.0, 1.4), (6, 1.5, 1.9), (8, 2.0, 2.4)]
    for hypothesis in play(track(), say(words, 3.5)):
        assert set(ids(hypothesis)) <= {2, 4, 6, 8}


@pytest.mark.parametrize("mode", Steadiness)
def test_words_show_soon_and_settle_after_a_while(mode: Steadiness) -> None:
    words = [(k, 0.5 + 0.4 * k, 0.85 + 0.4 * k) for k in range(20)]
    rules, stability = WindowRules(), STABILITY[mode]
    step = rules.step + rules.step_growth * rules.longest_window
    told = play(track(mode=mode), say(words, 10.0))
    for word, start, end in words:
        shown = next(0.08 * (k + 1) for k, h in enumerate(told) if word in ids(h))
        settled = next(0.08 * (k + 1) for k, h in enumerate(told) if word in ids(h)[: h.settled])
        assert shown <= end + stability.newest + stability.shown_after * step + 0.11
        assert settled <= start + stability.settles + step + 0.11


def test_words_that_the_model_doubts_show_as_soon_and_settle_later() -> None:
    words = [(k, 0.5 + 0.4 * k, 0.85 + 0.4 * k) for k in range(20)]
    rules, stability = WindowRules(), STABILITY[Steadiness.BALANCED]
    step = rules.step + rules.step_growth * rules.longest_window
    told = play(track(LevelModel(surest=4.5)), say(words, 10.0))
    assert told[-1].tokens[0].confidence < stability.sure
    for word, start, end in words[:10]:
        shown = next(0.08 * (k + 1) for k, h in enumerate(told) if word in ids(h))
        settled = next(0.08 * (k + 1) for k, h in enumerate(told) if word in ids(h)[: h.settled])
        assert shown <= end + stability.newest + stability.shown_after * step + 0.11
        assert start + stability.doubted <= settled <= start + stability.doubted + step + 0.11


def test_in_a_steadier_mode_words_come_later_and_fewer_are_withdrawn() -> None:
    """A word that voice activity cuts short is misheard for a moment."""
    words = [(k, 0.5 + 0.4 * k, 0.9 + 0.4 * k) for k in range(20)]
    told = {mode: play(track(mode=mode), say(words, 10.0)) for mode in Steadiness}
    misheard = {mode: sum(MISHEARD in ids(h) for h in hypotheses) for mode, hypotheses in told.items()}
    seen = {mode: sum(len(h.tokens) for h in hypotheses) for mode, hypotheses in told.items()}
    fixed = {mode: sum(h.settled for h in hypotheses) for mode, hypotheses in told.items()}
    assert misheard[Steadiness.STEADY] == 0
    assert seen[Steadiness.RESPONSIVE] > seen[Steadiness.BALANCED] > seen[Steadiness.STEADY]
    assert fixed[Steadiness.RESPONSIVE] > fixed[Steadiness.BALANCED]


def test_one_long_breath_is_heard_whole_in_bounded_memory() -> None:
    """Two minutes without a pause."""
    words = [(k % 59, 0.1 + 0.35 * k, 0.1 + 0.35 * k + 0.33) for k in range(343)]
    model = _Measured()
    watched = track(model)
    sound, heard = say(words, 121.0), []
    for at in range(0, len(sound), 16_000):
        watched.push(sound[at : at + 16_000])
        settled = watched.hypothesis.settled
        heard += ids(watched.hypothesis)[:settled]
        watched.drop(settled)
        assert len(watched.hypothesis.tokens) < 20
    watched.finish()
    assert heard + ids(watched.hypothesis) == spoken(words)
    assert model.longest <= WindowRules().longest_window + 1.0


def test_a_word_right_after_a_window_has_closed_keeps_its_beginning() -> None:
    """The model misses a word whose beginning is not in the window; voice activity notices it late."""
    for wait in np.arange(0.5, 0.8, 0.02):
        words = [(2, 0.5, 1.0), (4, 1.0 + wait, 1.6 + wait)]
        late = WindowTrack(LevelModel(), _LateVoice())
        assert ids(play(late, say(words, 3.5))[-1]) == [2, 4]


class _LateVoice(LevelVoice):
    """Notices speech three blocks, 96 ms, after it has begun, and its end as late."""

    def __init__(self) -> None:
        self._last = [0.0] * 3

    def probability(self, block: Samples) -> float:
        self._last.append(super().probability(block))
        return self._last.pop(0)


def test_silence_is_decoded_at_once_and_costs_no_pass() -> None:
    model = _Measured()
    quiet = track(model)
    play(quiet, np.zeros(160_000, np.float32))
    assert model.longest == 0.0
    assert quiet.hypothesis.decoded == 10.0


def test_a_click_is_no_word() -> None:
    assert ids(play(track(), say([(3, 1.0, 1.09)], 3.0))[-1]) == []


def test_a_doubtful_transcript_of_a_short_sound_is_dropped_and_a_sure_one_kept() -> None:
    short = say([(4, 1.0, 1.5)], 4.0)
    assert ids(play(track(LevelModel(surest=2.0)), short)[-1]) == []
    assert ids(play(track(LevelModel(surest=8.0)), short)[-1]) == [4]


@given(speeches())
def test_a_model_that_does_not_tell_where_it_looks_is_heard_too(speech: tuple[Words, float]) -> None:
    words, seconds = speech
    told = play(track(LevelModel(tells_attention=False)), say(words, seconds))
    assert ids(told[-1]) == spoken(words)
    times = [token.time for token in told[-1].tokens]
    assert times == sorted(times)
    assert all(words[0][1] - 0.5 <= time <= words[-1][2] for time in times)


def test_a_hurried_track_makes_fewer_passes_and_hears_the_same() -> None:
    words = [(k, 0.5 + 0.4 * k, 0.85 + 0.4 * k) for k in range(20)]
    passes = []
    for hurry in range(HURRIES + 1):
        model = _Measured()
        hurried = track(model)
        hurried.guide(Guidance(hurried=hurry))
        assert ids(play(hurried, say(words, 10.0))[-1]) == spoken(words)
        passes.append(model.passes)
    assert passes[1] < 0.4 * passes[0]
    assert passes[2] < 0.7 * passes[1]


class _Remembering(LevelModel):
    """Notes what each window is told of the one before."""

    def window(self, before: WindowEncoder | None = None) -> WindowEncoder:
        made = super().window()
        TOLD.append((made, before))
        return made


TOLD: list[tuple[WindowEncoder, WindowEncoder | None]] = []


def test_a_window_is_told_of_the_last_one_in_which_somebody_spoke() -> None:
    TOLD.clear()
    words = [(4, 0.5, 0.9), (6, 3.0, 3.09), (8, 6.0, 6.5), (9, 9.0, 9.5)]
    model = _Remembering()
    assert spoken([words[0], *words[2:]]) == ids(play(track(model), say(words, 11.0))[-1])
    (first, _), (_click, told), (third, still), (_, then) = TOLD
    assert (told, still, then) == (first, first, third)


class _Measured(LevelModel):
    """Counts its passes and remembers the longest window it was given, in seconds."""

    longest = 0.0
    passes = 0

    def encode(self, samples: Samples) -> Frames:
        object.__setattr__(self, "longest", max(self.longest, len(samples) / 16_000))
        object.__setattr__(self, "passes", self.passes + 1)
        return super().encode(samples)


WORD, MURMUR, GOES_ON, BEGINS, NEXT = 0, 58, 56, 54, 2


class Overlapped(LevelModel):
    """Hears no words in a murmur; another sound goes on with the last word, and opens one where there is none."""

    def _script(self, levels: Samples) -> list[tuple[int, int]]:
        heard = [(token, frame) for token, frame in super()._script(levels) if token != MURMUR]
        return [
            ((ENDING if place else BEGINS) if token == GOES_ON else token, frame)
            for place, (token, frame) in enumerate(heard)
        ]


def test_no_utterance_goes_on_with_the_last_word_of_the_one_before() -> None:
    """A word, then somebody else for two seconds, then what would be the same word's ending."""
    sound = say([(WORD, 0.3, 0.6), (MURMUR, 0.6, 2.6), (GOES_ON, 2.6, 2.9), (NEXT, 2.95, 3.3)], 4.5)
    stream = Stream(track(Overlapped()), EndpointRules())
    told = [update for at in range(0, len(sound), 1_280) for update in stream.push(sound[at : at + 1_280])]
    ended = [update for update in [*told, *stream.finish()] if isinstance(update, Final)]
    assert [[token.id for token in final.tokens] for final in ended] == [[WORD], [BEGINS, NEXT]]
