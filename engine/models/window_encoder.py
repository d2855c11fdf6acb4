"""How the encoder frames of a growing window come about: all encoded anew each time, or appended chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from engine.models.session import Array
from engine.types import Frames, Samples

Caches = Mapping[str, Array]
Step = Callable[[Samples, Caches], tuple[Frames, Caches]]
"""A streaming encoder: a whole number of frames' sound and caches to frames [T, D] and the next caches."""


class WindowEncoder(Protocol):
    """Turns the growing sound of one window into encoder frames."""

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        ...

    def forget(self, samples: int) -> None:
        """The first `samples` samples leave the window."""
        ...

    def frames(self, samples: int) -> Frames:
        """Encoder frames [T, D] of the window's first `samples` samples; never fewer than asked for before."""
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


class Appender:
    """The encoder of a streaming model: each whole chunk is encoded once and its frames stay.

    What has been heard of the chunk after them is encoded as a shorter chunk, from a copy of the caches, so that
    the newest sound is there at once; that work is thrown away.
    """

    def __init__(self, step: Step, start: Caches, frame: int, chunk: int) -> None:
        """
        Args:
            start: the caches of a stream that has heard nothing.
            frame: samples of an encoder frame.
            chunk: samples of a chunk, a whole number of frames.
        """
        self._step = step
        self._caches = start
        self._frame = frame
        self._chunk = chunk
        self._frames: list[Frames] = []
        """Of whole chunks, oldest first; as many as the window still has, and at most one chunk's more."""
        self._skip = 0
        """Encoder frames at the front of `_frames` that have left the window."""
        self._sound: Samples = np.zeros(0, np.float32)
        """Sound that has not filled a chunk."""
        self._offset = 0
        """Samples at the window's start that are less than a frame."""

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        self._sound = np.concatenate([self._sound, samples])

    def forget(self, samples: int) -> None:
        """The first `samples` samples leave the window: whole frames now, the rest once it has become a frame."""
        self._offset += samples
        self._skip += self._offset // self._frame
        self._offset %= self._frame
        while self._frames and self._skip >= len(self._frames[0]):
            self._skip -= len(self._frames.pop(0))

    def frames(self, samples: int) -> Frames:
        """Encoder frames [T, D] of the window's first `samples` samples."""
        while len(self._sound) >= self._chunk:
            frames, self._caches = self._step(self._sound[: self._chunk], self._caches)
            self._frames.append(frames)
            self._sound = self._sound[self._chunk :]
        parts = list(self._frames)
        newest = self._sound[: len(self._sound) // self._frame * self._frame]
        if len(newest):
            parts.append(self._step(newest, self._caches)[0])
        return np.concatenate(parts)[self._skip :][: samples // self._frame]
