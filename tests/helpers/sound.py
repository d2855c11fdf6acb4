"""Sound for the tests of `app.audio`: what was received, and devices that follow a script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.core.ports import AudioChunk, SourceEvent
from tests.helpers.sound_server import DEADLINE

E = TypeVar("E")


class Receiver:
    """Takes what a source delivers; the test waits for facts about it."""

    def __init__(self) -> None:
        self.events: list[SourceEvent] = []
        self.times: list[float] = []
        self._news = threading.Condition()

    def __call__(self, event: SourceEvent) -> None:
        with self._news:
            self.events.append(event)
            self.times.append(time.monotonic())
            self._news.notify_all()

    def wait_for(self, fact: Callable[[], bool], what: str, deadline: float = DEADLINE) -> None:
        """Returns when `fact()` holds after some event; fails naming `what` when it does not in time."""
        with self._news:
            assert self._news.wait_for(fact, deadline), f"not within {deadline:.0f} s: {what}; got {self.told()}"

    def wait_for_event(self, kind: type[E], count: int = 1) -> E:
        """The `count`-th event of a kind, as soon as it comes."""
        self.wait_for(lambda: len(self.of(kind)) >= count, f"{kind.__name__} number {count}")
        return self.of(kind)[count - 1]

    def wait_for_sound(self, seconds: float) -> None:
        """Returns when `seconds` of sound more than now have come."""
        wanted = len(self.sound()) + seconds * 16_000
        self.wait_for(lambda: len(self.sound()) >= wanted, f"{seconds} s of sound")

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def told(self) -> list[SourceEvent]:
        """Everything but the sound, in order."""
        return [event for event in self.events if not isinstance(event, AudioChunk)]

    def time_of(self, event: object) -> float:
        """time.monotonic() when an event was delivered."""
        return next(t for t, e in zip(self.times, self.events, strict=True) if e is event)

    def sound(self) -> NDArray[np.float32]:
        """All samples so far."""
        chunks = self.of(AudioChunk)
        return np.concatenate([c.samples for c in chunks]) if chunks else np.zeros(0, np.float32)


def check_chunks(chunks: list[AudioChunk]) -> None:
    """The promises of `app.core.ports` that hold for any source: sizes, counting, dtype, read-only."""
    expected = 0
    for number, chunk in enumerate(chunks):
        assert chunk.samples.dtype == np.float32
        assert not chunk.samples.flags.writeable
        assert chunk.start_sample == expected
        assert len(chunk.samples) == 1_280 or number == len(chunks) - 1
        assert 0 < len(chunk.samples) <= 1_280
        assert np.isfinite(chunk.samples).all()
        expected += len(chunk.samples)
