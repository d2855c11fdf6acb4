"""Runs an encoder over spoken sound: what it gives, and what a step costs on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from engine.features import LogMel
from engine.models.config import Config
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.options import ModelOptions
from engine.models.session import Graph, open_graph
from engine.models.sizes import StreamingSizes, streaming_sizes
from engine.types import Frames, Samples

_EXACT = 1e-4
"""Largest difference that rounding alone may make. Outputs are log-probabilities or frames of magnitude 10."""
_FAITHFUL = 35.0
"""Decibels that the outputs must lie above the error of int8 weights. On trained encoders it is 38 to 49."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One graph's way through the probe."""

    frames: Frames
    """float32 [frames, width]: all outputs, end to end."""
    cost: float
    """Median processor time of a step, in seconds."""


def speech() -> Samples:
    """The spoken sound that graphs are tried on: 7 s, longer than any attention cache."""
    with (resources.files("resources") / "probe" / "speech.npy").open("rb") as file:
        stored: Samples = np.load(file).astype(np.float32) / np.float32(32768)
    return stored


def sizes_of(rewritten: Path) -> StreamingSizes:
    """The sizes that a rewritten graph names."""
    graph = _open(rewritten)
    return streaming_sizes(graph, Config.read(rewritten.parent), _bins(graph))


def run(path: Path, sizes: StreamingSizes, samples: Samples) -> Trial:
    """Send sound through a graph, original or rewritten, one step after the other.

    Args:
        sizes: those of the rewritten graph; the original differs from it in the width of the cache alone.

    Raises:
        ModelFileBroken: ONNX Runtime cannot load or run the graph.
        ModelMismatch: it gives other shapes than the sizes say.
    """
    graph = _open(path)
    width = graph.static(graph.inputs[2], 3, "the width of the attention cache")
    frames_last = graph.outputs[0].shape[1] == sizes.conv_width
    encoder = CacheAwareGraph(graph, replace(sizes, cache_width=width), _bins(graph), frames_last)
    features = LogMel(encoder.bins).push(samples)
    state, given, costs = encoder.start(), [], []
    for start in range(0, len(features) - sizes.window + 1, sizes.shift):
        began = time.thread_time()
        frames, state = encoder.step(features[None, start : start + sizes.window], state)
        costs.append(time.thread_time() - began)
        given.append(frames[0])
    return Trial(np.concatenate(given), float(np.median(costs)))


def is_exact(original: Trial, other: Trial) -> bool:
    """Whether two trials differ by rounding at most."""
    return bool(np.abs(original.frames - other.frames).max() <= _EXACT)


def is_faithful(original: Trial, other: Trial) -> bool:
    """Whether a quantised graph stays as close as one does that costs no accuracy."""
    error = np.square(original.frames - other.frames, dtype=np.float64).mean()
    power = np.square(original.frames, dtype=np.float64).mean()
    return bool(error <= power * 10 ** (-_FAITHFUL / 10))


def _open(path: Path) -> Graph:
    # One thread: its time is the step's whole cost, and it is what a live stream uses.
    return open_graph(path, ModelOptions(threads=1), "the trial")


def _bins(graph: Graph) -> int:
    return graph.static(graph.inputs[0], 1, "the number of mel bins")
