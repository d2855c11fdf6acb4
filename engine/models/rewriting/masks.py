"""Folds what depends only on sizes: attention masks and position encodings, evaluated once by running that part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from engine.models.rewriting.network import Network, Weights
from engine.models.rewriting.nodes import Nodes, Unrecognised


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """What attention sees in a step."""

    forbidden: NDArray[np.bool_]
    """bool [chunk, cache + chunk]: keys a query may not see although the cache is full."""
    encodings: Weights
    """float32 [relative positions, d_model]: encodings before their projection, the most distant past first."""


def fold(nodes: Nodes, network: Network, frames: str, mask: str, positions: str) -> Folded:
    """Evaluate the graph's own masks and positions.

    Args:
        frames: the tensor of subsampled frames, [1, new frames, d_model].
        mask: the tensor of forbidden keys, bool [1, new frames, cached + new frames].
        positions: the tensor of position encodings, [1, relative positions, d_model].

    Raises:
        Unrecognised: the masks are not those of attention over a full left context.
    """
    part = _Part(nodes, network, frames, [mask, positions])
    forbidden, encodings = part.run(network.cache)
    _check_cached_length(part, network, forbidden)
    # Of twice as many positions as keys, the shifted product reads only these.
    used = network.cache + 2 * network.chunk - 1
    return Folded(forbidden, np.ascontiguousarray(encodings[:used]))


class _Part:
    """The part of the graph behind some tensors, with the subsampled frames as an input."""

    def __init__(self, nodes: Nodes, network: Network, frames: str, outputs: list[str]) -> None:
        self._network = network
        self._inputs = [item.name for item in nodes.model.graph.input]
        self._frames = frames
        kept, needed = _behind(nodes, frames, outputs)
        graph = helper.make_graph(
            kept,
            "sizes",
            [
                helper.make_tensor_value_info(self._inputs[1], TensorProto.INT64, None),
                helper.make_tensor_value_info(self._inputs[4], TensorProto.INT64, None),
                helper.make_tensor_value_info(frames, TensorProto.FLOAT, None),
            ],
            [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs],
            [tensor for tensor in nodes.model.graph.initializer if tensor.name in needed],
        )
        self._evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=nodes.model.opset_import))

    def run(self, cached: int) -> tuple[NDArray[np.bool_], Weights]:
        network = self._network
        mask, positions = (
            np.asarray(value)
            for value in self._evaluator.run(
                None,
                {
                    self._inputs[1]: np.array([network.window], np.int64),
                    self._inputs[4]: np.array([cached], np.int64),
                    self._frames: np.zeros((1, network.chunk, network.width), np.float32),
                },
            )
        )
        keys = network.cache + network.chunk
        if mask.shape != (1, network.chunk, keys) or positions.shape[1:] != (2 * keys - 1, network.width):
            raise Unrecognised(f"its masks and positions do not reach over {keys} frames")
        return mask[0].astype(bool), positions[0]


def _behind(nodes: Nodes, frames: str, outputs: list[str]) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that `outputs` need once `frames` is given."""
    needed, queue = set[str](), list(outputs)
    while queue:
        name = queue.pop()
        if name not in needed and name != frames:
            needed.add(name)
            maker = nodes.maker_or_none(name)
            queue.extend(item for item in maker.input if item) if maker is not None else None
    kept = [node for node in nodes.model.graph.node if any(name in needed for name in node.output)]
    return kept, needed


def _check_cached_length(part: _Part, network: Network, forbidden: NDArray[Any]) -> None:
    """With fewer real frames in the cache, just the others must be forbidden besides."""
    keys = np.arange(forbidden.shape[1])
    for cached in {0, 1, network.cache // 2}:
        mask, _ = part.run(cached)
        if not np.array_equal(mask, forbidden | (keys < network.cache - cached)):
            raise Unrecognised(f"with {cached} frames in the cache its mask is not the expected one")
