"""From feature frames to encoder frames, one stream at a time, in two ways behind one protocol.

A cache-aware stream cuts the features into overlapping windows and carries the graph's caches; each feature
frame is encoded once. A buffered stream encodes a bounded window (left context, chunk, right context) again
at every step, in NeMo's buffered manner, for graphs without caches; given enough context it equals encoding
the whole recording.
"""

from __future__ import annotations

from copy import copy
from typing import Protocol, Self

import numpy as np

from engine.cache_aware import CacheAwareStream, GridName
from engine.features import HOP, Features, normalize
from engine.models.buffering import DEFAULT_CONTEXT, BufferContext
from engine.models.encoder_graph import CacheAwareGraph, OfflineGraph
from engine.models.parts import FrameBundle
from engine.types import SAMPLE_RATE, Frames

_SECONDS = HOP / SAMPLE_RATE
"""From one feature frame to the next."""


class EncoderStream(Protocol):
    """One stream's way from features to encoder frames. One owner, no lock."""

    first: float
    """Seconds of audio at which encoder frame 0 is centred."""
    spacing: float
    """Seconds from one encoder frame to the next."""

    def hear(self, features: Frames) -> int:
        """Take in feature frames [T, bins]; returns how many steps they complete."""
        ...

    def take(self, steps: int) -> Frames:
        """The encoder frames [T', width] of the next steps, which what was heard must have completed."""
        ...

    def finish(self, features: Features) -> Frames:
        """The remaining encoder frames when the sound has ended; `features` gives what it still holds."""
        ...

    def fork(self) -> Self:
        """A copy to look ahead with; what becomes of it does not touch this stream."""
        ...


def encoder_stream(
    bundle: FrameBundle, grid: GridName = "aligned16", context: BufferContext = DEFAULT_CONTEXT
) -> EncoderStream:
    """The stream that a model's encoder needs; `grid` and `context` matter to one kind each."""
    if isinstance(bundle.encoder, CacheAwareGraph):
        return CacheAwareStream(bundle.encoder, grid)
    return BufferedStream(bundle.encoder, context)


class BufferedStream:
    """A sliding window over an encoder without caches; its length is bounded by the context."""

    def __init__(self, graph: OfflineGraph, context: BufferContext) -> None:
        self._graph = graph
        step = graph.subsampling
        # Whole encoder frames, so that every window has the same subsampling phase.
        self._left, self._chunk, self._right = (
            round(seconds / _SECONDS / step) * step for seconds in (context.left, context.chunk, context.right)
        )
        self._buffer: Frames = np.zeros((0, graph.bins), np.float32)
        self._decoded = 0
        """Frames of the buffer that are left context: their encoder frames have been given."""
        self._ready = 0
        """Chunks that there is sound for."""
        self.first = 0.0
        self.spacing = step * _SECONDS

    def hear(self, features: Frames) -> int:
        before = self._ready
        self._buffer = np.concatenate((self._buffer, features))
        self._ready = max((len(self._buffer) - self._decoded - self._right) // self._chunk, 0)
        return self._ready - before

    def take(self, steps: int) -> Frames:
        given = [np.zeros((0, self._graph.width), np.float32)]
        for _ in range(steps):
            end = self._decoded + self._chunk
            given.append(self._encode(end + self._right, end))
            surplus = max(end - self._left, 0)
            self._buffer = self._buffer[surplus:]
            self._decoded = end - surplus
        self._ready -= steps
        return np.concatenate(given)

    def finish(self, features: Features) -> Frames:
        given = self.take(self.hear(features.finish()))
        rest = len(self._buffer) - self._decoded
        if rest == 0:
            return given
        frames = self._encode(len(self._buffer), None)
        self._decoded = len(self._buffer)
        return np.concatenate((given, frames))

    def fork(self) -> BufferedStream:
        return copy(self)

    def _encode(self, length: int, end: int | None) -> Frames:
        """Encode the first `length` frames of the buffer; give what lies from `_decoded` to `end`."""
        window = normalize(self._buffer[:length], self._graph.normalization)
        step = self._graph.subsampling
        return self._graph.encode(window)[self._decoded // step : None if end is None else end // step]
