"""Predictor and joint behind one interface: both layouts give the same, alone and several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.decoding.transducer import GreedyTransducer
from engine.encoder import encoder_stream
from engine.frame_track import FrameTrack
from engine.models.bundle import open_bundle
from engine.models.parts import FrameBundle
from engine.models.session import Graph
from engine.models.transducer_nets import Prediction, TransducerNets
from tests.helpers.graphs import fix_axes, split_folder
from tests.helpers.reference import Case, cases, recording

OpenModel = Callable[..., FrameBundle]
TDT = "tdt-nemo-80ms"


def _open(folder: Path) -> FrameBundle:
    bundle = open_bundle(folder)
    assert isinstance(bundle, FrameBundle)
    return bundle


def _nets(bundle: FrameBundle) -> TransducerNets:
    assert bundle.transducer is not None
    return bundle.transducer


@pytest.fixture(scope="module")
def split(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TDT model in sherpa-onnx's layout."""
    return split_folder(models / TDT, tmp_path_factory.mktemp("split") / "model")


def _after(nets: TransducerNets, tokens: list[int]) -> Prediction:
    prediction = nets.start()
    for token in tokens:
        prediction = nets.predict(token, prediction)
    return prediction


def _frames(count: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)


SPLIT_CASES = [case for case in cases() if case.model == TDT and case.grid == "aligned16"]


@pytest.mark.parametrize("case", SPLIT_CASES, ids=lambda case: case.id)
def test_tdt_in_sherpa_onnxs_layout_decodes_as_nemo(case: Case, split: Path) -> None:
    bundle = replace(_open(split), max_symbols=case.max_symbols)
    assert (bundle.info.family, bundle.durations) == ("tdt", (0, 1, 2, 3, 4))
    track = FrameTrack(bundle)
    track.push(np.concatenate((recording(case.recording), np.zeros(case.zero_samples, np.float32))))
    assert [token.id for token in track.hypothesis.tokens] == case.tokens


def test_both_layouts_give_the_same_logits(split: Path, open_model: OpenModel) -> None:
    fused, parted = open_model(TDT), _open(split)
    frames = _frames(3, fused.encoder.width)
    logits = [
        nets.joint(frames, [_after(nets, tokens) for tokens in ([], [5], [5, 9, 9])])
        for nets in (_nets(fused), _nets(parted))
    ]
    assert logits[0].shape == (3, 3, 102)
    assert np.abs(logits[0] - logits[1]).max() < 1e-5


@pytest.mark.parametrize("name", [TDT, "rnnt-sherpa-80ms", "rnnt-sherpa-128mel-160ms", "tdt-nemo-128mel-560ms"])
def test_many_at_once_are_as_one_by_one(name: str, open_model: OpenModel) -> None:
    bundle = open_model(name)
    nets, frames = _nets(bundle), _frames(4, bundle.encoder.width)
    histories = [[], [3], [3, 7], [8]]
    together = nets.joint(frames, [_after(nets, tokens) for tokens in histories])
    for t in range(4):
        for n, tokens in enumerate(histories):
            alone = nets.joint(frames[t : t + 1], [_after(nets, tokens)])[0, 0]
            assert np.abs(alone - together[t, n]).max() < 1e-4


def test_exports_that_take_one_frame_and_one_symbol(models: Path, split: Path, tmp_path: Path) -> None:
    folder = split_folder(models / TDT, tmp_path / "fixed")
    fix_axes(folder / "joiner.onnx", (0, 2), (1, 2))
    free, fixed = _nets(_open(split)), _nets(_open(folder))
    frames = _frames(3, 56)
    logits = [nets.joint(frames, [_after(nets, tokens) for tokens in ([], [4])]) for nets in (free, fixed)]
    assert np.abs(logits[0] - logits[1]).max() < 1e-5


def test_the_predictor_runs_only_for_what_is_joined(split: Path, open_model: OpenModel) -> None:
    """A prediction nobody joins costs nothing: beams may make many and keep few."""
    for nets in (_nets(open_model(TDT)), _nets(_open(split))):
        prediction = _after(nets, [5])
        assert prediction.after is None
        nets.joint(_frames(1, 56), [prediction])
        assert prediction.after is not None


def test_a_beam_is_one_call_of_the_predictor(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = _nets(_open(split))
    predictions = [_after(nets, tokens) for tokens in ([3], [3, 7], [8], [9, 1])]
    batches: list[int] = []
    run = Graph.run

    def watched(graph: Graph, *values: NDArray[np.generic]) -> object:
        if graph.path.name == "decoder.onnx":
            batches.append(len(values[0]))
        return run(graph, *values)

    monkeypatch.setattr(Graph, "run", watched)
    nets.joint(_frames(1, 56), predictions)
    nets.joint(_frames(1, 56), predictions)
    assert batches == [4]


class _Counted:
    """Nets that count how often frames are joined."""

    def __init__(self, nets: TransducerNets) -> None:
        self.start, self.predict, self._joint = nets.start, nets.predict, nets.joint
        self.calls = 0

    def joint(self, frames: NDArray[np.float32], predictions: Sequence[Prediction]) -> NDArray[np.float32]:
        self.calls += 1
        return self._joint(frames, predictions)


@pytest.mark.parametrize("name", ["rnnt-sherpa-80ms", "rnnt-sherpa-128mel-160ms", TDT, "tdt-nemo-128mel-560ms"])
def test_frames_of_a_chunk_are_joined_ahead_and_change_nothing(name: str, open_model: OpenModel) -> None:
    bundle = open_model(name, "fp32")
    assert bundle.joint_frames > 1
    stream = encoder_stream(bundle)
    frames = stream.take(stream.hear(bundle.encoder.features().push(recording("a2_three.flac"))))
    said, calls = [], []
    for at_once in (1, bundle.joint_frames):
        nets = _Counted(_nets(bundle))
        decoder = GreedyTransducer(nets, bundle.vocabulary.blank, bundle.durations, bundle.max_symbols, at_once)
        state, emitted = decoder.start(), []
        for chunk in np.array_split(frames, len(frames) // 7):
            new, state = decoder.step(chunk, state)
            emitted += new
        said.append([(emission.token, emission.frame, emission.duration) for emission in emitted])
        calls.append(nets.calls)
    assert said[0] == said[1]
    assert len(said[0]) > 5
    assert calls[1] < calls[0]


def test_where_joining_ahead_would_change_something_it_is_not_done(open_model: OpenModel) -> None:
    assert open_model("rnnt-sherpa-80ms", "int8").joint_frames == 1
