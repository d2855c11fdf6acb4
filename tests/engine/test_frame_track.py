"""Tracks of frame-synchronous models: no cut, pause, start or end of the sound loses or changes anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadSamples, UnsupportedDecoder
from engine.frame_track import FrameTrack
from engine.models.parts import FrameBundle
from engine.types import Samples, Token
from tests.helpers.reference import Case, cases, recording

OpenModel = Callable[..., FrameBundle]

EVERY_DECODER = [
    ("ctc-sherpa-80ms", "ctc"),
    ("rnnt-sherpa-128mel-160ms", "transducer"),
    ("tdt-nemo-80ms", "transducer"),
    ("tdt-nemo-128mel-560ms", "transducer"),
    ("hybrid-nemo-560ms", "ctc"),
]


def _tokens(bundle: FrameBundle, decoder: str, parts: Sequence[Samples]) -> tuple[Token, ...]:
    track = FrameTrack(bundle, decoder)
    for part in parts:
        track.push(part)
    track.finish()
    return track.hypothesis.tokens


@pytest.mark.parametrize(("model", "decoder"), EVERY_DECODER)
@given(cuts=st.lists(st.integers(0, 48_000), max_size=20))
@settings(max_examples=15)
def test_cuts_change_nothing(model: str, decoder: str, cuts: list[int], open_model: OpenModel) -> None:
    sound = recording("a6_fast.flac")[:48_000]
    bundle = open_model(model)
    whole = _tokens(bundle, decoder, [sound])
    assert whole
    assert _tokens(bundle, decoder, np.split(sound, sorted(cuts))) == whole


def test_single_samples_are_taken_too(open_model: OpenModel) -> None:
    sound = recording("a1_short.flac")[:4_000]
    bundle = open_model("ctc-sherpa-80ms")
    assert _tokens(bundle, "ctc", list(sound[:, None])) == _tokens(bundle, "ctc", [sound])


LAST_WORDS = [
    case
    for case in cases()
    if case.grid == "aligned16" and case.precision == "fp32" and case.recording in ("a1_short.flac", "a6_fast.flac")
]


@pytest.mark.parametrize("case", LAST_WORDS, ids=lambda case: case.id)
def test_finish_brings_out_the_last_word(case: Case, open_model: OpenModel) -> None:
    """The end of the sound gives every token that the reference heard in it with a second of silence behind."""
    bundle = replace(open_model(case.model, case.precision), max_symbols=case.max_symbols)
    track = FrameTrack(bundle, case.decoder)
    sound = recording(case.recording)
    track.push(sound)
    track.finish()
    tokens = [token.id for token in track.hypothesis.tokens]
    duration = len(sound) / 16_000
    within = [token for token, frame in zip(case.tokens, case.at, strict=True) if 0.08 * frame <= duration + 0.4]
    assert tokens[: len(within)] == within
    assert all(token.time <= duration for token in track.hypothesis.tokens)
    assert track.hypothesis.decoded == pytest.approx(duration)


@pytest.mark.parametrize("model", ["ctc-sherpa-80ms", "hybrid-nemo-560ms"])
@pytest.mark.parametrize("tail", range(0, 8_960, 1_600))
def test_the_end_may_fall_anywhere_in_a_chunk(model: str, tail: int, open_model: OpenModel) -> None:
    """Silence behind the last word, or its absence, does not decide whether the word is there."""
    bundle, sound = open_model(model), recording("a1_short.flac")
    silent = np.concatenate((sound, np.zeros(tail, np.float32)))
    plain = [token.id for token in _tokens(bundle, "ctc", [sound])]
    assert [token.id for token in _tokens(bundle, "ctc", [silent])][: len(plain)] == plain


def test_no_encoder_frame_is_missing_at_the_start(open_model: OpenModel) -> None:
    """The first one is centred at time 0 and comes with the first feature frame; sherpa-onnx begins 160 ms later."""
    track = FrameTrack(open_model("ctc-sherpa-80ms"))
    assert not track.push(np.zeros(199, np.float32))
    assert track.push(np.zeros(1, np.float32))
    assert track.hypothesis.decoded == 0.0
    assert track.push(np.zeros(1_280, np.float32))
    assert track.hypothesis.decoded == pytest.approx(0.08)


@pytest.mark.parametrize(("model", "decoder"), EVERY_DECODER)
def test_dropping_tokens_is_a_cut_in_the_text_only(model: str, decoder: str, open_model: OpenModel) -> None:
    bundle, sound = open_model(model), recording("a6_fast.flac")
    whole = _tokens(bundle, decoder, [sound])
    track = FrameTrack(bundle, decoder)
    dropped: tuple[Token, ...] = ()
    for start in range(0, len(sound), 9_000):
        track.push(sound[start : start + 9_000])
        kept = len(track.hypothesis.tokens) // 2
        dropped += track.hypothesis.tokens[:kept]
        track.drop(kept)
    track.finish()
    assert dropped + track.hypothesis.tokens == whole


def test_streams_of_one_model_do_not_meet(open_model: OpenModel) -> None:
    bundle = open_model("rnnt-sherpa-80ms")
    sounds = [recording("a1_short.flac"), recording("a5_real.flac")]
    alone = [_tokens(bundle, "transducer", [sound]) for sound in sounds]
    tracks = [FrameTrack(bundle) for _ in sounds]
    for start in range(0, max(map(len, sounds)), 1_280):
        for track, sound in zip(tracks, sounds, strict=True):
            track.push(sound[start : start + 1_280])
    for track in tracks:
        track.finish()
    assert [track.hypothesis.tokens for track in tracks] == alone


def test_push_tells_whether_the_hypothesis_moved_on(open_model: OpenModel) -> None:
    track = FrameTrack(open_model("ctc-sherpa-80ms"))
    sound = recording("a1_short.flac")
    for start in range(0, len(sound), 500):
        before = track.hypothesis
        moved = track.push(sound[start : start + 500])
        assert moved == (track.hypothesis != before)


def test_times_never_run_backwards_and_all_is_settled(open_model: OpenModel) -> None:
    track = FrameTrack(open_model("tdt-nemo-128mel-560ms"))
    track.push(recording("a2_three.flac"))
    track.finish()
    times = [token.time for token in track.hypothesis.tokens]
    assert times == sorted(times)
    assert track.hypothesis.settled == len(times) > 0
    assert all(0.0 < token.confidence <= 1.0 for token in track.hypothesis.tokens)


@pytest.mark.parametrize("samples", [0, 1, 159, 400])
@pytest.mark.parametrize(("model", "decoder"), EVERY_DECODER)
def test_hardly_any_sound(model: str, decoder: str, samples: int, open_model: OpenModel) -> None:
    track = FrameTrack(open_model(model), decoder)
    track.push(np.zeros(samples, np.float32))
    track.finish()
    assert track.hypothesis.decoded == pytest.approx(samples / 16_000)


def test_broken_samples_are_silence_and_other_sound_is_refused(open_model: OpenModel) -> None:
    bundle = open_model("ctc-sherpa-80ms")
    sound = recording("a1_short.flac").copy()
    sound[5_000:5_020] = 0.0
    broken = sound.copy()
    broken[5_000:5_010], broken[5_010:5_020] = np.nan, np.inf
    assert _tokens(bundle, "ctc", [broken]) == _tokens(bundle, "ctc", [sound])
    with pytest.raises(BadSamples):
        FrameTrack(bundle).push(np.zeros((100, 2), np.float32))


def test_a_decoder_the_model_lacks(open_model: OpenModel) -> None:
    with pytest.raises(UnsupportedDecoder, match=r"no transducer decoder; it has: ctc\.$"):
        FrameTrack(open_model("ctc-sherpa-80ms"), "transducer")
