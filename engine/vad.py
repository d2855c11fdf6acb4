"""Voice activity: how likely each 32 ms of sound is speech, from the packaged Silero model.

It opens and closes the windows of attention models, which would invent words in silence, noise and music.
Models with caches hear everything and do not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.models.options import ModelOptions
from engine.models.session import Graph, open_graph
from engine.types import SAMPLE_RATE, Samples

BLOCK = 512
"""Samples that the model judges at a time."""
BLOCK_SECONDS = BLOCK / SAMPLE_RATE

_CONTEXT = 64
"""Samples of the block before that it sees as well."""
_STATE = (2, 1, 128)


class Voice(Protocol):
    """Judges consecutive blocks of one stream."""

    def probability(self, block: Samples) -> float:
        """How likely these `BLOCK` samples, which follow the ones before, hold speech: 0 to 1."""
        ...


class SileroVoice:
    """One stream through the Silero model; a `Voice`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._state: NDArray[np.float32] = np.zeros(_STATE, np.float32)
        self._context: Samples = np.zeros(_CONTEXT, np.float32)
        self._rate = np.array(SAMPLE_RATE, np.int64)

    def probability(self, block: Samples) -> float:
        """How likely these `BLOCK` samples, which follow the ones before, hold speech: 0 to 1."""
        heard = np.concatenate([self._context, block])
        outputs: Sequence[NDArray[np.float32]] = self._graph.run(heard[None], self._state, self._rate)
        self._state, self._context = outputs[1], heard[-_CONTEXT:]
        return float(outputs[0][0, 0])


@cache
def packaged_model() -> Graph:
    """The model that comes with the program, opened once; raises ModelError where the installation is damaged."""
    with resources.as_file(resources.files("resources") / "models" / "vad" / "silero_vad_16k_op15.onnx") as path:
        return open_voice_model(path)


def open_voice_model(path: Path) -> Graph:
    """A Silero model for 16 kHz; raises ModelError with one sentence for anything else."""
    graph = open_graph(path, ModelOptions(), "voice activity")
    graph.expect((2, 3, 0), (2, 3))
    return graph
