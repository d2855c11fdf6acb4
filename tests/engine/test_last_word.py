"""The last word is shown when speech stops: a copy of the stream is flushed, and the stream never knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.frame_track import FrameTrack
from engine.lull import Lull
from engine.models.parts import FrameBundle
from engine.recognizer import Stream
from engine.stability import Steadiness
from engine.types import Final, Partial, Samples, Update
from engine.vad import BLOCK, SileroVoice, packaged_model
from tests.helpers.reference import recording
from tests.helpers.rewritten import GRAPHS

OpenModel = Callable[..., FrameBundle]

QUIET = np.random.default_rng(1).normal(0, 1e-4, 32_000).astype(np.float32)
"""Two seconds of a quiet room."""


class Script:
    """A voice that was heard in the blocks of some numbers."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        self._probabilities = iter(probabilities)

    def probability(self, block: Samples) -> float:
        assert block.shape == (BLOCK,)
        return next(self._probabilities)


def lulls(probabilities: Sequence[float], cuts: Sequence[int]) -> int:
    """How often speech stops."""
    lull = Lull(Script(probabilities))
    parts = np.split(np.zeros(len(probabilities) * BLOCK, np.float32), sorted(cuts))
    return sum(lull.hear(part) for part in parts)


def test_speech_has_stopped_after_a_sixth_of_a_second_and_once() -> None:
    assert lulls([0.0] * 20, []) == 0
    assert lulls([0.9] * 9 + [0.1] * 4, []) == 0
    assert lulls([0.9] * 9 + [0.1] * 40, []) == 1
    assert lulls([0.9] * 9 + [0.1] * 4 + [0.9] + [0.1] * 4, []) == 0
    assert lulls(([0.9] * 9 + [0.1] * 5) * 3, [10_000, 15_000]) == 3


@given(cuts=st.lists(st.integers(0, 30 * BLOCK), max_size=9))
def test_lulls_do_not_depend_on_the_cuts(cuts: list[int]) -> None:
    assert lulls([0.9] * 9 + [0.1] * 21, cuts) == 1


def listening(bundle: FrameBundle, *, voice: bool, guidance: Guidance | None = None) -> FrameTrack:
    return FrameTrack(bundle, guidance=guidance, voice=SileroVoice(packaged_model()) if voice else None)


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_stream_that_looked_ahead_goes_on_as_if_it_had_not(name: str, beam: int, open_model: OpenModel) -> None:
    """Step for step, as long as it listens and at the end."""
    bundle, sound = open_model(name), np.concatenate([recording("a2_three.flac"), QUIET, recording("a6_fast.flac")])
    looking, plain = (listening(bundle, voice=voice, guidance=Guidance(beam=beam)) for voice in (True, False))
    for start in range(0, len(sound), 1_280):
        part = sound[start : start + 1_280]
        assert looking.push(part) == plain.push(part)
        assert looking.hypothesis == plain.hypothesis
        assert plain.foreseen == ()
    looking.finish()
    plain.finish()
    assert looking.hypothesis == plain.hypothesis


def updates_of(track: FrameTrack, sound: Samples) -> list[Update]:
    stream = Stream(track, EndpointRules())
    return [update for at in range(0, len(sound), 1_280) for update in stream.push(sound[at : at + 1_280])]


def _words(updates: Sequence[Update]) -> list[Update]:
    """What ended, without when its words were first seen."""
    ended = [update for update in updates if not isinstance(update, Partial)]
    return [
        replace(update, words=tuple(replace(word, emitted=0.0) for word in update.words))
        if isinstance(update, Final)
        else update
        for update in ended
    ]


@pytest.mark.parametrize("name", ["ctc-sherpa-560ms", "ctc-sherpa-80ms"])
def test_the_last_word_shows_early_and_utterances_are_the_same(name: str, open_model: OpenModel) -> None:
    bundle = open_model(name)
    for sound in ("a1_short.flac", "a2_three.flac"):
        heard = np.concatenate([recording(sound), QUIET])
        looking, plain = (updates_of(listening(bundle, voice=voice), heard) for voice in (True, False))
        assert _words(looking) == _words(plain)
        early, late = ([u for u in run if isinstance(u, Final)][-1].words[-1] for run in (looking, plain))
        assert early.emitted <= late.emitted
        assert early.emitted - len(recording(sound)) / 16_000 < 0.45
    if "560" in name:
        assert late.emitted - early.emitted > 0.2


def test_what_does_not_come_vanishes(open_model: OpenModel) -> None:
    """Somebody who stops in a word and goes on: what was foreseen is shown for a moment and leaves no trace."""
    bundle, sound = open_model("ctc-sherpa-560ms"), recording("a1_short.flac")
    heard = np.concatenate([sound[:26_000], QUIET[:6_000], sound[26_000:], QUIET])
    track = listening(bundle, voice=True)
    foreseen = set()
    for start in range(0, len(heard), 1_280):
        track.push(heard[start : start + 1_280])
        foreseen.add(track.foreseen)
    assert len(foreseen) > 2
    assert track.foreseen == ()


@pytest.mark.parametrize("guidance", [Guidance(hurried=1), Guidance(steadiness=Steadiness.STEADY)])
def test_nobody_looks_ahead_in_a_hurry_or_where_captions_shall_be_steady(
    guidance: Guidance, open_model: OpenModel
) -> None:
    track = listening(open_model("ctc-sherpa-560ms"), voice=True, guidance=guidance)
    heard = np.concatenate([recording("a1_short.flac"), QUIET])
    for start in range(0, len(heard), 1_280):
        track.push(heard[start : start + 1_280])
        assert track.foreseen == ()
