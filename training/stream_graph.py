"""One step of the streaming encoder as an ONNX graph: a chunk of sound and caches in, frames and caches out.

It is written node by node. Traced from PyTorch it had 930 nodes, and what lay between the matrix products took longer
than they did.

Caches: the last 63 samples; the last 7 outputs of conv1 after the group norm; the group norm's running count, sum and
sum of squares; how many frames of the left context are real; and for each layer the keys (not yet rotated) and values
of that context. The last `look_ahead` frames of a call are provisional: they lend the others what comes after them, and
the caches forget them. The host gives their sound again at the beginning of the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from torch import nn

from engine.models.rewriting.linears import CONTRIBUTED
from engine.models.rewriting.network import Linear, Norm, Weights
from engine.models.rewriting.pen import Pen
from training.model import (
    CONV1_HISTORY,
    CONV1_PER_FRAME,
    CONV1_STRIDE,
    CONV1_TAPS,
    FRAME,
    NORM_EPSILON,
    Encoder,
    EncoderLayer,
    later_matrices,
    rotation,
)

CONVOLVED = ("cache_audio", "cache_conv", "cache_stat")
"""Caches of what comes before the layers."""
REAL = "cache_len"
LONGEST_STEP = 512
"""Frames that one call may bring: the length of the graph's tables."""
_UNSEEN = -1e4
_WHOLE = {f"{REAL}_next", "encoded_lengths", "cache_last_channel_next_len"}
"""Outputs that are numbers of frames; all others are float32."""


def memories(layers: int) -> list[str]:
    """Names of the caches of so many layers."""
    return [f"cache_{part}.{n}" for n in range(layers) for part in ("key", "value")]


def initial_caches(encoder: Encoder, left: int) -> dict[str, NDArray[Any]]:
    """What a stream starts from, batch of one: silence before the first sample, the training speech's statistics."""
    shape = encoder.shape
    mean, square = encoder.prior.tolist()
    silence = -mean / np.sqrt(square - mean**2 + NORM_EPSILON)
    memory = np.zeros((1, shape.heads, left, shape.head_width), np.float32)
    return {
        "cache_audio": np.zeros((1, CONV1_TAPS - CONV1_STRIDE), np.float32),
        "cache_conv": np.full((1, CONV1_HISTORY, shape.width), silence, np.float32),
        "cache_stat": np.array([[1, mean, square]], np.float32) * np.float32(encoder.prior_frames()),
        REAL: np.zeros(1, np.int64),
    } | dict.fromkeys(memories(shape.layers), memory)


class Layers:
    """Writes transformer layers over new frames and the left context before them."""

    def __init__(self, pen: Pen, sizes: tuple[int, int, int], batch: str, longest: int, left: int = 0) -> None:
        """
        Args:
            sizes: heads, numbers in a head, and how many of these are rotated.
            batch: rows, int64 [1].
            longest: frames that a call brings at most.
            left: frames of the context.
        """
        self._pen, self._left, self._batch = pen, left, batch
        self._heads, self._head, rotary = sizes
        tables = rotation(left + longest, rotary)
        self._turn = [pen.constant(_array(table)) for table in tables]
        self._rotary = rotary
        self._mask: str | None = None

    def hide(self, count: str, real: str) -> None:
        """Let no frame look at what is not real of the context.

        Args:
            count: new frames, int64 [1].
            real: how many frames of the context are real, int64 [B].
        """
        pen = self._pen
        places = numbers(pen, pen.op("Add", count, pen.integers(self._left)))
        before = pen.op("Sub", pen.integers(self._left), pen.op("Unsqueeze", real, pen.integers(1)))
        hidden, seen = (pen.constant(np.array(x, np.float32)) for x in (_UNSEEN, 0.0))
        mask = pen.op("Where", pen.op("Less", places, before), hidden, seen)
        self._mask = pen.op("Unsqueeze", mask, pen.integers(1, 2))

    def layer(self, layer: EncoderLayer, x: str, past: Sequence[str] = ()) -> tuple[str, list[str]]:
        """A layer over frames x [B * T, width]; past: keys and values [B, heads, left, head], where there is a context.

        Returns the frames, and all keys and values [B, heads, left + T, head].
        """
        pen, width = self._pen, self._heads * self._head
        parts = pen.split(pen.linear(pen.norm(x, norm_of(layer.norm1)), linear_of(layer.qkv)), -1, width, width, width)
        query, *new = (self.by_head(part) for part in parts)
        memory = [pen.op("Concat", *pair, axis=2) for pair in zip(past, new, strict=True)] if past else new
        keys, values = self._turned(memory[0], 0), memory[1]
        scores = pen.op(
            "FusedMatMul", self._turned(query, self._left), keys,
            transB=1, alpha=self._head**-0.5, domain=CONTRIBUTED,
        )  # fmt: skip
        masked = pen.op("Add", scores, self._mask) if self._mask else scores
        seen = pen.op("MatMul", pen.op("Softmax", masked, axis=-1), values)
        gathered = pen.reshape(pen.op("Transpose", seen, perm=[0, 2, 1, 3]), -1, width)
        x = pen.op("Add", x, pen.linear(gathered, linear_of(layer.out)))
        inner = pen.linear(pen.norm(x, norm_of(layer.norm2)), linear_of(layer.fc1))
        return pen.op("Add", x, pen.linear(gelu(pen, inner), linear_of(layer.fc2))), memory

    def by_head(self, x: str) -> str:
        """Rows of frames, of rank 2 or 3, as [B, heads, T, head]."""
        rows = self._pen.reshape(x, self._batch, -1, self._heads, self._head)
        return self._pen.op("Transpose", rows, perm=[0, 2, 1, 3])

    def kept(self, memory: str, done: str) -> str:
        """Keys or values of the left context after `done` new frames, int64 [1]."""
        return self._pen.crop(memory, 2, done, self._pen.op("Add", done, self._pen.integers(self._left)))

    def _turned(self, x: str, first: int) -> str:
        return self._pen.op(
            "RotaryEmbedding", x, self._pen.integers(first), *self._turn, interleaved=1,
            rotary_embedding_dim=self._rotary, num_heads=self._heads, domain=CONTRIBUTED,
        )  # fmt: skip


