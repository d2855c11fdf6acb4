"""Reads a streaming FastConformer out of NeMo's export, by what its nodes do and not by what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from engine.models.rewriting.masks import Folded, fold
from engine.models.rewriting.network import (
    Attention,
    Conv2d,
    Convolution,
    FeedForward,
    Layer,
    Linear,
    Network,
    Norm,
    Weights,
)
from engine.models.rewriting.nodes import Nodes, Unrecognised, attribute

_NORM_EPSILON = 1e-5
"""ONNX's default where a LayerNormalization names none."""


def recognise(model: onnx.ModelProto, folder: Path) -> tuple[Network, Folded]:
    """The network a graph computes, and what attention sees in it.

    Raises:
        Unrecognised: the graph is not NeMo's export of a cache-aware FastConformer in float32.
    """
    return _Reader(Nodes(model, folder)).read()


class _Reader:
    """Walks the data from the features to the output; every method takes a tensor and returns the next."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.graph = nodes.model.graph
        self.mask = ""
        """The tensor that says which keys a query may not see."""
        self.positions = ""
        """The tensor of position encodings before their projection."""

    def read(self) -> tuple[Network, Folded]:
        if (len(self.graph.input), len(self.graph.output)) != (5, 5):
            raise Unrecognised(
                f"it has {len(self.graph.input)} inputs and {len(self.graph.output)} outputs, not 5 and 5"
            )
        chunk, cache = self.bound(1), self.bound(4)
        convolutions, x = self.subsampling(self.graph.input[0].name)
        projection, x = self.linear(x)
        kept = self.nodes.taker(x, "Slice")
        drop = int(self.nodes.scalar(kept.input[1]) or 0)
        frames = kept.output[0]
        scale, x = self.scaled(frames)
        layers = []
        while self.nodes.takers(x, "LayerNormalization"):
            layer, x = self.layer(x)
            layers.append(layer)
        if not layers:
            raise Unrecognised("no layer follows the subsampling")
        head = self.head(x)
        factor = int(np.prod([convolution.stride for convolution in convolutions]))
        if drop != 2 or factor != 8:
            raise Unrecognised(f"it subsamples by {factor} and drops {drop} frames, not by 8 and 2")
        bins = self.graph.input[0].type.tensor_type.shape.dim[1].dim_value
        window = factor * (chunk + 1) + 1
        named = {item.key: item.value for item in self.nodes.model.metadata_props}.get("window_size", str(window))
        if named != str(window):
            raise Unrecognised(f"its metadata names a window of {named} frames where {window} make a chunk of {chunk}")
        network = Network(tuple(convolutions), projection, scale, tuple(layers), head, bins, chunk, cache, window)
        folded = fold(self.nodes, network, frames, self.mask, self.positions)
        return network, folded

    def bound(self, output: int) -> int:
        """The upper bound that a length output is clipped to."""
        clip = self.nodes.maker(self.graph.output[output].name, "Clip")
        value = self.nodes.scalar(clip.input[2]) if len(clip.input) > 2 else None
        if value is None:
            raise Unrecognised(f"{clip.output[0]} has no upper bound")
        return int(value)

    def subsampling(self, x: str) -> tuple[list[Conv2d], str]:
        between = ("Transpose", "Unsqueeze", "Mul", "Pad", "Relu")
        convolutions = []
        x = self.nodes.through(x, *between)
        while takers := self.nodes.takers(x, "Conv"):
            (node,) = takers
            rectified = bool(self.nodes.takers(self.nodes.through(node.output[0], "Mul"), "Relu"))
            convolutions.append(self.conv2d(node, rectified))
            x = self.nodes.through(node.output[0], *between)
        return convolutions, self.nodes.through(x, "Reshape")

    def conv2d(self, node: onnx.NodeProto, rectified: bool) -> Conv2d:
        weight = self.nodes.weights(node.input[1], 4)
        bias = self.nodes.weights(node.input[2], 1) if len(node.input) > 2 else None
        strides, groups = attribute(node, "strides") or [1, 1], attribute(node, "group") or 1
        kernel = weight.shape[2:]
        if (kernel, tuple(strides)) not in (((3, 3), (2, 2)), ((1, 1), (1, 1))):
            raise Unrecognised(f"its subsampling has a kernel of {kernel} with strides of {strides}")
        return Conv2d(weight, bias, strides[0], groups, rectified)

    def layer(self, x: str) -> tuple[Layer, str]:
        first, x = self.feed_forward(x)
        attention, x = self.attention(x)
        convolution, x = self.convolution(x)
        second, x = self.feed_forward(x)
        norm, x = self.norm(x)
        return Layer(first, attention, convolution, second, norm), x

    def feed_forward(self, x: str) -> tuple[FeedForward, str]:
        norm, y = self.norm(x)
        widen, y = self.linear(y)
        narrow, y = self.linear(self.swish(y))
        share, y = self.scaled(y)
        return FeedForward(norm, widen, narrow, share), self.residual(x, y)

    def attention(self, x: str) -> tuple[Attention, str]:
        nodes = self.nodes
        norm, y = self.norm(x)
        query, _ = self.linear(y)
        # Keys and values are projected from the cached frames and the new ones together.
        projected = [self.projected(node) for node in nodes.takers(nodes.taker(y, "Concat").output[0], "MatMul")]
        if len(projected) != 2:
            raise Unrecognised(f"{len(projected)} projections of the cached frames where keys and values are expected")
        # The values are weighed by what a softmax gave, perhaps masked once more.
        by_softmax = [self.is_weighing(product) for _, product in projected]
        if sorted(by_softmax) != [False, True]:
            raise Unrecognised("keys and values cannot be told apart")
        (key, scores), (value, weighed) = sorted(projected, key=lambda pair: self.is_weighing(pair[1]))
        total = nodes.taker(scores.output[0], "Add")
        shifted = nodes.back_through(nodes.other_input(total, scores.output[0]), "Slice", "Reshape", "Pad")
        against = nodes.maker(shifted, "MatMul")
        scale = nodes.scalar((divide := nodes.taker(total.output[0], "Div")).input[1])
        if scale is None:
            raise Unrecognised("the scores are divided by no constant")
        self.masked(nodes.taker(divide.output[0], "Where"))
        out, y = self.linear(nodes.through(weighed.output[0], "Transpose", "Reshape"))
        return Attention(
            norm, query, key, value, out,
            content_bias=self.head_bias(scores), position_bias=self.head_bias(against),
            positions=self.position_projection(against), scale=scale,
        ), self.residual(x, y)  # fmt: skip

    def projected(self, node: onnx.NodeProto) -> tuple[Linear, onnx.NodeProto]:
        """A projection of the cached frames, and the product that its result goes into."""
        linear, y = self.linear_of(node)
        return linear, self.nodes.taker(self.nodes.through(y, "Reshape", "Transpose"), "MatMul")

    def is_weighing(self, product: onnx.NodeProto) -> bool:
        maker = self.nodes.maker_or_none(product.input[0])
        return maker is not None and maker.op_type in ("Where", "Softmax")

    def head_bias(self, product: onnx.NodeProto) -> Weights:
        """The bias of each head that is added to the queries before a product."""
        add = self.nodes.maker(self.nodes.back_through(product.input[0], "Transpose"), "Add")
        found = [name for name in add.input if self.nodes.constant(name) is not None]
        if len(found) != 1:
            raise Unrecognised("a query carries no bias of its head")
        return self.nodes.weights(found[0], 2)

    def position_projection(self, product: onnx.NodeProto) -> Weights:
        projection = self.nodes.maker(self.nodes.back_through(product.input[1], "Transpose", "Reshape"), "MatMul")
        if self.positions not in ("", projection.input[0]):
            raise Unrecognised("its layers see different positions")
        self.positions = projection.input[0]
        return self.nodes.weights(projection.input[1], 2)

    def masked(self, where: onnx.NodeProto) -> None:
        mask = self.nodes.back_through(where.input[0], "Cast", "Unsqueeze")
        if self.mask not in ("", mask):
            raise Unrecognised("its layers have different masks")
        self.mask = mask
        self.nodes.taker(where.output[0], "Softmax")

    def convolution(self, x: str) -> tuple[Convolution, str]:
        nodes = self.nodes
        norm, y = self.norm(x)
        gate, y = self.pointwise(y)
        split = nodes.taker(y, "Split")
        if attribute(split, "axis") != 1:
            raise Unrecognised("its gated unit is not split by channels")
        y = self.multiplied(split.output[0], nodes.taker(split.output[1], "Sigmoid").output[0])
        y = nodes.taker(nodes.through(y, "Where", "Pad"), "Concat").output[0]
        depthwise = nodes.taker(y, "Conv")
        weight = nodes.weights(depthwise.input[1], 3)
        bias = nodes.weights(depthwise.input[2], 1) if len(depthwise.input) > 2 else None
        if weight.shape[1] != 1 or (attribute(depthwise, "strides") or [1]) != [1]:
            raise Unrecognised("a convolution over time is not depthwise")
        y, inner = nodes.through(depthwise.output[0], "Transpose"), None
        if nodes.takers(y, "LayerNormalization"):
            inner, y = self.norm(y)
            y = nodes.through(y, "Transpose")
        else:
            y = depthwise.output[0]
        out, y = self.pointwise(self.swish(y))
        y = self.residual(x, nodes.through(y, "Transpose"))
        return Convolution(norm, gate, weight[:, 0], bias, inner, out), y

    def pointwise(self, x: str) -> tuple[Linear, str]:
        """A convolution of one tap, which is a linear map of each frame."""
        node = self.nodes.taker(self.nodes.through(x, "Transpose", "Slice"), "Conv")
        weight = self.nodes.weights(node.input[1], 3)
        if weight.shape[2] != 1 or (attribute(node, "group") or 1) != 1:
            raise Unrecognised("a pointwise convolution has more than one tap")
        bias = self.nodes.weights(node.input[2], 1) if len(node.input) > 2 else None
        return Linear(np.ascontiguousarray(weight[:, :, 0].T), bias), node.output[0]

    def head(self, x: str) -> Linear | None:
        y = self.nodes.through(x, "Transpose", "Slice")
        if y == self.graph.output[0].name:
            return None
        linear, y = self.pointwise(x)
        if self.nodes.taker(self.nodes.through(y, "Transpose"), "LogSoftmax").output[0] != self.graph.output[0].name:
            raise Unrecognised("its first output is neither encoder frames nor log-probabilities")
        return linear

    def norm(self, x: str) -> tuple[Norm, str]:
        node = self.nodes.taker(x, "LayerNormalization")
        epsilon = attribute(node, "epsilon") or _NORM_EPSILON
        scale, bias = (self.nodes.weights(name, 1) for name in node.input[1:3])
        return Norm(scale, bias, float(epsilon)), node.output[0]

    def linear(self, x: str) -> tuple[Linear, str]:
        return self.linear_of(self.nodes.taker(x, "MatMul"))

    def linear_of(self, node: onnx.NodeProto) -> tuple[Linear, str]:
        weight, y = self.nodes.weights(node.input[1], 2), node.output[0]
        for add in self.nodes.takers(y, "Add"):
            bias = self.nodes.constant(self.nodes.other_input(add, y))
            if bias is not None and bias.shape == (weight.shape[1],):
                return Linear(weight, bias), add.output[0]
        return Linear(weight, None), y

    def scaled(self, x: str) -> tuple[float, str]:
        """A product with a constant number, where there is one."""
        for node in self.nodes.takers(x, "Mul"):
            factor = self.nodes.scalar(self.nodes.other_input(node, x))
            if factor is not None:
                return factor, node.output[0]
        return 1.0, x

    def swish(self, x: str) -> str:
        return self.multiplied(x, self.nodes.taker(x, "Sigmoid").output[0])

    def multiplied(self, x: str, gate: str) -> str:
        node = self.nodes.taker(x, "Mul")
        if self.nodes.other_input(node, x) != gate:
            raise Unrecognised(f"{x} is not multiplied by {gate}")
        output: str = node.output[0]
        return output

    def residual(self, x: str, branch: str) -> str:
        node = self.nodes.taker(x, "Add")
        if self.nodes.other_input(node, x) != branch:
            raise Unrecognised(f"{branch} is not added to the stream it branched from")
        output: str = node.output[0]
        return output
