"""Runs a streaming encoder over sound: what it gives, and what a step costs on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.models.config import Config
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.options import ModelOptions
from engine.models.session import open_graph
from engine.models.sizes import streaming_sizes
from engine.types import Frames, Samples

_EXACT = 1e-4
"""Largest difference that rounding alone may make. Outputs are log-probabilities or frames of magnitude 10."""
_FAITHFUL = 35.0
"""Decibels that the outputs must lie above the error of int8 weights. On trained encoders it is 38 to 49."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One graph's way through some sound."""

    frames: Frames
    """float32 [frames, width]: all outputs, end to end."""
    cost: float
    """Median processor time of a call, in seconds."""


def open_rewritten(path: Path, frames_last: bool) -> CacheAwareGraph:
    """A rewritten graph on its own; ModelError where this machine's ONNX Runtime cannot run it.

    Args:
        frames_last: as for `CacheAwareGraph`.
    """
    # One thread, as a live stream has: its time is then all that a step costs.
    graph = open_graph(path, ModelOptions(threads=1), "the trial")
    bins = graph.static(graph.inputs[0], 1, "the number of mel bins")
    return CacheAwareGraph(graph, streaming_sizes(graph, Config.read(path.parent), bins), bins, frames_last)


def run(encoder: CacheAwareGraph, samples: Samples, steps: int = 1) -> Trial:
    """Send sound through an encoder, at most so many steps in a call."""
    sizes, features = encoder.sizes, encoder.features().push(samples)
    state, given, costs = encoder.start(), [], []
    windows = (len(features) - sizes.window) // sizes.shift + 1
    for first in range(0, windows, steps):
        last = min(first + steps, windows) - 1
        sound = features[None, first * sizes.shift : last * sizes.shift + sizes.window]
        began = time.thread_time()
        frames, state = encoder.step(sound, state)
        costs.append(time.thread_time() - began)
        given.append(frames[0])
    return Trial(np.concatenate(given), float(np.median(costs)))


def is_exact(original: Trial, other: Trial) -> bool:
    """Whether two trials differ by rounding at most."""
    return bool(np.abs(original.frames - other.frames).max() <= _EXACT)


def is_faithful(original: Trial, other: Trial) -> bool:
    """Whether a quantised graph's error is as small as that of the ones that cost no accuracy."""
    error = np.square(original.frames - other.frames, dtype=np.float64).mean()
    power = np.square(original.frames, dtype=np.float64).mean()
    return bool(error <= power * 10 ** (-_FAITHFUL / 10))