class EncoderGraph:
    """Writes the encoder."""

    def __init__(self, pen: Pen, encoder: Encoder, left: int, audio: str, look_ahead: str) -> None:
        """
        Args:
            left: frames before the chunk that are seen.
            audio: float32 [B, 384 T].
            look_ahead: how many of the T frames are provisional, int64 [1].
        """
        self._pen, self._encoder, self._left, self._audio = pen, encoder, left, audio
        self.batch = pen.op("Shape", audio, start=0, end=1)
        self._count = pen.op("Div", pen.op("Shape", audio, start=1, end=2), pen.integers(FRAME))
        self._done = pen.op("Sub", self._count, look_ahead)

    def write(self, caches: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Frames [B, T, width], and the next caches, both by the names of `initial_caches`."""
        pen, shape = self._pen, self._encoder.shape
        x, after = self._convolved(*(caches[name] for name in CONVOLVED))
        sizes = shape.heads, shape.head_width, shape.rotary
        layers = Layers(pen, sizes, self.batch, LONGEST_STEP, self._left)
        layers.hide(self._count, caches[REAL])
        names = memories(shape.layers)
        for n, layer in enumerate(self._encoder.layers):
            assert isinstance(layer, EncoderLayer)
            own = names[2 * n : 2 * n + 2]
            x, memory = layers.layer(layer, x, [caches[name] for name in own])
            after |= {name: layers.kept(part, self._done) for name, part in zip(own, memory, strict=True)}
        after[REAL] = pen.op("Min", pen.op("Add", caches[REAL], self._done), pen.integers(self._left))
        return pen.reshape(pen.norm(x, norm_of(self._encoder.norm)), self.batch, -1, shape.width), after

    def _convolved(self, samples: str, convolved: str, statistics: str) -> tuple[str, dict[str, str]]:
        """The three convolutions: [B * T, width], and the next caches."""
        pen, width = self._pen, self._encoder.shape.width
        sound = pen.op("Concat", samples, self._audio, axis=1)
        blocks = pen.reshape(first_conv(pen, self._encoder, sound), self.batch, -1, CONV1_PER_FRAME * width)
        sums = self._running_sums(blocks, statistics)
        even = pen.reshape(self._standardised(blocks, sums), self.batch, -1, width)
        rows = pen.op("Concat", convolved, even, axis=1)
        after = {
            "cache_audio": self._last(sound, CONV1_TAPS - CONV1_STRIDE, FRAME),
            "cache_conv": self._last(rows, CONV1_HISTORY, CONV1_PER_FRAME),
            "cache_stat": pen.reshape(
                pen.op("Gather", sums, pen.op("Sub", self._done, pen.integers(1)), axis=1), self.batch, 3
            ),
        }
        return later_convs(pen, self._encoder, rows, self.batch), after

    def _running_sums(self, blocks: str, before: str) -> str:
        """Count, sum and sum of squares after each frame [B, T, 3], older ones forgotten by and by."""
        pen = self._pen
        mean = pen.op("ReduceMean", blocks, axes=[2])
        square = pen.op("ReduceMean", pen.op("Mul", blocks, blocks), axes=[2])
        one = pen.constant(np.ones(1, np.float32))
        counted = pen.op("Concat", pen.op("Expand", one, pen.op("Shape", mean)), mean, square, axis=2)
        table = self._encoder.decay() ** np.arange(1.0, LONGEST_STEP + 1)[:, None]
        decay = pen.crop(pen.constant(table.astype(np.float32)), 0, pen.integers(0), self._count)
        grown = pen.op("CumSum", pen.op("Div", counted, decay), pen.constant(np.array(1)))
        return pen.op("Mul", decay, pen.op("Add", pen.op("Unsqueeze", before, pen.integers(1)), grown))

    def _standardised(self, blocks: str, sums: str) -> str:
        """The group norm without its gain and bias, which are in conv2."""
        pen = self._pen
        count, total, squares = pen.split(sums, 2, 1, 1, 1)
        mean, square = pen.op("Div", total, count), pen.op("Div", squares, count)
        spread = pen.op("Sub", square, pen.op("Mul", mean, mean))
        even = pen.op("Sqrt", pen.op("Add", spread, pen.constant(np.array(NORM_EPSILON, np.float32))))
        return pen.op("Div", pen.op("Sub", blocks, mean), even)

    def _last(self, x: str, count: int, per_frame: int) -> str:
        """The last `count` of axis 1, provisional frames left out."""
        start = self._pen.op("Mul", self._done, self._pen.integers(per_frame))
        return self._pen.crop(x, 1, start, self._pen.op("Add", start, self._pen.integers(count)))


def first_conv(pen: Pen, encoder: Encoder, sound: str) -> str:
    """conv1 and its tanh: [B, N] -> [B, time, width]."""
    heard = pen.op(
        "Conv", pen.op("Unsqueeze", sound, pen.integers(1)), pen.constant(_array(encoder.conv1.weight)),
        strides=[CONV1_STRIDE],
    )  # fmt: skip
    return pen.op("Transpose", pen.op("Tanh", heard), perm=[0, 2, 1])


def later_convs(pen: Pen, encoder: Encoder, x: str, batch: str) -> str:
    """conv2 and conv3, the group norm's gain and bias in them: [B, time, width] -> [B * T, width]."""
    matrices, width = later_matrices(encoder), encoder.shape.width
    for (taps, stride), matrix, bias in zip(((7, 3), (3, 2)), matrices[::2], matrices[1::2], strict=True):
        starts = numbers(pen, pen.op("Sub", pen.op("Shape", x, start=1, end=2), pen.integers(taps - 1)), stride)
        places = pen.op("Add", pen.op("Unsqueeze", starts, pen.integers(1)), pen.integers(*range(taps)))
        windows = pen.reshape(pen.op("Gather", x, places, axis=1), -1, taps * width)
        x, width = gelu(pen, pen.linear(windows, Linear(_array(matrix).T, _array(bias)))), len(matrix)
        x = pen.reshape(x, batch, -1, width) if stride == 3 else x
    return x


def numbers(pen: Pen, end: str, step: int = 1) -> str:
    """From 0 up to `end`, int64 [1], not included."""
    return pen.op("Range", pen.constant(np.array(0)), pen.op("Squeeze", end), pen.constant(np.array(step)))


def gelu(pen: Pen, x: str) -> str:
    """GELU by the error function."""
    return pen.op("Gelu", x, domain=CONTRIBUTED)


def linear_of(module: nn.Linear) -> Linear:
    """A PyTorch module as a linear map to write."""
    return Linear(_array(module.weight).T, None if module.bias is None else _array(module.bias))


def norm_of(module: nn.Module) -> Norm:
    """A layer norm without a bias."""
    scale = _array(module.weight)
    return Norm(scale, np.zeros_like(scale), NORM_EPSILON)


def finish(
    pen: Pen, inputs: Mapping[str, NDArray[Any]], sizes: Mapping[str, str], outputs: Mapping[str, str]
) -> onnx.ModelProto:
    """The model.

    Args:
        inputs: arrays of a batch of one, whose types and sizes the inputs have.
        sizes: names of those that differ from call to call, by "input/axis".
        outputs: tensors by the names to give them.
    """
    told = []
    for name, value in inputs.items():
        shape = [sizes.get(f"{name}/{axis}", size) for axis, size in enumerate(value.shape)]
        told.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape))
    for name, tensor in outputs.items():
        pen.rename(tensor, name)
    return pen.finish(told, {name: np.dtype(np.int64 if name in _WHOLE else np.float32) for name in outputs})


def encoder_graph(encoder: Encoder, left: int, pen: Pen) -> onnx.ModelProto:
    """The encoder alone: `audio`, `look_ahead` and caches to `frames` and the caches, `_next` behind their names."""
    caches = initial_caches(encoder, left)
    frames, after = EncoderGraph(pen, encoder, left, "audio", "look_ahead").write({name: name for name in caches})
    inputs: dict[str, NDArray[Any]] = {"audio": np.zeros((1, FRAME), np.float32), "look_ahead": np.zeros(1, np.int64)}
    inputs |= caches
    sizes = {f"{name}/0": "batch" for name in inputs if name != "look_ahead"} | {"audio/1": "samples"}
    return finish(pen, inputs, sizes, {"frames": frames} | {f"{name}_next": after[name] for name in caches})


def _array(x: Any) -> Weights:
    """A PyTorch tensor as numbers."""
    array: Weights = x.detach().float().numpy()
    return array
