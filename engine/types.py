"""The words of the domain: what the engine hears and what it says. Frozen values, no logic.

All times are seconds of audio since the start of the stream, counted in samples, never read from a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples a second of everything the engine takes in."""

Samples: TypeAlias = NDArray[np.float32]
"""Mono sound, float32 [N], 16 kHz, nominally in [-1, 1]."""

Frames: TypeAlias = NDArray[np.float32]
"""Feature or encoder frames, float32 [T, D]."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of the model's vocabulary that the decoder emitted."""

    id: int
    text: str
    """The piece as the vocabulary spells it; U+2581 marks the start of a word."""
    time: float
    """Start of the encoder frame (or cross-attention peak) it was emitted at."""
    confidence: float
    """The model's own probability of the piece, without any bonus, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is shown, punctuation attached."""

    text: str
    start: float
    end: float
    confidence: float
    """Lowest confidence of its pieces, 0 to 1."""
    emitted: float
    """How much audio had been heard when the word was first shown."""
    listed: bool = False
    """It belongs to an entry of the boost list and stands as it was typed there."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The utterance being spoken, as it reads now."""

    utterance: int
    """Counts utterances of a stream from 0."""
    words: tuple[Word, ...]
    settled: int
    """The first `settled` words stay as they are, in this and every later update of the utterance."""
    heard: float
    """How much audio had been heard."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Reading:
    """Another way in which an utterance may read."""

    words: tuple[Word, ...]
    cost: float
    """By how much it is less probable than what was shown, natural log, with all that guided the search."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Final:
    """An utterance that has ended; nothing of it changes any more."""

    utterance: int
    words: tuple[Word, ...]
    tokens: tuple[Token, ...]
    start: float
    end: float
    heard: float
    alternatives: tuple[Reading, ...] = ()
    """Where `Guidance.alternatives` asks for them: other readings, the most probable first. Greedy decoders follow one
    reading and have no other."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing has been said since `since`; sent once when an utterance-free stretch begins."""

    since: float
    heard: float


Update: TypeAlias = Partial | Final | Silence


@dataclass(frozen=True, slots=True)
class BoostPhrase:
    """A word or phrase that the decoder should expect (or, with negative strength, avoid)."""

    text: str
    """As it is to be shown, whichever way it is heard."""
    strength: float = 1.0
    """1 is normal; 0 does nothing; below 0 suppresses. Held to -5 to 5."""
    sounds_like: tuple[str, ...] = ()
    """Other spellings under which the model may hear it."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a loaded model is, in facts that a person may be shown."""

    name: str
    family: str
    """"ctc", "rnnt", "tdt", "hybrid" or "attention"."""
    decoders: tuple[str, ...]
    """Decoders that this folder can run: of "ctc", "transducer", "attention"; the first is the default."""
    streaming: bool
    """True: cache-aware, each frame encoded once. False: a window is encoded again at each step."""
    chunk: float
    """Seconds of new sound a step takes."""
    look_ahead: float
    """Seconds of sound after a frame that the encoder waits for, beyond the chunk itself."""
    vocabulary_size: int
    precision: str
    """"fp32" or "int8"."""
    provider: str
    """The ONNX Runtime execution provider that really runs it."""
    cased: bool
    punctuated: bool
    files: tuple[str, ...] = field(default=())
    latencies: tuple[int, ...] = ()
    """Delays in milliseconds that it can be opened with; empty where there is only one."""

    @property
    def latency(self) -> int:
        """Milliseconds that a frame waits at most for the sound that its step wants; 0 where windows are encoded."""
        return round((self.chunk + self.look_ahead) * 1000)
