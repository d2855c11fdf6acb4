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

    def start(self) -> Prediction:
        return Prediction(self._blank, self._zeros)

    def predict(self, token: int, previous: Prediction) -> Prediction:
        return Prediction(token, self._run(previous)[1])

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Array:
        encoded = np.ascontiguousarray(frames.T[None])
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
            target = np.array([[prediction.token]], self._integer)
            prediction.output, _, first, second = self._decoder.run(
                target, np.ones(1, self._integer), *prediction.before
            )
            prediction.after = (first, second)
        return prediction.output, prediction.after


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
            *(np.concatenate([prediction.before[which] for prediction in predictions], axis=1) for which in (0, 1)),
        )
        for n, prediction in enumerate(predictions):
            prediction.after = (first[:, n : n + 1], second[:, n : n + 1])
        return logits[:, :, 0].transpose(1, 0, 2)


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
