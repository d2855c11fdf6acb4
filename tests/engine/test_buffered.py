"""Encoders without caches: a bounded window that is encoded again and again gives what the whole would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.encoder import BufferedStream
from engine.features import LogMel, normalize
from engine.frame_track import FrameTrack
from engine.models.buffering import BufferContext
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import OfflineGraph
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle
from engine.models.session import open_graph
from engine.types import Frames, Samples
from tests.helpers.graphs import convolution_folder, offline_folder
from tests.helpers.reference import Case, cases, recording

EVERYTHING = BufferContext(left=60.0, chunk=0.96, right=60.0)
OFFLINE = [
    case
    for case in cases()
    if case.grid == "aligned16"
    and case.precision == "fp32"
    and case.max_symbols == 10
    and case.recording in ("a1_short.flac", "a5_real.flac")
    and case.model in ("ctc-sherpa-560ms", "rnnt-sherpa-128mel-160ms", "hybrid-nemo-560ms", "tdt-nemo-128mel-560ms")
]


@pytest.fixture(scope="session")
def offline(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FrameBundle]:
    """Opens the offline variant of a reference model."""
    folder = tmp_path_factory.mktemp("offline")

    def open_offline(name: str) -> FrameBundle:
        target = folder / name
        if not target.exists():
            role = "model" if name.startswith("ctc") else "encoder-model" if "nemo" in name else "encoder"
            offline_folder(models / name, target, role)
        bundle = open_bundle(target)
        assert isinstance(bundle, FrameBundle)
        return bundle

    return open_offline


@pytest.fixture(scope="session")
def short_reach(tmp_path_factory: pytest.TempPathFactory) -> FrameBundle:
    """A model whose frames depend on 40 feature frames to either side, unnormalised."""
    bundle = open_bundle(convolution_folder(tmp_path_factory.mktemp("short") / "model", normalization=""))
    assert isinstance(bundle, FrameBundle)
    return bundle


@pytest.mark.parametrize("case", OFFLINE, ids=lambda case: case.id)
def test_whole_recordings_give_what_nemo_streamed(case: Case, offline: Callable[[str], FrameBundle]) -> None:
    """Chunked attention makes the streaming result the offline one, but for a last chunk that is not full."""
    track = FrameTrack(offline(case.model), case.decoder, context=EVERYTHING)
    track.push(np.concatenate((recording(case.recording), np.zeros(case.zero_samples, np.float32))))
    track.finish()
    full = track.hypothesis.tokens[: len(case.tokens)]
    assert [token.id for token in full] == case.tokens
    assert [token.time for token in full] == pytest.approx([8 * frame * 0.01 for frame in case.at])


def _whole(bundle: FrameBundle, sound: Samples) -> Frames:
    """The graph run once over the whole recording, by ONNX Runtime alone."""
    assert isinstance(bundle.encoder, OfflineGraph)
    features = LogMel(bundle.encoder.bins)
    frames = normalize(np.concatenate((features.push(sound), features.finish())), bundle.encoder.normalization)
    graph = open_graph(bundle.encoder.graph.path, ModelOptions(), "the test")
    return graph.run(np.ascontiguousarray(frames.T[None]), np.array([len(frames)], np.int64))[0][0]


def _buffered(bundle: FrameBundle, sound: Samples, context: BufferContext, cuts: list[int]) -> Frames:
    assert isinstance(bundle.encoder, OfflineGraph)
    features = LogMel(bundle.encoder.bins)
    stream = BufferedStream(bundle.encoder, context)
    given_frames = [stream.take(stream.hear(features.push(part))) for part in np.split(sound, sorted(cuts))]
    return np.concatenate([*given_frames, stream.finish(features)])


@given(
    samples=st.integers(0, 40_000),
    chunk=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 40_000), max_size=8),
)
@settings(max_examples=60)
def test_enough_context_gives_the_whole(short_reach: FrameBundle, samples: int, chunk: int, cuts: list[int]) -> None:
    sound = recording("a2_three.flac")[:samples]
    context = BufferContext(left=0.4, chunk=chunk * 0.08, right=0.4)
    frames = _buffered(short_reach, sound, context, [min(cut, samples) for cut in cuts])
    if samples < 160:
        assert len(frames) == 0
    else:
        assert frames == pytest.approx(_whole(short_reach, sound), abs=1e-4)


@pytest.mark.parametrize("normalization", ["per_feature", "all_features"])
def test_full_context_equals_offline_with_normalisation(tmp_path: Path, normalization: str) -> None:
    bundle = open_bundle(convolution_folder(tmp_path / "model", normalization))
    assert isinstance(bundle, FrameBundle)
    sound = recording("a5_real.flac")
    frames = _buffered(bundle, sound, EVERYTHING, [5_000, 20_000])
    assert frames == pytest.approx(_whole(bundle, sound), abs=1e-5)


def test_the_window_stays_bounded(short_reach: FrameBundle) -> None:
    """However much comes at once, no window is longer than its context says."""
    graph = short_reach.encoder
    assert isinstance(graph, OfflineGraph)
    lengths: list[int] = []

    class Watched:
        subsampling, bins, normalization, width = graph.subsampling, graph.bins, graph.normalization, graph.width

        def encode(self, window: Frames) -> Frames:
            lengths.append(len(window))
            return graph.encode(window)

    features = LogMel(80)
    stream = BufferedStream(Watched(), BufferContext(1.6, 0.8, 0.8))  # type: ignore[arg-type]
    stream.take(stream.hear(features.push(np.tile(recording("a2_three.flac"), 4))))
    stream.finish(features)
    assert max(lengths) == 320


def test_tokens_do_not_depend_on_the_cuts(offline: Callable[[str], FrameBundle]) -> None:
    bundle = offline("tdt-nemo-128mel-560ms")
    sound = recording("a5_real.flac")
    at_once, piecewise = (FrameTrack(bundle, context=BufferContext(2.24, 0.56, 0.56)) for _ in range(2))
    at_once.push(sound)
    for start in range(0, len(sound), 700):
        piecewise.push(sound[start : start + 700])
    at_once.finish()
    piecewise.finish()
    assert at_once.hypothesis == piecewise.hypothesis
    assert at_once.hypothesis.tokens
