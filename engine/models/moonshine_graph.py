"""Writes Moonshine's decoder anew: one graph for what it attends to, one for its tokens.

The published graph works out shapes and masks with 800 small operations a call, scores every token that it is given,
and makes keys and values of all frames together with a first token. Here keys and values are made of as few frames
as are new, any number of tokens goes on from any state, and only those are scored that are asked for. Weights and
arithmetic are the same, in 8 bits and rounded alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from engine.models.moonshine_network import Layer, Linear, Network
from engine.models.rewriting.linears import CONTRIBUTED
from engine.models.rewriting.pen import Pen

_EVERYTHING = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Graphs:
    """Both, as ONNX files."""

    memory: bytes
    """frames [T, width] -> keys and values of the cross-attention [T, layers * 2 * heads * head]."""
    tokens: bytes
    """tokens [B, n], how many of the last of them to score [1], own keys and values of each layer [B, heads, L, head],
    and of each layer those of the memory [1, heads, T, head] -> logits [B, scored, V], where it looked
    [B, scored, T], own keys and values [B, heads, L + n, head]."""


def write(network: Network, looking: Sequence[tuple[int, int]]) -> Graphs:
    """Both graphs.

    Args:
        looking: (layer, head) of the cross-attention's heads whose mean tells where the decoder looks.
    """
    return Graphs(_memory(network), _Tokens(network, looking).write())


def _memory(network: Network) -> bytes:
    pen = Pen("fp32")
    pen.rename(_linear(pen, "frames", network.memory), "memory")
    return _finish(pen, [_input("frames", np.float32, "T", len(network.memory.weight))], ["memory"])


class _Tokens:
    def __init__(self, network: Network, looking: Sequence[tuple[int, int]]) -> None:
        self._network = network
        self._looking = looking
        self._pen = Pen("fp32")
        self._weights: list[str] = []
        """The cross-attention's, of those layers that tell where the decoder looks."""

    def write(self) -> bytes:
        pen, net = self._pen, self._network
        self._places()
        codes = pen.op("Gather", pen.constant(net.embedding.weight), "tokens")
        scale, zero_point = pen.constant(net.embedding.scale), pen.constant(net.embedding.zero_point)
        x = pen.op("DequantizeLinear", codes, scale, zero_point)
        for number, layer in enumerate(net.layers):
            x = self._layer(x, number, layer)
        scored = pen.op("Slice", x, self._from_scored, pen.integers(_EVERYTHING), pen.integers(1))
        pen.rename(_linear(pen, pen.norm(scored, net.norm), net.logits), "logits")
        heads = self._weights[0] if len(self._weights) == 1 else pen.op("Concat", *self._weights, axis=1)
        looked = pen.op("ReduceMean", heads, axes=[1], keepdims=0)
        pen.rename(pen.op("Slice", looked, self._from_scored, pen.integers(_EVERYTHING), pen.integers(1)), "looked")
        inputs = [_input("tokens", np.int64, "B", "n"), _input("scored", np.int64, 1)]
        parts = [f"{part}.{k}" for k in range(len(net.layers)) for part in ("key", "value")]
        inputs += [_input(part, np.float32, "B", net.heads, "L", net.head) for part in parts]
        inputs += [_input(f"memory_{part}", np.float32, 1, net.heads, "T", net.head) for part in parts]
        return _finish(pen, inputs, ["logits", "looked", *(f"new_{part}" for part in parts)])

    def _places(self) -> None:
        """Where the tokens stand, and what each of them may see."""
        pen = self._pen
        before = pen.op("Slice", pen.op("Shape", "key.0"), *(pen.integers(k) for k in (2, 3)))
        count = pen.op("Slice", pen.op("Shape", "tokens"), *(pen.integers(k) for k in (1, 2)))
        zero, one = (pen.constant(np.array(k, np.int64)) for k in (0, 1))
        start, end = (pen.op("Squeeze", x) for x in (before, pen.op("Add", before, count)))
        places = pen.op("Unsqueeze", pen.op("Range", start, end, one), pen.integers(1))
        frequencies = pen.constant(self._network.frequencies)
        angles = pen.op("Mul", pen.op("Cast", places, to=onnx.TensorProto.FLOAT), frequencies)
        self._turns = pen.op("Cos", angles), pen.op("Sin", angles)
        later = pen.op("Greater", pen.op("Range", zero, end, one), places)
        self._mask = pen.op("Where", later, *(pen.constant(np.array(k, np.float32)) for k in (-np.inf, 0)))
        self._from_scored = pen.op("Neg", "scored")

    def _layer(self, x: str, number: int, layer: Layer) -> str:
        pen, net = self._pen, self._network
        width = net.heads * net.head
        parts = pen.split(_linear(pen, pen.norm(x, layer.norms[0]), layer.own), -1, width, width, width)
        query, key, value = (self._heads(part) for part in parts)
        query, key = self._turned(query), self._turned(key)
        key, value = (self._longer(f"{part}.{number}", new) for part, new in (("key", key), ("value", value)))
        seen = pen.op("Softmax", pen.op("Add", self._scores(query, key), self._mask), axis=-1)
        x = pen.op("Add", x, _linear(pen, self._gathered(seen, value), layer.own_out))
        query = self._heads(_linear(pen, pen.norm(x, layer.norms[1]), layer.query))
        seen = pen.op("Softmax", self._scores(query, f"memory_key.{number}"), axis=-1)
        if chosen := [head for of, head in self._looking if of == number]:
            self._weights.append(pen.op("Gather", seen, pen.integers(*chosen), axis=1))
        x = pen.op("Add", x, _linear(pen, self._gathered(seen, f"memory_value.{number}"), layer.memory_out))
        half = layer.down.weight.shape[0]
        plain, gate = pen.split(_linear(pen, pen.norm(x, layer.norms[2]), layer.up), -1, half, half)
        gated = pen.op("Mul", pen.op("QuickGelu", gate, alpha=1.0, domain=CONTRIBUTED), plain)
        return pen.op("Add", x, _linear(pen, gated, layer.down))

    def _heads(self, x: str) -> str:
        """[B, n, width] to [B, heads, n, head]."""
        return self._pen.op("Transpose", self._pen.reshape(x, 0, 0, self._network.heads, -1), perm=[0, 2, 1, 3])

    def _turned(self, x: str) -> str:
        """Rotary positions: neighbouring numbers at the front of each head turn together."""
        first = self._pen.integers(0)
        size = 2 * len(self._network.frequencies)
        return self._pen.op(
            "RotaryEmbedding", x, first, *self._turns, interleaved=1, rotary_embedding_dim=size,
            num_heads=self._network.heads, domain=CONTRIBUTED,
        )  # fmt: skip

    def _longer(self, before: str, new: str) -> str:
        self._pen.rename(self._pen.op("Concat", before, new, axis=2), f"new_{before}")
        return f"new_{before}"

    def _scores(self, query: str, key: str) -> str:
        return self._pen.op(
            "FusedMatMul", query, key, transB=1, alpha=self._network.attention_scale, domain=CONTRIBUTED
        )

    def _gathered(self, seen: str, value: str) -> str:
        """What is seen [B, heads, n, T] of the values, as [B, n, width]."""
        return self._pen.reshape(
            self._pen.op("Transpose", self._pen.op("MatMul", seen, value), perm=[0, 2, 1, 3]), 0, 0, -1
        )


def _linear(pen: Pen, x: str, linear: Linear) -> str:
    bias = [] if linear.bias is None else [pen.constant(linear.bias)]
    weight, scale, zero_point = (pen.constant(part) for part in (linear.weight, linear.scale, linear.zero_point))
    return pen.op("DynamicQuantizeMatMul", x, weight, scale, zero_point, *bias, domain=CONTRIBUTED)


def _input(name: str, kind: type[np.generic], *sizes: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), sizes)


def _finish(pen: Pen, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[str]) -> bytes:
    return bytes(pen.finish(inputs, dict.fromkeys(outputs, np.dtype(np.float32))).SerializeToString())
