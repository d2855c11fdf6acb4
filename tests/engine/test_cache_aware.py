"""Steps of cache-aware encoders: states are values, and streams may share a call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.features import LogMel
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.parts import FrameBundle
from engine.types import Frames
from tests.helpers.reference import Case, cases, recording

OpenModel = Callable[..., FrameBundle]


def _graph(open_model: OpenModel, name: str) -> CacheAwareGraph:
    graph = open_model(name).encoder
    assert isinstance(graph, CacheAwareGraph)
    return graph


def _windows(graph: CacheAwareGraph, name: str, count: int) -> list[Frames]:
    features = LogMel(graph.bins).push(recording(name))
    shift, window = graph.sizes.shift, graph.sizes.window
    return [features[start : start + window] for start in range(0, count * shift, shift)]


@pytest.mark.parametrize("name", ["ctc-sherpa-560ms", "rnnt-sherpa-128mel-160ms", "tdt-nemo-80ms"])
def test_streams_in_one_call_are_as_alone(name: str, open_model: OpenModel) -> None:
    graph = _graph(open_model, name)
    recordings = ("a1_short.flac", "a5_real.flac")
    together, alone = graph.start(streams=2), [graph.start(), graph.start()]
    for pair in zip(*(_windows(graph, recording_name, 5) for recording_name in recordings), strict=True):
        frames, together = graph.step(np.stack(pair), together)
        for stream, window in enumerate(pair):
            single, alone[stream] = graph.step(window[None], alone[stream])
            assert np.abs(single[0] - frames[stream]).max() < 1e-5


def test_a_state_can_be_kept_and_replayed(open_model: OpenModel) -> None:
    graph = _graph(open_model, "rnnt-sherpa-80ms")
    first, second, other = _windows(graph, "a2_three.flac", 3)
    _, state = graph.step(first[None], graph.start())
    once, _ = graph.step(second[None], state)
    graph.step(other[None], state)
    again, _ = graph.step(second[None], state)
    assert np.array_equal(once, again)


COUNTED = [case for case in cases() if case.cache_lengths and case.recording == "a2_three.flac"]


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: case.id)
def test_the_cache_fills_as_in_nemo(case: Case, open_model: OpenModel) -> None:
    graph = _graph(open_model, case.model)
    state = graph.start()
    for expected in case.cache_lengths:
        _, state = graph.step(np.zeros((1, graph.sizes.window, graph.bins), np.float32), state)
        assert state.length.tolist() == [expected]
