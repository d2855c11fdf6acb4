"""From feature frames to encoder frames, one stream at a time, in two ways behind one protocol.

A cache-aware stream cuts the features into overlapping windows and carries the graph's caches; each feature
frame is encoded once. A buffered stream encodes a bounded window (left context, chunk, right context) again
at every step, in NeMo's buffered manner, for graphs without caches; given enough context it equals encoding
the whole recording.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import numpy as np

from engine.features import HOP, Features, normalize
from engine.models.buffering import DEFAULT_CONTEXT, BufferContext
from engine.models.encoder_graph import CacheAwareGraph, OfflineGraph
from engine.models.parts import FrameBundle
from engine.models.sizes import StreamingSizes
from engine.types import SAMPLE_RATE, Frames

GridName: TypeAlias = Literal["aligned16", "nemo_pad", "sherpa"]
"""Which feature frames the first window holds, and so where every encoder frame lies.

    aligned16   zero frames in front so that encoder frame i is centred at feature frame 8 i, like NeMo's
                default and like offline encoding: nothing of the beginning is lost. For live use.
    nemo_pad    NeMo's pad_and_drop_preencoded: only the pre-encode cache is zero frames.
    sherpa      sherpa-onnx: no zero frames; the first two encoder frames never exist.
"""

_SECONDS = HOP / SAMPLE_RATE
"""From one feature frame to the next."""
_EMISSION_DELAY = 0.5
"""Seconds of silence that are enough for a model without look-ahead to say what it has heard: such
models emit a word up to about half a second after it."""


class EncoderStream(Protocol):
    """One stream's way from features to encoder frames. One owner, no lock."""

    first: float
    """Seconds of audio at which encoder frame 0 is centred."""
    spacing: float
    """Seconds from one encoder frame to the next."""

    def push(self, features: Frames) -> Frames:
        """Take in feature frames [T, bins]; returns the encoder frames [T', width] they complete."""
        ...

    def finish(self, features: Features) -> Frames:
        """The remaining encoder frames when the sound has ended; `features` gives what it still holds."""
        ...


def encoder_stream(
    bundle: FrameBundle, grid: GridName = "aligned16", context: BufferContext = DEFAULT_CONTEXT
) -> EncoderStream:
    """The stream that a model's encoder needs; `grid` and `context` matter to one kind each."""
    if isinstance(bundle.encoder, CacheAwareGraph):
        return CacheAwareStream(bundle.encoder, grid)
    return BufferedStream(bundle.encoder, context)


def zero_frames(sizes: StreamingSizes, grid: GridName) -> int:
    """Zero feature frames (0.0 in the log-mel domain, as NeMo pads) in front of the first window.

    A window without overlap needs none: its graph keeps what came before by itself.
    """
    if grid == "sherpa" or not sizes.overlap:
        return 0
    return sizes.first_centre if grid == "aligned16" else sizes.overlap


class CacheAwareStream:
    """Windows of a cache-aware encoder, and its caches."""

    def __init__(self, graph: CacheAwareGraph, grid: GridName) -> None:
        sizes = graph.sizes
        self._graph = graph
        self._state = graph.start()
        padding = zero_frames(sizes, grid)
        self._waiting: Frames = np.zeros((padding, graph.bins), np.float32)
        """Features from the start of the next window on."""
        seconds = sizes.hop / SAMPLE_RATE
        self.first = (sizes.first_centre - padding) * seconds
        self.spacing = sizes.subsampling * seconds

    def push(self, features: Frames) -> Frames:
        window, shift = self._graph.sizes.window, self._graph.sizes.shift
        waiting = np.concatenate((self._waiting, features))
        given = [np.zeros((0, self._graph.width), np.float32)]
        start = 0
        for start in range(0, len(waiting) - window + 1, shift):
            frames, self._state = self._graph.step(waiting[None, start : start + window], self._state)
            given.append(frames[0])
        self._waiting = waiting[start + shift :] if len(given) > 1 else waiting
        return np.concatenate(given)

    def finish(self, features: Features) -> Frames:
        """Silence after the sound: the chunk the last word is in, its look-ahead, and time to emit it."""
        sizes = self._graph.sizes
        silence = max(2 * sizes.shift, round(_EMISSION_DELAY * SAMPLE_RATE / sizes.hop))
        # Up to the end of a window: a window that is not full is never encoded.
        silence += sizes.shift + sizes.look_ahead
        return self.push(features.push(np.zeros(silence * sizes.hop, np.float32)))


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
        self.first = 0.0
        self.spacing = step * _SECONDS

    def push(self, features: Frames) -> Frames:
        self._buffer = np.concatenate((self._buffer, features))
        given = [np.zeros((0, self._graph.width), np.float32)]
        while len(self._buffer) >= self._decoded + self._chunk + self._right:
            end = self._decoded + self._chunk
            given.append(self._encode(end + self._right, end))
            surplus = max(end - self._left, 0)
            self._buffer = self._buffer[surplus:]
            self._decoded = end - surplus
        return np.concatenate(given)

    def finish(self, features: Features) -> Frames:
        given = self.push(features.finish())
        rest = len(self._buffer) - self._decoded
        if rest == 0:
            return given
        frames = self._encode(len(self._buffer), None)
        self._decoded = len(self._buffer)
        return np.concatenate((given, frames))

    def _encode(self, length: int, end: int | None) -> Frames:
        """Encode the first `length` frames of the buffer; give what lies from `_decoded` to `end`."""
        window = normalize(self._buffer[:length], self._graph.normalization)
        step = self._graph.subsampling
        return self._graph.encode(window)[self._decoded // step : None if end is None else end // step]
