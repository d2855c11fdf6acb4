"""Writes the graph of a streaming FastConformer anew, with nothing in it but the arithmetic of new frames.

Against NeMo's export: the attention cache holds keys and values instead of inputs that every step projects
again; projected positions are constants; masks that depend on sizes alone are constants or gone; the
subsampling computes just the frames that are kept; the depthwise convolution of a few frames is a weighted
sum; all linear maps work on [frames, width], queries, keys and values by one product.

The caches keep their outer shapes and are zero at the start. Inside one layer's share of `cache_last_channel`
the order is keys then values, head by head, each [frames, width of a head]; inside `cache_last_time` it is
frame by frame.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from engine.models.rewriting.linears import CONTRIBUTED, Form
from engine.models.rewriting.masks import Folded
from engine.models.rewriting.network import (
    Attention,
    Convolution,
    FeedForward,
    Linear,
    Network,
    Weights,
)
from engine.models.rewriting.pen import Pen

_OPSET = 17
"""The first one with LayerNormalization, and NeMo's own."""
_IR_VERSION = 8
"""The one that belongs to that opset: the oldest ONNX Runtime it runs on reads it."""
_MASKED = -10_000.0
"""NeMo's score of a forbidden key; its share after the softmax is exactly zero in float32."""


def write(network: Network, folded: Folded, steps: int, form: Form, like: onnx.ModelProto) -> onnx.ModelProto:
    """The graph of `network` for calls of `steps` steps, with the inputs and outputs of `like`.

    Args:
        form: how the layers' linear maps are written. The CTC head stays in float32.
    """
    return _Writer(network, folded, steps, form, like).write()


