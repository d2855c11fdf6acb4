"""The two kinds of encoder graphs, run: cache-aware (one step of a stream) and offline (a whole window).

The tensors are those of NeMo's streaming export, bound by position: features, lengths, and three caches that
go in and come back. A graph that ends in the CTC head gives log-probabilities where others give frames. Graphs of our
own (training/export_heads.py) keep to this; their features are blocks of samples, and their lengths leave out the
look-ahead at the window's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from engine.errors import ModelMismatch, ModelUnknown
from engine.features import Blocks, Features, LogMel
from engine.models.config import Config
from engine.models.session import Array, Graph
from engine.models.sizes import (
    MOST_STEPS,
    WEIGHTS,
    StreamingSizes,
    feature_bins,
    metadata_int,
    streaming_sizes,
    subsampling_factor,
)
from engine.types import Frames

_ROUNDING = 1e-4
"""Largest difference that rounding alone may make; outputs are log-probabilities or frames of magnitude 10."""


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """The caches of B streams after some step. Never written to, so a state may be kept and replayed."""

    channel: Array
    """float32 [B, layers, cache, width]: inputs of the attention layers, newest frame last; in a rewritten graph
    their keys and values, in an order of its own."""
    time: Array
    """float32 [B, layers, width, context]: left context of the causal convolutions."""
    length: Array
    """int64 [B]: how many frames of `channel` are real."""


Row: TypeAlias = tuple[EncoderState, int]
"""One stream's caches: a state, and which of its streams this is. The rows of a state stay in memory together."""


def joined(rows: Sequence[Row]) -> EncoderState:
    """The state of several streams for one call. It is there already when they shared the call before."""
    whole = rows[0][0]
    if list(rows) == [(whole, row) for row in range(len(whole.length))]:
        return whole
    return EncoderState(
        np.concatenate([state.channel[row : row + 1] for state, row in rows]),
        np.concatenate([state.time[row : row + 1] for state, row in rows]),
        np.concatenate([state.length[row : row + 1] for state, row in rows]),
    )


class CacheAwareGraph:
    """An encoder that reads each feature frame once and carries caches from step to step."""

    def __init__(self, graph: Graph, sizes: StreamingSizes, bins: int, frames_last: bool) -> None:
        """
        Args:
            frames_last: output 0 is [B, width, T] (an encoder), not [B, T, width] (a whole CTC graph).
        """
        self.graph = graph
        self.sizes = sizes
        self.bins = bins
        self.frames_last = frames_last
        self.most_steps = metadata_int(graph, MOST_STEPS) if MOST_STEPS in graph.metadata else 1
        """How many steps of a stream a call may take: windows that much longer, and all their frames at once."""
        self.width = self._check()
        """Numbers in each output frame."""

    @cached_property
    def exact_steps(self) -> int:
        """How many of them give what they give one by one; tried when first asked."""
        if self.most_steps == 1:
            return 1
        sizes, frames, state = self.sizes, [], self.start()
        sound = self._noise(1, sizes.window + sizes.shift)
        together, _ = self.step(sound, state)
        for start in (0, sizes.shift):
            alone, state = self.step(sound[:, start : start + sizes.window], state)
            frames.append(alone)
        return self.most_steps if self._same(together, np.concatenate(frames, axis=1)) else 1

    @cached_property
    def shares_calls(self) -> bool:
        """Whether a stream gets the same from a call that others are in; tried when first asked.

        Published graphs in int8 scale their inputs by all that a call holds.
        """
        if 1 in (self.graph.inputs[0].shape[0], self.graph.inputs[2].shape[0]):
            return False
        windows = self._noise(3, self.sizes.window) * np.array([1, 2, 1], np.float32)[:, None, None]
        together, _ = self.step(windows, self.start(3))
        # Kernels may treat pairs of rows and single ones in different ways.
        return all(self._same(together[row], self.step(windows[[row]], self.start())[0][0]) for row in (0, 2))

    def _noise(self, streams: int, length: int) -> Frames:
        return np.random.default_rng(0).normal(-8, 3, (streams, length, self.bins)).astype(np.float32)

    def _same(self, some: Frames, others: Frames) -> bool:
        """Whether nobody hears a difference. Where inputs become int8, the smallest one may tip a rounding over."""
        most = 0.0 if WEIGHTS in self.graph.metadata else _ROUNDING
        return bool(np.abs(some - others).max() <= most)

    def features(self) -> Features:
        """A new stream's features."""
        return Blocks(self.sizes.hop) if self.sizes.samples else LogMel(self.bins)

    def start(self, streams: int = 1) -> EncoderState:
        """The state before the first step."""
        sizes = self.sizes
        return EncoderState(
            np.zeros((streams, sizes.layers, sizes.cache, sizes.cache_width), np.float32),
            np.zeros((streams, sizes.layers, sizes.conv_width, sizes.conv_context), np.float32),
            np.zeros(streams, np.int64),
        )

    def step(self, windows: Frames, state: EncoderState) -> tuple[Frames, EncoderState]:
        """One step of B streams: feature windows [B, W, bins] to encoder frames [B, T, width].

        Or up to `most_steps` of them, each a shift further: then W is longer, and T.
        """
        streams, length, _ = windows.shape
        frames, lengths, channel, time, cached = self.graph.run(
            np.ascontiguousarray(windows.transpose(0, 2, 1)),
            np.full(streams, length - self.sizes.look_ahead, np.int64),
            state.channel,
            state.time,
            state.length,
        )
        if self.frames_last:
            frames = frames.transpose(0, 2, 1)
        return frames[:, : int(lengths[0])], EncoderState(channel, time, cached)

    def _check(self) -> int:
        """Run one window: sizes that do not fit show here, not in the middle of a sentence."""
        sizes, before = self.sizes, self.start()
        frames, after = self.step(np.zeros((1, sizes.window, self.bins), np.float32), before)
        for name in ("channel", "time"):
            was, now = getattr(before, name).shape, getattr(after, name).shape
            if was != now:
                raise ModelMismatch(self.graph.path, f"its {name} cache goes in as {was} and comes out as {now}")
        if frames.shape[1] != sizes.frames:
            raise ModelMismatch(
                self.graph.path,
                f"a window of {sizes.window} feature frames gives {frames.shape[1]} encoder frames, not "
                f"{sizes.frames} as its chunk shift of {sizes.shift} says",
            )
        return int(frames.shape[2])


