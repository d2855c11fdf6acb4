"""Voice activity: how likely each 32 ms of sound is speech, from the packaged Silero model.

It opens and closes the windows of attention models, which would invent words in silence, noise and music.
Models with caches hear everything and do not depend on it.
"""

from __future__ import annotations

from collections import deque
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


class SparingVoice:
    """Spares another `Voice` the blocks of a quiet stretch that are no louder than what it took for silence.

    What was spared last is judged after all when something louder comes, so that the model meets an onset with the
    memory of silence that it would have: onsets are found within a block of where they were, and the window that they
    open reaches half a second back. Speech is louder than the room it is in; how loud the room is, is learned from
    blocks that the model calls silence.
    """

    _SILENCE = 0.1
    """Probability of speech below which a block is nobody's voice."""
    _SILENT_BLOCKS = 8
    """Silence in a row, 0.26 s, that begins a quiet stretch."""
    _LOUDEST = 0.002**2
    """Mean square (-54 dB) beyond which no block is spared, whatever the room."""
    _LOUDER = 2.0
    """How much more energy than the room a block may have (3 dB)."""
    _LEARNS = 0.1
    """Share of the newest block in what the room is taken for."""
    _JUDGED_AFTER_ALL = 8

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._room = 0.0
        """Mean square."""
        self._silent = 0
        self._spared: deque[Samples] = deque(maxlen=self._JUDGED_AFTER_ALL)
        self._last = 0.0

    def probability(self, block: Samples) -> float:
        """How likely these `BLOCK` samples, which follow the ones before, hold speech: 0 to 1."""
        energy = float(block @ block) / len(block)
        if self._silent >= self._SILENT_BLOCKS and energy <= min(self._room * self._LOUDER, self._LOUDEST):
            self._spared.append(block)
            self._learn(energy)
            return self._last
        while self._spared:
            self._voice.probability(self._spared.popleft())
        self._last = self._voice.probability(block)
        if self._last < self._SILENCE:
            self._learn(energy)
            self._silent += 1
        else:
            self._silent = 0
        return self._last

    def _learn(self, energy: float) -> None:
        self._room += (energy - self._room) * self._LEARNS


def packaged_voice() -> Voice:
    """For one stream: the model that comes with the program, spared what is silence beyond doubt."""
    return SparingVoice(SileroVoice(packaged_model()))


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