class _Writer:
    def __init__(self, network: Network, folded: Folded, steps: int, form: Form, like: onnx.ModelProto) -> None:
        self.network = network
        self.folded = folded
        self.like = like
        self.pen = Pen(form)
        self.new = steps * network.chunk
        """Encoder frames a call gives."""
        self.window = network.window + network.subsampling * network.chunk * (steps - 1)
        self.keys = network.cache + self.new
        self.head_width = network.width // network.heads

    def write(self) -> onnx.ModelProto:
        network, pen = self.network, self.pen
        audio, length, channel, time, cached = (item.name for item in self.like.graph.input)
        frames, lengths, next_channel, next_time, next_cached = (item.name for item in self.like.graph.output)
        mask = self.mask(cached)
        keys = self.by_layer(channel, 2 * network.heads, network.cache, self.head_width)
        pasts = self.by_layer(time, network.context, network.width)
        x = self.subsampling(audio)
        next_keys: list[str] = []
        next_pasts: list[str] = []
        for layer, cached_keys, past in zip(network.layers, keys, pasts, strict=True):
            x = self.feed_forward(x, layer.first)
            x = self.attention(x, layer.attention, cached_keys, mask, next_keys)
            x = self.convolution(x, layer.convolution, past, next_pasts)
            x = self.feed_forward(x, layer.second)
            x = pen.norm(x, layer.norm)
        self.output(x, frames)
        limit = pen.constant(np.array(self.new, np.int64))
        pen.rename(pen.op("Clip", length, limit, limit), lengths)
        pen.rename(self.together(next_keys, network.cache, 2 * network.width), next_channel)
        pen.rename(self.together(next_pasts, network.width, network.context), next_time)
        grown = pen.op("Add", cached, pen.integers(self.new))
        pen.rename(pen.op("Min", grown, pen.integers(network.cache)), next_cached)
        return self.model()

    def by_layer(self, state: str, *shape: int) -> list[str]:
        """A cache [streams, layers, ...] cut into one tensor [streams, *shape] for each layer."""
        layers = self.pen.split(state, 1, *[1] * len(self.network.layers))
        return [self.pen.reshape(layer, -1, *shape) for layer in layers]

    def together(self, layers: list[str], *shape: int) -> str:
        """The reverse: the tensors of all layers as a cache [streams, layers, *shape]."""
        return self.pen.op("Concat", *[self.pen.reshape(layer, -1, 1, *shape) for layer in layers], axis=1)

    def mask(self, cached: str) -> str:
        """[streams, 1, 1 or new, keys]: 0 where a query may look, else what makes its share zero."""
        pen, network = self.pen, self.network
        missing = pen.op("Sub", pen.integers(network.cache), pen.op("Unsqueeze", cached, pen.integers(1, 2, 3)))
        hidden = pen.op("Less", pen.integers(*range(self.keys)), missing)
        if self.folded.forbidden.any():
            hidden = pen.op("Or", hidden, pen.constant(self.folded.forbidden[None, None]))
        masked, seen = (pen.constant(np.array(value, np.float32)) for value in (_MASKED, 0.0))
        return pen.op("Where", hidden, masked, seen)

    def subsampling(self, audio: str) -> str:
        """Feature frames to [streams * new, d_model]."""
        pen, network = self.pen, self.network
        # A kept frame sees 2 * 8 - 1 feature frames; the window has more only to fill frames that are dropped.
        needed = network.subsampling * (self.new + 1) - 1
        x = pen.op("Transpose", pen.crop(audio, 2, self.window - needed, self.window), perm=[0, 2, 1])
        x = pen.op("Unsqueeze", x, pen.integers(1))
        bins = network.bins
        for convolution in network.convolutions:
            side = convolution.weight.shape[2]
            # Mel bins are padded as in the export; over time nothing is, since only whole fields are kept.
            pads = [0, side - 1, 0, side // 2]
            bins = (bins + sum(pads) - side) // convolution.stride + 1
            inputs = [pen.constant(convolution.weight)]
            inputs += [] if convolution.bias is None else [pen.constant(convolution.bias)]
            x = pen.op(
                "Conv", x, *inputs, group=convolution.groups, kernel_shape=[side, side], pads=pads,
                strides=[convolution.stride] * 2,
            )  # fmt: skip
            x = pen.op("Relu", x) if convolution.rectified else x
        if self.new > 1:
            x = pen.op("Transpose", x, perm=[0, 2, 1, 3])
        channels = network.convolutions[-1].weight.shape[0]
        return pen.linear(pen.reshape(x, -1, channels * bins), _scaled(network.projection, network.input_scale))

    def feed_forward(self, x: str, part: FeedForward) -> str:
        pen = self.pen
        y = pen.swish(pen.linear(pen.norm(x, part.norm), part.widen))
        return pen.op("Add", x, pen.linear(y, _scaled(part.narrow, part.share)))

    def attention(self, x: str, part: Attention, cached: str, mask: str, following: list[str]) -> str:
        """
        Args:
            cached: keys and values [streams, 2 * heads, cache, width of a head].
            following: takes the keys and values for the next call.
        """
        pen, heads = self.pen, self.network.heads
        # The scores' scale goes into the queries and their biases.
        query = _scaled(part.query, 1 / part.scale)
        together = pen.linear(pen.norm(x, part.norm), _joined(query, part.key, part.value))
        query_heads, new = pen.split(self.by_head(together, 3 * heads), 1, heads, 2 * heads)
        both = pen.op("Concat", cached, new, axis=2)
        following.append(pen.crop(both, 2, self.new, self.keys))
        keys, values = pen.split(both, 1, heads, heads)
        by_content = pen.op("MatMul", self.biased(query_heads, part.content_bias / part.scale),
                            pen.op("Transpose", keys, perm=[0, 1, 3, 2]))  # fmt: skip
        by_position = self.by_position(self.biased(query_heads, part.position_bias / part.scale), part)
        scores = pen.op("Add", pen.op("Add", by_content, by_position), mask)
        y = pen.op("MatMul", pen.op("Softmax", scores, axis=-1), values)
        if self.new > 1:
            y = pen.op("Transpose", y, perm=[0, 2, 1, 3])
        return pen.op("Add", x, pen.linear(pen.reshape(y, -1, self.network.width), part.out))

    def by_head(self, x: str, heads: int) -> str:
        """[streams * new, heads * width] to [streams, heads, new, width]."""
        if self.new == 1:
            return self.pen.reshape(x, -1, heads, 1, self.head_width)
        split = self.pen.reshape(x, -1, self.new, heads, self.head_width)
        return self.pen.op("Transpose", split, perm=[0, 2, 1, 3])

    def biased(self, query: str, bias: Weights) -> str:
        return self.pen.op("Add", query, self.pen.constant(bias[None, :, None].astype(np.float32)))

    def by_position(self, query: str, part: Attention) -> str:
        """Scores of the distances between queries and keys: [streams, heads, new, keys]."""
        pen, heads = self.pen, self.network.heads
        table = self.folded.encodings @ part.positions
        table = table.reshape(len(table), heads, self.head_width).transpose(1, 2, 0)
        distances = pen.op("MatMul", query, pen.constant(table[None]))
        if self.new == 1:
            return distances
        # Row i must start new - 1 - i columns later. Cut from the flattened rows, rows that are one
        # shorter begin just there.
        columns, row = len(self.folded.encodings), len(self.folded.encodings) - 1
        flat = pen.reshape(distances, 0, heads, self.new * columns)
        flat = pen.crop(flat, 2, self.new - 1, self.new - 1 + self.new * row)
        shifted = pen.reshape(flat, 0, heads, self.new, row)
        return shifted if row == self.keys else pen.crop(shifted, 3, 0, self.keys)

    def convolution(self, x: str, part: Convolution, past: str, following: list[str]) -> str:
        pen, width = self.pen, self.network.width
        gated, gate = pen.split(pen.linear(pen.norm(x, part.norm), part.gate), 1, width, width)
        y = pen.reshape(pen.op("Mul", gated, pen.op("Sigmoid", gate)), -1, self.new, width)
        y = pen.op("Concat", past, y, axis=1)
        following.append(pen.crop(y, 1, self.new, self.new + self.network.context))
        y = self.depthwise(y, part)
        if part.inner_norm is not None:
            y = pen.norm(y, part.inner_norm)
        return pen.op("Add", x, pen.linear(pen.swish(y), part.out))

    def depthwise(self, y: str, part: Convolution) -> str:
        """[streams, context + new, width] to [streams * new, width]."""
        pen, taps = self.pen, self.network.context + 1
        if self.new > 1:
            fields = np.arange(self.new)[:, None] + np.arange(taps)
            y = pen.op("Gather", y, pen.constant(fields), axis=1)
        y = pen.op("Mul", y, pen.constant(part.depthwise.T))
        y = pen.op("ReduceSum", y, pen.integers(-2), keepdims=0)
        y = pen.reshape(y, -1, self.network.width) if self.new > 1 else y
        return y if part.depthwise_bias is None else pen.op("Add", y, pen.constant(part.depthwise_bias))

    def output(self, x: str, name: str) -> None:
        pen, network = self.pen, self.network
        if network.head is None:
            x = pen.reshape(x, -1, self.new, network.width)
            pen.rename(pen.op("Transpose", x, perm=[0, 2, 1]), name)
            return
        x = pen.op("LogSoftmax", pen.exact(x, network.head), axis=-1)
        pen.rename(pen.reshape(x, -1, self.new, network.head.weight.shape[1]), name)

    def model(self) -> onnx.ModelProto:
        network, streams, model = self.network, "streams", self.pen.model
        layers = len(network.layers)
        caches: list[list[str | int]] = [
            [streams, layers, network.cache, 2 * network.width],
            [streams, layers, network.width, network.context],
            [streams],
        ]
        outputs: list[str | int] = [streams, network.width, self.new]
        if network.head is not None:
            outputs = [streams, self.new, network.head.weight.shape[1]]
        like = self.like.graph
        model.graph.name = like.name
        model.graph.input.extend(_declared(like.input, [[streams, network.bins, self.window], [streams], *caches]))
        model.graph.output.extend(_declared(like.output, [outputs, [streams], *caches]))
        model.ir_version = _IR_VERSION
        model.opset_import.append(helper.make_opsetid("", _OPSET))
        if self.pen.form != "fp32":
            model.opset_import.append(helper.make_opsetid(CONTRIBUTED, 1))
        return model


def _declared(like: list[onnx.ValueInfoProto], shapes: list[list[str | int]]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(item.name, item.type.tensor_type.elem_type, shape)
        for item, shape in zip(like, shapes, strict=True)
    ]


def _scaled(linear: Linear, factor: float) -> Linear:
    weight = (linear.weight * np.float32(factor)).astype(np.float32)
    return Linear(weight, None if linear.bias is None else (linear.bias * np.float32(factor)).astype(np.float32))


def _joined(*parts: Linear) -> Linear:
    """Several linear maps of one input as one."""
    weight = np.concatenate([part.weight for part in parts], axis=1)
    if all(part.bias is None for part in parts):
        return Linear(weight, None)
    biases = [np.zeros(part.weight.shape[1], np.float32) if part.bias is None else part.bias for part in parts]
    return Linear(weight, np.concatenate(biases))
