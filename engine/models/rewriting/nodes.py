"""Finding one's way in an ONNX graph: who makes a tensor, who takes it, and which tensors are constants."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

Array = NDArray[Any]


class Unrecognised(Exception):
    """The graph is not built the way it would have to be; the message says where it departs."""


class Nodes:
    """An index over the nodes of a model. Reads it, never changes it."""

    def __init__(self, model: onnx.ModelProto, folder: Path) -> None:
        """
        Args:
            folder: where the weights are that the model keeps in files of their own.
        """
        self.model = model
        self._folder = folder
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._makers: dict[str, onnx.NodeProto] = {}
        self._takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.output:
                self._makers[name] = node
            for name in dict.fromkeys(node.input):
                self._takers[name].append(node)

    def constant(self, name: str) -> Array | None:
        """The value of a tensor that is written into the graph, or None."""
        if tensor := self._initializers.get(name):
            return self._mapped(tensor) if uses_external_data(tensor) else numpy_helper.to_array(tensor)
        maker = self._makers.get(name)
        if maker is not None and maker.op_type == "Constant":
            return numpy_helper.to_array(maker.attribute[0].t)
        if maker is not None and maker.op_type == "Identity":
            return self.constant(maker.input[0])
        return None

    def _mapped(self, tensor: onnx.TensorProto) -> Array:
        """A tensor in a file of its own: mapped, for the largest models do not fit into memory twice."""
        place, shape = ExternalDataInfo(tensor), tuple(tensor.dims)
        kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        return np.memmap(self._folder / place.location, kind, "r", place.offset or 0, shape or (1,)).reshape(shape)

    def weights(self, name: str, rank: int) -> NDArray[np.float32]:
        """A constant float32 tensor of this many dimensions."""
        value = self.constant(name)
        if value is None or value.dtype != np.float32 or value.ndim != rank:
            raise Unrecognised(f"{name} is no constant float32 tensor of {rank} dimensions")
        return value

    def scalar(self, name: str) -> float | None:
        """A constant of one element, or None."""
        value = self.constant(name)
        return float(value.reshape(())) if value is not None and value.size == 1 else None

    def maker(self, name: str, op: str) -> onnx.NodeProto:
        """The node that makes a tensor; it must be an `op`."""
        node = self._makers.get(name)
        if node is None or node.op_type != op:
            raise Unrecognised(f"{name} is made by {node.op_type if node else 'nothing'}, not by {op}")
        return node

    def maker_or_none(self, name: str) -> onnx.NodeProto | None:
        return self._makers.get(name)

    def takers(self, name: str, op: str) -> list[onnx.NodeProto]:
        """The nodes of kind `op` that take a tensor."""
        return [node for node in self._takers[name] if node.op_type == op]

    def taker(self, name: str, op: str) -> onnx.NodeProto:
        """The one node of kind `op` that takes a tensor."""
        found = self.takers(name, op)
        if len(found) != 1:
            raise Unrecognised(f"{name} goes into {len(found)} {op} nodes where one is expected")
        return found[0]

    def through(self, name: str, *ops: str) -> str:
        """Follow a tensor forward through nodes of the given kinds, in any number, to where they end."""
        while True:
            step = [node for node in self._takers[name] if node.op_type in ops and _carries(node, name)]
            if len(step) != 1:
                return name
            name = step[0].output[0]

    def back_through(self, name: str, *ops: str) -> str:
        """Follow a tensor backward through nodes of the given kinds to where they begin."""
        while (node := self._makers.get(name)) is not None and node.op_type in ops:
            name = node.input[0]
        return name

    def other_input(self, node: onnx.NodeProto, name: str) -> str:
        """The second operand of a node with two, given the first."""
        first, second = node.input
        other: str = second if first == name else first
        return other


def _carries(node: onnx.NodeProto, name: str) -> bool:
    """Whether a tensor is what a node works on, and not a mask, a shape or a bound."""
    if node.op_type == "Mul":
        return True
    position = 2 if node.op_type == "Where" else 0
    return len(node.input) > position and node.input[position] == name


def attribute(node: onnx.NodeProto, name: str) -> Any:
    """An attribute's value, or None where the node leaves it out."""
    for item in node.attribute:
        if item.name == name:
            return onnx.helper.get_attribute_value(item)
    return None
