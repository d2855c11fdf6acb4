"""The encoder for whole windows as an ONNX graph, in the form in which Moonshine's own is published."""

from __future__ import annotations

import numpy as np
import onnx

from engine.models.rewriting.pen import Pen
from training.model import FRAME, NORM_EPSILON, Encoder, EncoderLayer
from training.stream_graph import Layers, finish, first_conv, later_convs, norm_of

LONGEST_WINDOW = 2_048
"""Frames that a window has at most, 49 s: the program shortens windows beyond 10 s."""


def whole_graph(encoder: Encoder, pen: Pen) -> onnx.ModelProto:
    """The encoder of whole windows, as Moonshine's is published: `input_values` [B, N], of any length but all rows of
    one, to `frames` [B, T, width]. Statistics are those of the window, and every frame sees all others.
    """
    shape, batch = encoder.shape, pen.op("Shape", "input_values", start=0, end=1)
    own = first_conv(pen, encoder, "input_values")
    mean = pen.op("ReduceMean", own, axes=[1, 2])
    apart = pen.op("Sub", own, mean)
    spread = pen.op("ReduceMean", pen.op("Mul", apart, apart), axes=[1, 2])
    even = pen.op("Sqrt", pen.op("Add", spread, pen.constant(np.array(NORM_EPSILON, np.float32))))
    x = later_convs(pen, encoder, pen.op("Div", apart, even), batch)
    layers = Layers(pen, (shape.heads, shape.head_width, shape.rotary), batch, LONGEST_WINDOW)
    for layer in encoder.layers:
        assert isinstance(layer, EncoderLayer)
        x, _ = layers.layer(layer, x)
    frames = pen.reshape(pen.norm(x, norm_of(encoder.norm)), batch, -1, shape.width)
    sound = {"input_values": np.zeros((1, FRAME), np.float32)}
    return finish(pen, sound, {"input_values/0": "batch", "input_values/1": "samples"}, {"frames": frames})
