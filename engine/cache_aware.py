"""Streams through a cache-aware encoder: windows, caches, and the calls they may share.

Features are cut into overlapping windows, each is encoded once, and the graph's caches go on. A stream takes in
features when they come and gives frames when they are asked for; what lies between is encoded in as few calls as
possible, several steps of a stream at once and streams of one graph together, where that changes no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from math import ceil
from typing import Literal, TypeAlias

import numpy as np

from engine.features import Features
from engine.models.encoder_graph import CacheAwareGraph, Row, joined
from engine.models.sizes import StreamingSizes
from engine.types import SAMPLE_RATE, Frames

GridName: TypeAlias = Literal["aligned16", "nemo_pad", "sherpa"]
"""Which feature frames the first window holds, and so where every encoder frame lies.

    aligned16   zero frames in front so that encoder frame i is centred at feature frame 8 i, like NeMo's
                default and like offline encoding: nothing of the beginning is lost. For live use.
    nemo_pad    NeMo's pad_and_drop_preencoded: only the pre-encode cache is zero frames.
    sherpa      sherpa-onnx: no zero frames; the first two encoder frames never exist.
"""

_EMISSION_DELAY = 0.5
"""Seconds of silence that are enough for a model without look-ahead to say what it has heard: such
models emit a word up to about half a second after it."""
_FRAMING = 4
"""Feature frames that are still within the sound when it ends."""
_MOST_TOGETHER = 32
"""Encoder frames of a call, over all its streams. Processor time for each of 1, 8, 16, 32 and 64 streams of one frame,
measured on the 114M sizes: 26, 6.7, 5.6, 5.1 and 5.2 ms."""


def zero_frames(sizes: StreamingSizes, grid: GridName) -> int:
    """Zero feature frames (0.0 in the log-mel domain, as NeMo pads) in front of the first window.

    A window without overlap needs none: its graph keeps what came before by itself.
    """
    if grid == "sherpa" or not sizes.overlap:
        return 0
    return sizes.first_centre if grid == "aligned16" else sizes.overlap


class CacheAwareStream:
    """One stream's windows and caches; an `engine.encoder.EncoderStream`. Its arrays are never written to."""

    def __init__(self, graph: CacheAwareGraph, grid: GridName) -> None:
        sizes = graph.sizes
        self.graph = graph
        self.row: Row = (graph.start(), 0)
        padding = zero_frames(sizes, grid)
        self._waiting: Frames = np.zeros((padding, graph.bins), np.float32)
        """Features from the start of the next window on."""
        self._given: list[Frames] = []
        """Encoder frames that nobody has taken yet, of one step each."""
        self._ahead = False
        seconds = sizes.hop / SAMPLE_RATE
        self.first = (sizes.first_centre - padding) * seconds
        self.spacing = sizes.subsampling * seconds

    @property
    def ready(self) -> int:
        """How many steps there is sound for."""
        sizes = self.graph.sizes
        return max((len(self._waiting) - sizes.window) // sizes.shift + 1, 0)

    @property
    def steps(self) -> int:
        """How many of them one call may make."""
        if self.ready <= 1:
            return self.ready
        return min(self.ready, self.graph.most_steps if self._ahead else self.graph.exact_steps)

    def hear(self, features: Frames) -> int:
        """Take in feature frames [T, bins]; returns how many steps they complete."""
        before = self.ready
        self._waiting = np.concatenate((self._waiting, features))
        return self.ready - before

    def take(self, steps: int) -> Frames:
        """The encoder frames [T', width] of the next steps."""
        if len(self._given) < steps:
            encode([self])
        taken, self._given = self._given[:steps], self._given[steps:]
        return np.concatenate([np.zeros((0, self.graph.width), np.float32), *taken])

    def finish(self, features: Features) -> Frames:
        """Silence after the sound: the chunk the last word is in, its look-ahead, and time to emit it."""
        sizes = self.graph.sizes
        delay = round(_EMISSION_DELAY * SAMPLE_RATE / sizes.hop)
        if self._ahead:
            # Just the steps in which that time is over: a look ahead comes a dozen times a minute.
            missing = len(self._waiting) + delay + sizes.look_ahead - sizes.window
            steps = max(ceil(missing / sizes.shift), 0)
            silence = sizes.window + steps * sizes.shift - len(self._waiting) + _FRAMING
        else:
            # Up to the end of a window: a window that is not full is never encoded.
            silence = max(2 * sizes.shift, delay) + sizes.shift + sizes.look_ahead
        return self.take(self.hear(features.push(np.zeros(silence * sizes.hop, np.float32))))

    def fork(self) -> CacheAwareStream:
        """A copy to look ahead with: what it encodes may be rounded differently, and costs less."""
        forked = copy(self)
        forked._ahead = True
        return forked

    def window(self, steps: int) -> Frames:
        """The features that the next steps read."""
        sizes = self.graph.sizes
        return self._waiting[: sizes.window + (steps - 1) * sizes.shift]

    def encoded(self, steps: int, frames: Frames, row: Row) -> None:
        """Those steps have been made."""
        self.row = row
        self._waiting = self._waiting[steps * self.graph.sizes.shift :]
        self._given = [*self._given, *np.split(frames, steps)]


def encode(streams: Iterable[CacheAwareStream]) -> None:
    """Make all steps that these streams have sound for, those of one graph in as few calls as possible."""
    for group in _by_graph(streams):
        while waiting := [stream for stream in group if stream.ready]:
            together = _together(waiting[0].graph) if len(waiting) > 1 else 1
            for start in range(0, len(waiting), together):
                _call(waiting[start : start + together])


def _by_graph(streams: Iterable[CacheAwareStream]) -> Iterable[list[CacheAwareStream]]:
    groups: dict[int, list[CacheAwareStream]] = {}
    for stream in streams:
        groups.setdefault(id(stream.graph), []).append(stream)
    return groups.values()


def _together(graph: CacheAwareGraph) -> int:
    """How many streams may share a call."""
    return max(_MOST_TOGETHER // graph.sizes.frames, 1) if graph.shares_calls else 1


def _call(streams: Sequence[CacheAwareStream]) -> None:
    """As many steps as all of these streams have sound for, in one call."""
    graph = streams[0].graph
    room = max(_MOST_TOGETHER // (len(streams) * graph.sizes.frames), 1)
    steps = min(room, *(stream.steps for stream in streams))
    windows = np.stack([stream.window(steps) for stream in streams])
    frames, state = graph.step(windows, joined([stream.row for stream in streams]))
    for row, stream in enumerate(streams):
        stream.encoded(steps, frames[row], (state, row))
