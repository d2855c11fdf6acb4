"""The predictor and joint networks of a transducer, one interface over both file layouts.

sherpa-onnx splits them into decoder.onnx and joiner.onnx; NeMo fuses them into decoder_joint.onnx, where the
predictor's next state comes back from the joint. A `Prediction` hides the difference, and is lazy: no network
runs for a token whose prediction is never joined with a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from engine.errors import ModelMismatch
from engine.models.session import Array, Graph
from engine.types import Frames

_MOST_FRAMES = 16
"""More would be joined in vain: a token soon changes the prediction."""
_ROUNDING = 1e-5
"""Largest difference that rounding alone may make, relative to the largest output."""

States: TypeAlias = tuple[Array, Array]
"""Both LSTM states, float32 [layers, B, width] each."""

Integer: TypeAlias = type[np.int32] | type[np.int64]
_INTEGERS: dict[str, Integer] = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


@dataclass(slots=True, eq=False)
class Prediction:
    """The predictor having read `token` after its history. Only the nets that made it look inside.

    What is None has not been computed yet; filling it in later changes nothing that can be seen.
    """

    token: int
    before: States
    after: States | None = None
    output: Array | None = None


class TransducerNets(Protocol):
    """What decoders know of a transducer."""

    def start(self) -> Prediction:
        """The prediction at the start of a stream: the blank, after nothing."""
        ...

    def predict(self, token: int, previous: Prediction) -> Prediction:
        """The prediction when `token` has been emitted after `previous`."""
        ...

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Array:
        """Logits of every frame with every prediction.

        Args:
            frames: float32 [T, width].
            predictions: N of them.

        Returns:
            float32 [T, N, pieces + blank (+ durations)], as the graph gives them. int8 graphs scale by all
            that one call is given, so there the rows depend a little on their company.
        """
        ...


class Ahead:
    """Joins a chunk's frames with one prediction after the other: several frames in a call, where that is exact.

    What is known of a frame holds as long as the prediction is the same. Processor time of a call, measured on the
    sizes of NVIDIA's 114M (1,025 symbols) and 0.6B (8,198): one frame 0.09 and 1.5 ms, seven frames 0.19 and 2.0 ms.
    """

    def __init__(self, nets: TransducerNets, frames: Frames, at_once: int) -> None:
        """
        Args:
            frames: float32 [T, width].
            at_once: frames that a call may take.
        """
        self._nets, self._frames, self._at_once = nets, frames, at_once
        self._prediction: Prediction | None = None
        self._scores: Array = np.zeros((0, 0), np.float32)
        self._first = 0

    def scores(self, t: int, prediction: Prediction) -> Array:
        """Logits of frame `t` with a prediction: float32 [pieces + blank (+ durations)]."""
        if prediction is not self._prediction or t - self._first >= len(self._scores):
            self._scores = self._nets.joint(self._frames[t : t + self._at_once], [prediction])[:, 0]
            self._prediction, self._first = prediction, t
        row: Array = self._scores[t - self._first]
        return row


class SplitNets:
    """decoder.onnx (targets, length, two states) and joiner.onnx (encoder frames, decoder outputs)."""

    def __init__(self, decoder: Graph, joiner: Graph, blank: int) -> None:
        decoder.expect((2, 1, 3, 3), (3, 1, 3, 3))
        joiner.expect((3, 3), (4,))
        self._decoder, self._joiner, self._blank = decoder, joiner, blank
        self._zeros = _zero_states(decoder, 2)
        self._integer = _integer(decoder, 0)
        frames, outputs = joiner.inputs
        self._all_at_once = frames.shape[2] is None and outputs.shape[2] is None
        targets, _, first, second = decoder.inputs
        self._in_batches = targets.shape[0] is first.shape[1] is second.shape[1] is None

    def start(self) -> Prediction:
        return Prediction(self._blank, self._zeros)

    def predict(self, token: int, previous: Prediction) -> Prediction:
        return Prediction(token, self._run(previous)[1])

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Array:
        encoded = np.ascontiguousarray(frames.T[None])
        self._predict([prediction for prediction in predictions if prediction.output is None])
        outputs = np.concatenate([self._run(prediction)[0] for prediction in predictions], axis=2)
        if self._all_at_once:
            logits: Array = self._joiner.run(encoded, outputs)[0][0]
            return logits
        cells = [
            self._joiner.run(encoded[:, :, t : t + 1], outputs[:, :, n : n + 1])[0].reshape(-1)
            for t in range(len(frames))
            for n in range(len(predictions))
        ]
        return np.stack(cells).reshape(len(frames), len(predictions), -1)

    def _run(self, prediction: Prediction) -> tuple[Array, States]:
        if prediction.output is None or prediction.after is None:
            self._predict([prediction])
        assert prediction.output is not None, "it was just computed"
        assert prediction.after is not None, "and this with it"
        return prediction.output, prediction.after

    def _predict(self, predictions: Sequence[Prediction]) -> None:
        """Compute what is missing, all in one call where the graph allows it."""
        together = len(predictions) if self._in_batches else 1
        for start in range(0, len(predictions), together or 1):
            part = predictions[start : start + together]
            outputs, _, first, second = self._decoder.run(
                np.array([[prediction.token] for prediction in part], self._integer),
                np.ones(len(part), self._integer),
                *_joined_states(part),
            )
            for n, prediction in enumerate(part):
                prediction.output = outputs[n : n + 1]
                prediction.after = (first[:, n : n + 1], second[:, n : n + 1])


class FusedNets:
    """decoder_joint.onnx: encoder frames, targets, length and two states in; logits and two states out."""

    def __init__(self, graph: Graph, blank: int) -> None:
        graph.expect((3, 2, 1, 3, 3), (4, 1, 3, 3))
        self._graph, self._blank = graph, blank
        self._zeros = _zero_states(graph, 3)
        self._integer = _integer(graph, 1)
        self._width = graph.static(graph.inputs[0], 1, "the width of encoder frames")

    def start(self) -> Prediction:
        return Prediction(self._blank, self._zeros)

    def predict(self, token: int, previous: Prediction) -> Prediction:
        if previous.after is None:
            # The state after a token does not depend on the frame it is joined with.
            self.joint(np.zeros((1, self._width), np.float32), [previous])
        assert previous.after is not None, "the joint fills it in"
        return Prediction(token, previous.after)

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Array:
        count = len(predictions)
        logits, _, first, second = self._graph.run(
            np.ascontiguousarray(np.broadcast_to(frames.T, (count, *frames.T.shape))),
            np.array([[prediction.token] for prediction in predictions], self._integer),
            np.ones(count, self._integer),
            *_joined_states(predictions),
        )
        for n, prediction in enumerate(predictions):
            prediction.after = (first[:, n : n + 1], second[:, n : n + 1])
        return logits[:, :, 0].transpose(1, 0, 2)


def exact_frames(nets: TransducerNets, graph: Graph, width: int) -> int:
    """How many frames a call of the joint may take and give each what it gives alone; tried on noise.

    Args:
        graph: the file that holds the joint.
        width: numbers in an encoder frame.
    """
    if graph.inputs[0].shape[2] is not None:
        return 1
    frames = np.random.default_rng(0).normal(0, 1, (2, width)).astype(np.float32)
    frames[1] *= 3
    start = nets.start()
    together, alone = (nets.joint(part, [start])[0] for part in (frames, frames[:1]))
    return _MOST_FRAMES if np.abs(together - alone).max() <= _ROUNDING * max(np.abs(alone).max(), 1.0) else 1


def _joined_states(predictions: Sequence[Prediction]) -> States:
    """What the predictor starts from, for all of these in one call."""
    if len(predictions) == 1:
        return predictions[0].before
    firsts, seconds = zip(*(prediction.before for prediction in predictions), strict=True)
    return np.concatenate(firsts, axis=1), np.concatenate(seconds, axis=1)


def check_nets(nets: TransducerNets, graph: Graph, width: int, vocabulary_size: int) -> int:
    """Join a silent frame once and return the number of duration outputs (0 for RNN-T).

    Args:
        graph: the file that holds the joint, for the error.
        width: numbers in an encoder frame.
        vocabulary_size: pieces and blank.
    """
    takes = graph.inputs[0].shape[1]
    if takes not in (None, width):
        raise ModelMismatch(graph.path, f"it takes encoder frames of {takes} numbers, the encoder gives {width}")
    outputs = nets.joint(np.zeros((1, width), np.float32), [nets.start()]).shape[-1]
    if outputs < vocabulary_size:
        raise ModelMismatch(graph.path, f"it scores {outputs} symbols, the vocabulary with blank has {vocabulary_size}")
    return int(outputs - vocabulary_size)


def _zero_states(graph: Graph, first: int) -> States:
    """Start values of the two state inputs from position `first` on, for one stream."""
    one, two = (
        np.zeros(
            (graph.static(tensor, 0, "the number of LSTM layers"), 1, graph.static(tensor, 2, "the LSTM's width")),
            np.float32,
        )
        for tensor in graph.inputs[first : first + 2]
    )
    return one, two


def _integer(graph: Graph, position: int) -> Integer:
    tensor = graph.inputs[position]
    if tensor.dtype not in _INTEGERS:
        raise ModelMismatch(graph.path, f"{tensor.name} is {tensor.dtype} where whole numbers belong")
    return _INTEGERS[tensor.dtype]