class OfflineGraph:
    """An encoder without caches: it reads a whole window, and each frame may see all others."""

    def __init__(self, graph: Graph, subsampling: int, bins: int, normalization: str, frames_last: bool) -> None:
        self.graph = graph
        self.subsampling = subsampling
        self.bins = bins
        self.normalization = normalization
        """"" or "per_feature" or "all_features": how a window is normalised first."""
        self._frames_last = frames_last
        self.width = self._check()

    def features(self) -> Features:
        """A new stream's features."""
        return LogMel(self.bins)

    def encode(self, window: Frames) -> Frames:
        """Features [T, bins], already normalised, to encoder frames [T', width]."""
        frames, *lengths = self.graph.run(np.ascontiguousarray(window.T[None]), np.array([len(window)], np.int64))
        encoded: Frames = frames[0].T if self._frames_last else frames[0]
        # Older CTC exports give no lengths: a single window is never padded.
        return encoded[: int(lengths[0][0])] if lengths else encoded

    def _check(self) -> int:
        expected = 8
        frames = self.encode(np.zeros((expected * self.subsampling, self.bins), np.float32))
        if abs(len(frames) - expected) > 1:
            raise ModelMismatch(
                self.graph.path,
                f"{expected * self.subsampling} feature frames give {len(frames)} encoder frames, which does not "
                f"fit a subsampling factor of {self.subsampling}",
            )
        return int(frames.shape[1])


def load_encoder(graph: Graph, config: Config, frames_last: bool) -> CacheAwareGraph | OfflineGraph:
    """Tell the two kinds apart by their inputs, and make the one it is.

    Args:
        frames_last: output 0 is [B, width, T] (an encoder), not [B, T, width] (a whole CTC graph).

    Raises:
        ModelUnknown: the graph takes other inputs than NeMo's encoders.
        ModelError: a size is missing or wrong.
    """
    inputs, outputs = len(graph.inputs), len(graph.outputs)
    if (inputs, outputs) == (5, 5):
        graph.expect((3, 1, 4, 4, 1), (3, 1, 4, 4, 1))
    elif inputs == 2 and outputs in (1, 2):
        graph.expect((3, 1), (3, 1)[:outputs])
    else:
        raise ModelUnknown(
            graph.path.parent,
            f"{graph.path.name} has {inputs} inputs and {outputs} outputs where NeMo's encoders have 2 and 2, "
            "or with caches 5 and 5",
        )
    if graph.inputs[0].dtype != "tensor(float)":
        raise ModelMismatch(graph.path, f"its features are {graph.inputs[0].dtype}, not tensor(float)")
    bins = feature_bins(graph, config)
    normalization = _normalization(graph, cached=inputs == 5)
    if inputs == 5:
        return CacheAwareGraph(graph, streaming_sizes(graph, config, bins), bins, frames_last)
    return OfflineGraph(graph, subsampling_factor(graph, config), bins, normalization, frames_last)


def _normalization(graph: Graph, cached: bool) -> str:
    """How features are normalised; NeMo's offline exports without metadata are of per-feature models."""
    kind = graph.metadata.get("normalize_type", "" if cached else "per_feature")
    if kind in ("", "NA", "None"):
        return ""
    if cached or kind not in ("per_feature", "all_features"):
        raise ModelMismatch(graph.path, f"features normalised by {kind!r} are not supported here")
    return kind
