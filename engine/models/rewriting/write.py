"""Writes the graph of a streaming FastConformer anew, with nothing in it but the arithmetic of new frames.

Against NeMo's export: the attention cache holds keys and values instead of inputs that every step projects
again; projected positions and masks are constants; the
subsampling computes just the frames that are kept; the depthwise convolution of a few frames is a weighted
sum; all linear maps work on [frames, width], queries, keys and values by one product.

What else a call holds, streams or steps, changes no bit of a step: attention has the shapes of one step for each of
them, and everything else treats frame by frame. So int8 graphs, where the smallest difference may tip a rounding over,
share calls as well.

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


_EVERYTHING = np.iinfo(np.int64).max
"""An end that no axis reaches."""


def write(network: Network, folded: Folded, form: Form, like: onnx.ModelProto) -> onnx.ModelProto:
    """The graph of `network` for calls of one step up to as many as were folded, with the inputs and outputs of `like`.

    Args:
        form: how the layers' linear maps are written. The CTC head stays in float32.
    """
    return _Writer(network, folded, form, like).write()


class _Writer:
    def __init__(self, network: Network, folded: Folded, form: Form, like: onnx.ModelProto) -> None:
        self.network = network
        self.folded = folded
        self.like = like
        self.pen = Pen(form)
        self.head_width = network.width // network.heads
        self.keys = network.cache + network.chunk
        """That a query sees."""
        self.frames = ""
        """Tensor, int64 [1]: the encoder frames of a call."""
        self.steps = ""
        """Tensor, int64 [1]."""

    def write(self) -> onnx.ModelProto:
        network, pen = self.network, self.pen
        audio, length, channel, time, cached = (item.name for item in self.like.graph.input)
        frames, lengths, next_channel, next_time, next_cached = (item.name for item in self.like.graph.output)
        x = self.subsampling(audio)
        seen, mask, fields = self.seen(), self.mask(cached), self.fields()
        pasts = self.by_layer(time, network.context, network.width)
        next_keys: list[str] = []
        next_pasts: list[str] = []
        for number, (layer, past) in enumerate(zip(network.layers, pasts, strict=True)):
            x = self.feed_forward(x, layer.first)
            x = self.attention(x, layer.attention, self.cached_keys(channel, number), seen, mask, next_keys)
            x = self.convolution(x, layer.convolution, past, fields, next_pasts)
            x = self.feed_forward(x, layer.second)
            x = pen.norm(x, layer.norm)
        self.output(x, frames)
        pen.rename(pen.op("Add", pen.op("Mul", length, pen.integers(0)), self.frames), lengths)
        pen.rename(self.together(next_keys, network.cache, 2 * network.width), next_channel)
        pen.rename(self.together(next_pasts, network.width, network.context), next_time)
        grown = pen.op("Add", cached, self.frames)
        pen.rename(pen.op("Min", grown, pen.integers(network.cache)), next_cached)
        return self.model()

    def by_layer(self, state: str, *shape: int) -> list[str]:
        """A cache [streams, layers, ...] cut into one tensor [streams, *shape] for each layer."""
        layers = self.pen.split(state, 1, *[1] * len(self.network.layers))
        return [self.pen.reshape(layer, -1, *shape) for layer in layers]

    def together(self, layers: list[str], *shape: int) -> str:
        """The reverse: the tensors of all layers as a cache [streams, layers, *shape]."""
        return self.pen.op("Concat", *[self.pen.reshape(layer, -1, 1, *shape) for layer in layers], axis=1)

    def cached_keys(self, channel: str, layer: int) -> str:
        """A layer's keys and values [streams, 2 * heads, cache, width of a head].

        Each is taken when its layer needs it, while a split of the cache would leave the processor's caches before
        the last layers read their parts.
        """
        pen, network = self.pen, self.network
        taken = pen.crop(channel, 1, pen.integers(layer), pen.integers(layer + 1))
        return pen.reshape(taken, -1, 2 * network.heads, network.cache, self.head_width)

    def seen(self) -> tuple[str, str]:
        """[heads, steps, keys]: where, among a layer's cached and new frames of all heads, are the keys and the
        values that a step sees."""
        pen, network = self.pen, self.network
        rows = pen.op("Add", self.frames, pen.integers(network.cache))
        heads = pen.op("Mul", pen.constant(np.arange(2 * network.heads)[:, None, None]), rows)
        keys, values = pen.split(pen.op("Add", heads, self.numbers()), 0, network.heads, network.heads)
        return keys, values

    def numbers(self) -> str:
        """[steps, keys]: which of the cached and new frames a step sees."""
        network = self.network
        table = np.arange(network.most_steps)[:, None] * network.chunk + np.arange(self.keys)
        return self.pen.crop(self.pen.constant(table), 0, self.pen.integers(0), self.steps)

    def mask(self, cached: str) -> str:
        """[streams, 1, steps, 1 or chunk, keys]: 0 where a query may look, else what makes its share zero."""
        pen, network, forbidden = self.pen, self.network, self.folded.forbidden
        missing = pen.op("Sub", pen.integers(network.cache), pen.op("Unsqueeze", cached, pen.integers(1, 2, 3, 4)))
        hidden = pen.op("Less", pen.op("Unsqueeze", self.numbers(), pen.integers(1)), missing)
        if forbidden.any():
            hidden = pen.op("Or", hidden, pen.constant(forbidden))
        masked, seen = (pen.constant(np.array(value, np.float32)) for value in (_MASKED, 0.0))
        return pen.op("Where", hidden, masked, seen)

    def fields(self) -> str:
        """[frames, taps]: what each frame of a depthwise convolution sees."""
        longest, taps = self.network.most_steps * self.network.chunk, self.network.context + 1
        table = self.pen.constant(np.arange(longest)[:, None] + np.arange(taps))
        return self.pen.crop(table, 0, self.pen.integers(0), self.frames)

    def subsampling(self, audio: str) -> str:
        """Feature frames to [streams * frames, d_model]; says how many frames and steps a call has."""
        pen, network = self.pen, self.network
        # A kept frame sees 2 * 8 - 1 feature frames; the window has more only to fill frames that are dropped.
        dropped = network.window - (network.subsampling * (network.chunk + 1) - 1)
        x = pen.crop(audio, 2, pen.integers(dropped), pen.integers(_EVERYTHING))
        x = pen.op("Unsqueeze", pen.op("Transpose", x, perm=[0, 2, 1]), pen.integers(1))
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
        self.frames = pen.op("Shape", x, start=2, end=3)
        self.steps = pen.op("Div", self.frames, pen.integers(network.chunk))
        channels = network.convolutions[-1].weight.shape[0]
        x = pen.reshape(pen.op("Transpose", x, perm=[0, 2, 1, 3]), -1, channels * bins)
        return pen.linear(x, _scaled(network.projection, network.input_scale))

    def feed_forward(self, x: str, part: FeedForward) -> str:
        pen = self.pen
        y = pen.swish(pen.linear(pen.norm(x, part.norm), part.widen))
        return pen.op("Add", x, pen.linear(y, _scaled(part.narrow, part.share)))

    def attention(
        self, x: str, part: Attention, cached: str, seen: tuple[str, str], mask: str, following: list[str]
    ) -> str:
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
        following.append(self.after_call(both, 2))
        frames = pen.reshape(both, 0, -1, self.head_width)
        keys, values = (pen.op("Gather", frames, places, axis=1) for places in seen)
        queries = pen.reshape(query_heads, 0, heads, self.steps, self.network.chunk, self.head_width)
        by_content = pen.op("MatMul", self.biased(queries, part.content_bias / part.scale),
                            pen.op("Transpose", keys, perm=[0, 1, 2, 4, 3]))  # fmt: skip
        by_position = self.by_position(self.biased(queries, part.position_bias / part.scale), part)
        scores = pen.op("Add", pen.op("Add", by_content, by_position), mask)
        y = pen.op("MatMul", pen.op("Softmax", scores, axis=-1), values)
        y = pen.reshape(pen.op("Transpose", y, perm=[0, 2, 3, 1, 4]), -1, self.network.width)
        return pen.op("Add", x, pen.linear(y, part.out))

    def by_head(self, x: str, heads: int) -> str:
        """[streams * frames, heads * width] to [streams, heads, frames, width]."""
        split = self.pen.reshape(x, -1, self.frames, heads, self.head_width)
        return self.pen.op("Transpose", split, perm=[0, 2, 1, 3])

    def biased(self, query: str, bias: Weights) -> str:
        return self.pen.op("Add", query, self.pen.constant(bias[None, :, None, None].astype(np.float32)))

    def by_position(self, query: str, part: Attention) -> str:
        """Scores of the distances between queries and keys: [streams, heads, steps, chunk, keys]."""
        pen, heads, chunk = self.pen, self.network.heads, self.network.chunk
        table = self.folded.encodings @ part.positions
        table = table.reshape(len(table), heads, self.head_width).transpose(1, 2, 0)
        distances = pen.op("MatMul", query, pen.constant(table[None, :, None]))
        if chunk == 1:
            return distances
        # Row i begins that much nearer to the most distant past, column 0, the later the frame is.
        rows = np.arange(chunk)[:, None]
        shift = pen.constant(rows * len(self.folded.encodings) + (chunk - 1 - rows) + np.arange(self.keys))
        return pen.op("Gather", pen.reshape(distances, 0, heads, self.steps, -1), shift, axis=3)

    def convolution(self, x: str, part: Convolution, past: str, fields: str, following: list[str]) -> str:
        pen, width = self.pen, self.network.width
        gated, gate = pen.split(pen.linear(pen.norm(x, part.norm), part.gate), 1, width, width)
        y = pen.reshape(pen.op("Mul", gated, pen.op("Sigmoid", gate)), -1, self.frames, width)
        y = pen.op("Concat", past, y, axis=1)
        following.append(self.after_call(y, 1))
        y = self.depthwise(y, part, fields)
        if part.inner_norm is not None:
            y = pen.norm(y, part.inner_norm)
        return pen.op("Add", x, pen.linear(pen.swish(y), part.out))

    def depthwise(self, y: str, part: Convolution, fields: str) -> str:
        """[streams, context + frames, width] to [streams * frames, width]."""
        pen = self.pen
        y = pen.op("Mul", pen.op("Gather", y, fields, axis=1), pen.constant(part.depthwise.T))
        # A product with ones: ONNX Runtime's own sum goes another way for a single frame, and gives other last bits.
        ones = pen.constant(np.ones((1, self.network.context + 1), np.float32))
        y = pen.reshape(pen.op("MatMul", ones, y), -1, self.network.width)
        return y if part.depthwise_bias is None else pen.op("Add", y, pen.constant(part.depthwise_bias))

    def after_call(self, x: str, axis: int) -> str:
        """What of a past, with the call's frames behind it, is the past of the next call."""
        return self.pen.crop(x, axis, self.frames, self.pen.integers(_EVERYTHING))

    def output(self, x: str, name: str) -> None:
        pen, network = self.pen, self.network
        if network.head is None:
            x = pen.reshape(x, -1, self.frames, network.width)
            pen.rename(pen.op("Transpose", x, perm=[0, 2, 1]), name)
            return
        x = pen.op("LogSoftmax", pen.exact(x, network.head), axis=-1)
        pen.rename(pen.reshape(x, -1, self.frames, network.head.weight.shape[1]), name)

    def model(self) -> onnx.ModelProto:
        network, streams, model = self.network, "streams", self.pen.model
        layers = len(network.layers)
        caches: list[list[str | int]] = [
            [streams, layers, network.cache, 2 * network.width],
            [streams, layers, network.width, network.context],
            [streams],
        ]
        outputs: list[str | int] = [streams, network.width, "frames"]
        if network.head is not None:
            outputs = [streams, "frames", network.head.weight.shape[1]]
        like = self.like.graph
        model.graph.name = like.name
        model.graph.input.extend(_declared(like.input, [[streams, network.bins, "window"], [streams], *caches]))
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
