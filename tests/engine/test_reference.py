"""The engine against NeMo: every recorded case, token for token and frame for frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.cache_aware import zero_frames
from engine.decoding.guidance import Guidance, make_decoder
from engine.decoding.hypothesis import Emission
from engine.encoder import encoder_stream
from engine.features import LogMel
from engine.frame_track import FrameTrack
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.parts import FrameBundle
from engine.types import Frames
from tests.helpers.reference import Case, arrays, cases, recording

OpenModel = Callable[..., FrameBundle]

LIVE = [case for case in cases() if not case.nemo_tail]
NEMO = [case for case in cases() if case.nemo_tail]


def _name(case: Case) -> str:
    return case.id


def _sound(case: Case) -> Frames:
    return np.concatenate((recording(case.recording), np.zeros(case.zero_samples, np.float32)))


def _features(case: Case, bins: int) -> Frames:
    features = LogMel(bins)
    return np.concatenate((features.push(_sound(case)), features.finish()))


def _check(case: Case, bundle: FrameBundle, frames: Frames, emitted: list[Emission]) -> None:
    assert len(frames) == case.frames
    assert [emission.token for emission in emitted] == case.tokens
    assert [emission.frame for emission in emitted] == case.at
    if case.durations is not None:
        assert [emission.duration for emission in emitted] == case.durations
    if case.precision == "fp32" and emitted:
        said = np.log([emission.confidence for emission in emitted])
        # The expectations are rounded to 1e-5; NeMo's graph and its torch code differ by 2e-5.
        assert np.abs(said - case.log_probabilities).max() < 1e-3
    if case.arrays:
        given = bundle.ctc(frames) if case.decoder == "ctc" and bundle.ctc else frames
        assert np.abs(given - arrays()[case.arrays]).max() < 1e-3


@pytest.mark.parametrize("case", LIVE, ids=_name)
def test_live_grids_give_the_tokens_of_the_reference(case: Case, open_model: OpenModel) -> None:
    bundle = replace(open_model(case.model, case.precision), max_symbols=case.max_symbols)
    stream = encoder_stream(bundle, case.grid)
    frames = stream.take(stream.hear(_features(case, bundle.encoder.bins)))
    decoder = make_decoder(bundle, case.decoder, Guidance())
    emitted, _ = decoder.step(frames, decoder.start())
    _check(case, bundle, frames, emitted)


@pytest.mark.parametrize("case", LIVE, ids=_name)
def test_tracks_put_tokens_where_the_reference_heard_them(case: Case, open_model: OpenModel) -> None:
    bundle = replace(open_model(case.model, case.precision), max_symbols=case.max_symbols)
    track = FrameTrack(bundle, case.decoder, case.grid)
    sound = _sound(case)
    for start in range(0, len(sound), 1280):
        track.push(sound[start : start + 1280])
    hypothesis = track.hypothesis
    assert [token.id for token in hypothesis.tokens] == case.tokens
    assert hypothesis.settled == len(case.tokens)
    times = [(8 * frame + case.first_centre) * 0.01 for frame in case.at]
    assert [token.time for token in hypothesis.tokens] == pytest.approx(times)
    last_frame = (8 * (case.frames - 1) + case.first_centre) * 0.01
    assert hypothesis.decoded == pytest.approx(last_frame)


@pytest.mark.parametrize("case", NEMO, ids=_name)
def test_nemos_own_loop_is_reproduced_step_by_step(case: Case, open_model: OpenModel) -> None:
    bundle = replace(open_model(case.model, case.precision), max_symbols=case.max_symbols)
    graph = bundle.encoder
    assert isinstance(graph, CacheAwareGraph)
    decoder = make_decoder(bundle, case.decoder, Guidance())
    encoder_state, state = graph.start(), decoder.start()
    frames: list[Frames] = []
    emitted: list[Emission] = []
    for window in _nemo_windows(_features(case, graph.bins), graph):
        step, encoder_state = graph.step(window[None], encoder_state)
        said, state = decoder.step(step[0], state)
        frames.append(step[0])
        emitted += said
    _check(case, bundle, np.concatenate(frames), emitted)


def _nemo_windows(features: Frames, graph: CacheAwareGraph) -> list[Frames]:
    """The windows of NeMo's CacheAwareStreamingAudioBuffer with pad_and_drop_preencoded."""
    window, shift = graph.sizes.window, graph.sizes.shift
    front = np.zeros((zero_frames(graph.sizes, "nemo_pad"), graph.bins), np.float32)
    padded = np.concatenate((front, features, np.zeros((1, graph.bins), np.float32)))
    new = len(padded) - len(front)
    starts = [start for start in range(0, new, shift) if start == 0 or new - start >= 8]
    return [padded[start : start + window] for start in starts]
