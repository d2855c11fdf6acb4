"""When a source's sound was captured: where its seconds lie on the computer's clock."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.ports import AudioChunk
from engine.types import SAMPLE_RATE

TOLERANCE = 0.25
"""Seconds by which chunks may arrive late or early without being told: devices and readers deliver in gulps."""

WATCHED = 30.0
"""Seconds of sound over which chunks must all have come late before that is believed: a chunk may come late because
the computer was busy, all of them only because sound was missed or the device's clock goes slow."""


class SoundClock:
    """Follows one source. A chunk can come late and never early, so the earliest ones tell the time best."""

    def __init__(self) -> None:
        self._samples = 0
        self._since = 0.0
        """The second of sound from which on `_behind` holds."""
        self._behind: float | None = None
        """What the clock showed when second 0 would have been said; None: to be found out."""
        self._window_began = 0.0
        self._earliest = 0.0

    def interrupt(self) -> None:
        """Some sound was missed, nobody knows how much."""
        self._behind = None

    def hear(self, chunk: AudioChunk) -> Iterator[tuple[float, float]]:
        """Count a chunk; gives (second of sound, time.monotonic() of its capture) where these go on in another way."""
        began = self._samples / SAMPLE_RATE
        self._samples += len(chunk.samples)
        behind = chunk.captured_at - self._samples / SAMPLE_RATE
        if chunk.overflowed:
            self.interrupt()
        if self._behind is None:
            self._window_began, self._earliest = began, behind
            yield self._go_on(began, behind)
        elif behind < self._behind - TOLERANCE:
            yield self._go_on(self._since, behind)
        self._earliest = min(self._earliest, behind)
        if began - self._window_began >= WATCHED:
            if self._behind is not None and self._earliest > self._behind + TOLERANCE:
                yield self._go_on(self._window_began, self._earliest)
            self._window_began, self._earliest = began, behind

    def _go_on(self, since: float, behind: float) -> tuple[float, float]:
        self._since, self._behind = since, behind
        return since, since + behind
