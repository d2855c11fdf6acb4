"""The stretch of sound that an attention model looks at, and how its encoder frames come about.

A window opens with speech, grows while it goes on, and closes with a pause. Which sound and which tokens belong
to it is kept here; when it is decoded, and what of it is settled, is decided in `window_track.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from engine.types import SAMPLE_RATE, Frames, Samples, Token


class WindowEncoder(Protocol):
    """Turns the growing sound of one window into encoder frames."""

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        ...

    def forget(self, samples: int) -> None:
        """The first `samples` samples leave the window."""
        ...

    def frames(self, samples: int) -> Frames:
        """Encoder frames [T, D] of the window's first `samples` samples."""
        ...


class Reencoder:
    """The encoder of a model without caches: the whole window goes through the graph each time."""

    def __init__(self, encode: Callable[[Samples], Frames]) -> None:
        self._encode = encode
        self._sound: Samples = np.zeros(0, np.float32)

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        self._sound = np.concatenate([self._sound, samples])

    def forget(self, samples: int) -> None:
        """The first `samples` samples leave the window."""
        self._sound = self._sound[samples:]

    def frames(self, samples: int) -> Frames:
        """Encoder frames [T, D] of the window's first `samples` samples."""
        return self._encode(self._sound[:samples])


@dataclass(slots=True)
class Window:
    """An open window; positions are samples since the start of the stream."""

    encoder: WindowEncoder
    start: int
    end: int
    """Where its sound ends for now."""
    spoken_from: int
    spoken_until: int
    """Speech was last heard before this."""
    decoded: int
    """Where its sound ended when it was last decoded."""
    voiced_blocks: int
    earliest: float
    """No token of the window has an earlier time: up to here silence was reported. Seconds."""
    silent_blocks: int = 0
    """Blocks since speech was last heard."""
    prefix: list[Token] = field(default_factory=list)
    """Settled tokens whose sound is in the window."""
    draft: list[Token] = field(default_factory=list)
    """What follows them, as decoded last."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        self.encoder.extend(samples)
        self.end += len(samples)

    def frames(self, end: int) -> Frames:
        """Encoder frames of the window's sound up to `end`."""
        return self.encoder.frames(end - self.start)

    def move_start(self, start: int, tokens: int) -> None:
        """Forget the sound before `start`, and the first `tokens` tokens of the prefix, which it held."""
        self.encoder.forget(start - self.start)
        self.start = start
        del self.prefix[:tokens]
