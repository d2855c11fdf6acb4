"""Writes ONNX nodes: names them, keeps their constants, and spells the few blocks that recur."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from engine.models.rewriting.linears import CONTRIBUTED, LARGEST, ZERO_POINT, Form, block_attributes, blocks, columns
from engine.models.rewriting.network import Linear, Norm

Array = NDArray[Any]

_IR_VERSION, _OPSETS = 8, (("", 17), (CONTRIBUTED, 1))
"""Of graphs that are written from nothing."""


class Pen:
    """Writes nodes and weights into a model, in the order in which they are asked for."""

    def __init__(self, form: Form) -> None:
        """
        Args:
            form: how linear maps are written.
        """
        self.form = form
        self.model = onnx.ModelProto()
        # Straight into the model: every copy of the weights would take as much memory again.
        self._nodes = self.model.graph.node
        self._weights = self.model.graph.initializer
        self._small: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._shapes: dict[tuple[int | str, ...], str] = {}

    def constant(self, value: Array) -> str:
        """The name of a constant tensor; small equal ones share it."""
        value = np.asarray(value, order="C")
        key = (str(value.dtype), value.shape, value.tobytes() if value.size <= 64 else b"")
        if key[2] and key in self._small:
            return self._small[key]
        name = f"w{len(self._weights)}"
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self._weights.add(name=name, data_type=kind, dims=value.shape, raw_data=value.tobytes())
        if key[2]:
            self._small[key] = name
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output; returns the output's name."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        names = [f"t{len(self._nodes)}_{i}" for i in range(count)]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def reshape(self, x: str, *shape: int | str) -> str:
        """x in another shape; sizes that only a call knows are tensors, int64 [1]."""
        if shape not in self._shapes:
            parts = [size if isinstance(size, str) else self.integers(size) for size in shape]
            numbers = [size for size in shape if isinstance(size, int)]
            whole = self.integers(*numbers) if len(numbers) == len(shape) else self.op("Concat", *parts, axis=0)
            self._shapes[shape] = whole
        return self.op("Reshape", x, self._shapes[shape])

    def split(self, x: str, axis: int, *sizes: int) -> list[str]:
        return self.ops("Split", len(sizes), x, self.integers(*sizes), axis=axis) if len(sizes) > 1 else [x]

    def crop(self, x: str, axis: int, start: str, end: str) -> str:
        """x[start:end] along an axis; the limits are tensors, int64 [1]."""
        return self.op("Slice", x, start, end, self.integers(axis))

    def norm(self, x: str, norm: Norm) -> str:
        scale, bias = self.constant(norm.scale), self.constant(norm.bias)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=norm.epsilon)

    def swish(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    def linear(self, x: str, linear: Linear) -> str:
        """x of rank 2 through a linear map, in the form this graph uses."""
        bias = [] if linear.bias is None else [self.constant(linear.bias)]
        if self.form == "int8-blocks":
            weights, scales = blocks(linear)
            # Between the scales and the bias: zero points and the order of groups, both at their defaults.
            inputs = [self.constant(weights), self.constant(scales), *(["", "", *bias] if bias else [])]
            return self.op("MatMulNBits", x, *inputs, domain=CONTRIBUTED, **block_attributes(linear))
        if self.form == "int8-columns":
            y = self.by_columns(x, linear)
            return self.op("Add", y, *bias) if bias else y
        return self.exact(x, linear)

    def by_columns(self, x: str, linear: Linear) -> str:
        """x in int8, each row by its largest number, through a linear map without its bias."""
        signed, scales = columns(linear)
        least = self.constant(np.array(1e-12, np.float32))  # a row of zeros stays one
        largest = self.op("Max", self.op("ReduceMax", self.op("Abs", x), axes=[1]), least)
        step, zero = self.constant(np.array(1 / LARGEST, np.float32)), self.constant(np.array(ZERO_POINT, np.uint8))
        rounded = self.op("QuantizeLinear", self.op("Div", x, largest), step, zero)
        weights = self.constant(signed), step, self.constant(scales), zero
        return self.op("Mul", self.op("MatMulIntegerToFloat", rounded, *weights, domain=CONTRIBUTED), largest)

    def exact(self, x: str, linear: Linear) -> str:
        """x of rank 2 through a linear map in float32."""
        bias = [] if linear.bias is None else [self.constant(linear.bias)]
        return self.op("Gemm", x, self.constant(linear.weight), *bias)

    def rename(self, name: str, output: str) -> None:
        """Give a tensor the name of a graph output."""
        self._nodes.append(helper.make_node("Identity", [name], [output]))

    def finish(self, inputs: Iterable[onnx.ValueInfoProto], outputs: Mapping[str, np.dtype[Any]]) -> onnx.ModelProto:
        """The model, with these inputs and with outputs by name, of sizes that are left open."""
        graph = self.model.graph
        graph.name = "caique"
        graph.input.extend(inputs)
        for name, kind in outputs.items():
            graph.output.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), None))
        self.model.ir_version = _IR_VERSION
        self.model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in _OPSETS)
        return self.model
