"""One step of encoder and head as a graph, in the tensors of NeMo's streaming exports.

In: `audio_signal` float32 [B, 384, T], samples, a column for each frame; `length` int64 [B], how many of these frames
are the chunk (a multiple of three), the rest being look-ahead that the next call has again; and NeMo's three caches,
zero when a stream begins. Out: log-probabilities or states of every 72 ms, how many, and the next caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from engine.models.rewriting.network import Linear
from engine.models.rewriting.pen import Pen
from training.ctc_model import STACK, CtcRecognizer, TokenOutput
from training.model import FRAME, EncoderLayer
from training.stream_graph import (
    CONVOLVED,
    LONGEST_STEP,
    REAL,
    EncoderGraph,
    Layers,
    finish,
    initial_caches,
    linear_of,
    memories,
    norm_of,
)

CACHES = ("cache_last_channel", "cache_last_time", "cache_last_channel_len")
CACHES_NEXT = ("cache_last_channel_next", "cache_last_time_next", "cache_last_channel_next_len")


class HeadGraph:
    """Writes encoder and head over one chunk.

    `cache_last_channel` holds the keys and values of all layers, those of the encoder before those of the head:
    [B, 1, rows, 2 width]. `cache_last_time` holds the encoder's other caches, each after the other, less their first
    values: [B, 1, 1, n].
    """

    def __init__(self, recognizer: CtcRecognizer, left: int, scores: bool) -> None:
        """scores: give log-probabilities [B, steps, pieces + 1] in place of states [B, width, steps]."""
        self._encoder, self._head = recognizer.encoder, recognizer.head
        self._left, self._scores = left, scores
        self._shape = recognizer.encoder.shape
        self._first = initial_caches(recognizer.encoder, left)
        self._lengths = [left] * self._shape.layers + [left // STACK] * len(self._head.layers)

    @property
    def output(self) -> str:
        """The first output's name."""
        return "logprobs" if self._scores else "outputs"

    @property
    def pieces(self) -> int:
        """Pieces that the head knows, without the blank."""
        return self._head.out.out_features - 1

    def caches(self) -> tuple[NDArray[Any], ...]:
        """What a stream begins with, batch of one."""
        channel = np.zeros((1, 1, sum(self._lengths), 2 * self._shape.width), np.float32)
        numbers = sum(self._first[name].size for name in CONVOLVED)
        return channel, np.zeros((1, 1, 1, numbers), np.float32), np.zeros(1, np.int64)

    def write(self, pen: Pen) -> onnx.ModelProto:
        """The graph."""
        sound = pen.op("Transpose", "audio_signal", perm=[0, 2, 1])
        batch, count = (pen.op("Shape", sound, start=axis, end=axis + 1) for axis in (0, 1))
        chunk = pen.crop("length", 0, pen.integers(0), pen.integers(1))
        audio = pen.reshape(sound, batch, -1)
        encoder = EncoderGraph(pen, self._encoder, self._left, audio, pen.op("Sub", count, chunk))
        past = self._memories(pen, batch)
        layers = self._shape.layers
        own = dict(zip(memories(layers), past[: 2 * layers], strict=True))
        frames, after = encoder.write(self._convolved(pen, batch) | own | {REAL: CACHES[2]})
        final = pen.crop(frames, 1, pen.integers(0), chunk)
        given, others = self._steps(pen, final, batch, pen.op("Div", chunk, pen.integers(STACK)), past[2 * layers :])
        outputs = {
            self.output: given,
            "encoded_lengths": pen.op("Div", "length", pen.integers(STACK)),
            CACHES_NEXT[0]: self._channel(pen, [*(after[name] for name in memories(layers)), *others], batch),
            CACHES_NEXT[1]: self._time(pen, [after[name] for name in CONVOLVED], batch),
            CACHES_NEXT[2]: after[REAL],
        }
        inputs: dict[str, NDArray[Any]] = {"audio_signal": np.zeros((1, FRAME, 1), np.float32)}
        inputs |= {"length": np.zeros(1, np.int64)} | dict(zip(CACHES, self.caches(), strict=True))
        sizes = {f"{name}/0": "batch" for name in inputs}
        return finish(pen, inputs, sizes | {"audio_signal/2": "frames"}, outputs)

    def _steps(self, pen: Pen, frames: str, batch: str, steps: str, past: Sequence[str]) -> tuple[str, list[str]]:
        """What the head gives for the chunk's frames, and its next keys and values."""
        width, left = self._shape.width, self._left // STACK
        sizes = self._shape.heads, self._shape.head_width, self._head.rotary
        real = pen.op("Div", CACHES[2], pen.integers(STACK))
        layers = Layers(pen, sizes, batch, LONGEST_STEP, left)
        layers.hide(steps, real)
        x, kept = pen.linear(pen.reshape(frames, -1, STACK * width), linear_of(self._head.gather)), list[str]()
        for n, layer in enumerate(self._head.layers):
            assert isinstance(layer, EncoderLayer)
            x, memory = layers.layer(layer, x, past[2 * n : 2 * n + 2])
            kept += [layers.kept(part, steps) for part in memory]
        x = pen.norm(x, norm_of(self._head.norm))
        if self._scores:
            scores = pen.op("LogSoftmax", _logits(pen, x, self._head.out), axis=-1)
            return pen.reshape(scores, batch, -1, self._head.out.out_features), kept
        return pen.op("Transpose", pen.reshape(x, batch, -1, width), perm=[0, 2, 1]), kept

    def _convolved(self, pen: Pen, batch: str) -> dict[str, str]:
        """The encoder's caches before the layers, out of `cache_last_time`."""
        first = [self._first[name] for name in CONVOLVED]
        values = pen.op("Add", pen.reshape(CACHES[1], batch, -1), self._offset(pen))
        parts = pen.split(values, 1, *(value.size for value in first))
        shaped = (pen.reshape(part, batch, *value.shape[1:]) for part, value in zip(parts, first, strict=True))
        return dict(zip(CONVOLVED, shaped, strict=True))

    def _time(self, pen: Pen, convolved: Sequence[str], batch: str) -> str:
        """The next `cache_last_time`."""
        flat = pen.op("Concat", *(pen.reshape(part, batch, -1) for part in convolved), axis=1)
        return pen.op("Unsqueeze", pen.op("Sub", flat, self._offset(pen)), pen.integers(1, 2))

    def _offset(self, pen: Pen) -> str:
        return pen.constant(np.concatenate([self._first[name].reshape(1, -1) for name in CONVOLVED], 1))

    def _memories(self, pen: Pen, batch: str) -> list[str]:
        """Keys and values of each layer [B, heads, left, head], out of `cache_last_channel`."""
        width = self._shape.width
        rows = pen.split(pen.reshape(CACHES[0], batch, -1, 2 * width), 1, *self._lengths)
        halves = [half for part in rows for half in pen.split(part, 2, width, width)]
        by_head = (pen.reshape(half, batch, -1, self._shape.heads, self._shape.head_width) for half in halves)
        return [pen.op("Transpose", half, perm=[0, 2, 1, 3]) for half in by_head]

    def _channel(self, pen: Pen, kept: Sequence[str], batch: str) -> str:
        """The next `cache_last_channel`."""
        rows = [pen.op("Transpose", part, perm=[0, 2, 1, 3]) for part in kept]
        flat = [pen.reshape(part, batch, -1, self._shape.width) for part in rows]
        layers = (pen.op("Concat", *pair, axis=2) for pair in zip(flat[::2], flat[1::2], strict=True))
        return pen.op("Unsqueeze", pen.op("Concat", *layers, axis=1), pen.integers(1))


def _logits(pen: Pen, x: str, out: nn.Module) -> str:
    if not isinstance(out, TokenOutput):
        assert isinstance(out, nn.Linear)
        return pen.linear(x, linear_of(out))
    embedding = Linear(out.embedding.numpy().T, None)
    tokens = pen.linear(pen.linear(x, linear_of(out.state)), embedding)
    return pen.op("Concat", tokens, pen.linear(x, linear_of(out.blank)), axis=1)
