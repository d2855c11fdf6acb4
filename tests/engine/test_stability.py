"""The modes of steadiness through whole streams of frame-synchronous models: the tail of a beam, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.boosting.boost import Boost
from engine.decoding.guidance import Guidance
from engine.frame_track import FrameTrack
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer
from engine.stability import STABILITY, Steadiness
from engine.track import Hypothesis
from engine.types import BoostPhrase, Final, Partial, Samples
from tests.helpers.reference import recording

OpenModel = Callable[..., FrameBundle]
DECODERS = [("ctc-sherpa-80ms", "ctc"), ("rnnt-sherpa-80ms", "transducer"), ("tdt-nemo-80ms", "transducer")]
CHUNK = 1_280


def hypotheses(track: FrameTrack, sound: Samples) -> list[Hypothesis]:
    """What a track says after each chunk of sound, and in the end."""
    told = []
    for start in range(0, len(sound), CHUNK):
        track.hear(sound[start : start + CHUNK])
        track.advance()
        told.append(track.hypothesis)
    track.finish()
    return [*told, track.hypothesis]


@pytest.mark.parametrize(("model", "decoder"), DECODERS)
def test_the_tail_of_a_beam_is_shown_as_far_as_the_mode_says(model: str, decoder: str, open_model: OpenModel) -> None:
    sound, longest = recording("a5_real.flac"), {}
    for mode, stability in STABILITY.items():
        track = FrameTrack(open_model(model), decoder, guidance=Guidance(beam=4, steadiness=mode))
        told = hypotheses(track, sound)
        tails = [len(hypothesis.tokens) - hypothesis.settled for hypothesis in told]
        assert stability.tail is None or max(tails) <= stability.tail
        assert tails[-1] == 0
        longest[mode] = max(tails)
    assert min(longest[Steadiness.RESPONSIVE], longest[Steadiness.BALANCED]) > longest[Steadiness.STEADY] == 0


@pytest.mark.parametrize("mode", Steadiness)
@pytest.mark.parametrize(("model", "decoder"), DECODERS)
def test_settled_words_stay_in_every_mode(model: str, decoder: str, mode: Steadiness, models: Path) -> None:
    """Under a list too, which is taken away in the middle."""
    recognizer = Recognizer.load(models / model, ModelOptions(decoder=decoder))
    boost: Boost = recognizer.compile([BoostPhrase("the"), BoostPhrase("Kubernetes")])
    stream = recognizer.stream(Guidance(boost=boost, beam=4, steadiness=mode))
    sound = recording("a5_real.flac")
    settled: dict[int, list[str]] = {}
    shown = 0
    for k, start in enumerate(range(0, len(sound), CHUNK)):
        if k == len(sound) // CHUNK // 2:
            stream.set_boost(None)
        for update in stream.push(sound[start : start + CHUNK]):
            if isinstance(update, Partial | Final):
                words = [word.text for word in update.words]
                before = settled.get(update.utterance, [])
                assert words[: len(before)] == before
                settled[update.utterance] = words if isinstance(update, Final) else words[: update.settled]
                shown += len(words)
    assert shown > 0


@pytest.mark.parametrize(("model", "decoder"), DECODERS)
def test_a_beam_loses_no_more_words_the_longer_it_listens(model: str, decoder: str, open_model: OpenModel) -> None:
    """As many are heard in each stretch as by a search that has just begun there."""
    one, guidance = recording("a5_real.flac"), Guidance(beam=4)
    on, anew = (FrameTrack(open_model(model), decoder, guidance=guidance) for _ in range(2))
    heard, heard_anew = [], []
    for _ in range(3):
        for track, counts in ((on, heard), (anew, heard_anew)):
            for start in range(0, len(one), CHUNK):
                track.hear(one[start : start + CHUNK])
                track.advance()
            counts.append(track.hypothesis.settled)
        anew.guide(guidance)  # settles all paths
    on.finish()
    anew.finish()
    every, every_anew = on.hypothesis.settled, anew.hypothesis.settled
    assert every >= 0.95 * every_anew - 1
    assert every - heard[1] >= 0.95 * (every_anew - heard_anew[1]) - 2
