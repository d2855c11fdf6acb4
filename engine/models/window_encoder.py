"""How the encoder frames of a growing window come about: all encoded anew each time, or appended chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from engine.models.session import Array
from engine.types import Frames, Samples

Caches = Mapping[str, Array]
Step = Callable[[Samples, int, Caches], tuple[Frames, Caches]]
"""A streaming encoder: sound of T whole frames, how many of the last of them are look-ahead, and caches, to frames
[T, D] and the next caches. Look-ahead lends the others what comes after them, and the caches know nothing of it."""


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
    """The encoder of a streaming model: each chunk is encoded once, with its look-ahead, and its frames stay.

    What has been heard after them is encoded as a chunk of its own, and the caches it would leave are not kept, so
    that the newest sound is there at once.
    """

    def __init__(self, step: Step, start: Caches, frame: int, chunk: int, look_ahead: int = 0) -> None:
        """
        Args:
            start: the caches of a stream that has heard nothing.
            frame: samples of an encoder frame.
            chunk: samples of a chunk, a whole number of frames.
            look_ahead: samples after a chunk that its step wants to hear, a whole number of frames.
        """
        self._step = step
        self.caches = start
        """As the chunks that are done left them."""
        self._frame = frame
        self._chunk = chunk
        self._look_ahead = look_ahead
        self._frames: list[Frames] = []
        """Of chunks that are done, oldest first, as far as the window still has them."""
        self._skip = 0
        """Encoder frames at the front of `_frames` that have left the window."""
        self._sound: Samples = np.zeros(0, np.float32)
        """What comes after them."""
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
        step, ahead = self._chunk + self._look_ahead, self._look_ahead // self._frame
        while len(self._sound) >= step:
            frames, self.caches = self._step(self._sound[:step], ahead, self.caches)
            self._frames.append(frames[: self._chunk // self._frame])
            self._sound = self._sound[self._chunk :]
        parts = list(self._frames)
        newest = self._sound[: len(self._sound) // self._frame * self._frame]
        if len(newest):
            parts.append(self._step(newest, 0, self.caches)[0])
        return np.concatenate(parts)[self._skip :][: samples // self._frame]
