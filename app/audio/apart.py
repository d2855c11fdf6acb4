"""Keeps a microphone and what the computer plays apart, so that nothing is captioned twice in a call with loudspeakers.

The two sources stay two, each with its own thread; the microphone's chunks wait here until what was played at the same
time has come too, and go on without its echo (`app.audio.echo`). Which sound is of the same time follows from when
chunks arrive; the echo's own delay is left to the filter.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.audio.echo import SILENT, EchoFilter
from app.core.ports import AudioChunk, Lost, Opened, Source, SourceEvent, SourceKind
from engine.types import SAMPLE_RATE, Samples

_EARLY = SAMPLE_RATE // 50
"""Samples, 20 ms, by which an echo may seem to come before its sound: arrivals tell the time no better."""
_LATE = SAMPLE_RATE // 10
"""Samples, 0.1 s, that the filter's reach may shrink by before the two are aligned anew."""
_ARRIVALS = 375
"""Chunks of which the earliest arrival tells the time of all: 30 s."""

_PATIENCE = 1.0
"""Seconds that the microphone waits for sound that plays and does not come, ..."""
_PATIENCE_IN_SILENCE = 0.16
"""... and where nothing plays: Windows delivers nothing then."""

Deliver = Callable[[SourceEvent], None]


def keep_apart(microphone: Source, system: Source, hurry: Callable[[], None] = lambda: None) -> list[Source]:
    """The same two sources, the first without the echo of the second.

    hurry: tells the system's source that what it has is waited for.
    """
    call = _Call(hurry)
    return [
        _Heard(microphone, call.hear_microphone, call.release),
        _Heard(system, call.hear_system, lambda _: None),
    ]


class _Heard:
    """A `Source` whose events pass through the call; `stopped` comes after its last one."""

    def __init__(
        self, source: Source, hear: Callable[[SourceEvent, Deliver], None], stopped: Callable[[Deliver], None]
    ) -> None:
        self._source = source
        self._hear = hear
        self._stopped = stopped
        self._deliver: Deliver | None = None

    @property
    def kind(self) -> SourceKind:
        return self._source.kind

    @property
    def name(self) -> str:
        return self._source.name

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._source.start(lambda event: self._hear(event, deliver))

    def stop(self) -> None:
        self._source.stop()
        if self._deliver is not None:
            self._stopped(self._deliver)


class _Clock:
    """When the samples of one source came, by the earliest arrivals: others were only read later."""

    def __init__(self) -> None:
        self._starts: deque[float] = deque(maxlen=_ARRIVALS)

    def hear(self, chunk: AudioChunk) -> None:
        if chunk.overflowed:
            self._starts.clear()
        self._starts.append(chunk.captured_at - (chunk.start_sample + len(chunk.samples)) / SAMPLE_RATE)

    def forget(self) -> None:
        self._starts.clear()

    @property
    def start(self) -> float | None:
        """time.monotonic() of the source's sample 0; None before any sound."""
        return min(self._starts, default=None)


class _Played:
    """What was played lately, by its place in its source."""

    def __init__(self) -> None:
        self._sound: Samples = np.zeros(0, np.float32)
        self._start = 0
        self.silent = True
        """Of the newest chunk."""

    def hear(self, chunk: AudioChunk) -> None:
        if chunk.start_sample != self.end:
            self._sound, self._start = self._sound[:0], chunk.start_sample
        self._sound = np.concatenate((self._sound, chunk.samples))
        self.silent = chunk.level < SILENT

    @property
    def end(self) -> int:
        return self._start + len(self._sound)

    def take(self, start: int, count: int) -> Samples:
        """float32 [count] from the place `start` on, zeros where nothing came; what is before is forgotten."""
        taken = np.zeros(count, np.float32)
        first, last = max(start, self._start), min(start + count, self.end)
        if first < last:
            taken[first - start : last - start] = self._sound[first - self._start : last - self._start]
        if start > self._start:
            self._sound, self._start = self._sound[start - self._start :], min(start, self.end)
        return taken


class _Call:
    """What the two threads share. Chunks of the microphone leave in order, under the lock, on either thread."""

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._lock = threading.Lock()
        self._filter = EchoFilter()
        self._heard_clock, self._played_clock = _Clock(), _Clock()
        self._played = _Played()
        self._waiting: deque[AudioChunk] = deque()
        self._deliver: Deliver = lambda _: None
        self._shift: int | None = None
        """What is added to a place in the microphone's sound for the one in the system's."""

    def hear_microphone(self, event: SourceEvent, deliver: Deliver) -> None:
        with self._lock:
            self._deliver = deliver
            if isinstance(event, AudioChunk):
                self._heard_clock.hear(event)
                self._waiting.append(event)
                self._pass_on()
                if self._waiting:
                    self._hurry()
                return
            self._pass_on(everything=True)
            if isinstance(event, Opened | Lost):
                self._heard_clock.forget()
                self._shift = None
            deliver(event)

    def hear_system(self, event: SourceEvent, deliver: Deliver) -> None:
        deliver(event)
        with self._lock:
            if isinstance(event, AudioChunk):
                self._played_clock.hear(event)
                self._played.hear(event)
            else:
                self._played_clock.forget()
                self._shift = None
            self._pass_on()

    def release(self, deliver: Deliver) -> None:
        """Nothing more comes from the microphone."""
        with self._lock:
            self._deliver = deliver
            self._pass_on(everything=True)

    def _pass_on(self, *, everything: bool = False) -> None:
        """Clean and deliver what need not wait any longer."""
        self._align()
        while self._waiting and (everything or self._ready(self._waiting[0])):
            chunk = self._waiting.popleft()
            if self._shift is not None:
                played = self._played.take(chunk.start_sample + self._shift, len(chunk.samples))
                cleaned = self._filter.clean(chunk.samples, played)
                cleaned.setflags(write=False)
                # The level stays what the microphone hears: zeros there mean that it is muted.
                chunk = replace(chunk, samples=cleaned)
            self._deliver(chunk)

    def _ready(self, chunk: AudioChunk) -> bool:
        if self._shift is None:
            return True
        if self._played.end >= chunk.start_sample + len(chunk.samples) + self._shift:
            return True
        patience = _PATIENCE_IN_SILENCE if self._played.silent else _PATIENCE
        return self._waiting[-1].captured_at - chunk.captured_at >= patience

    def _align(self) -> None:
        """Find the shift; another one means another echo, which has to be learned from nothing."""
        heard, played = self._heard_clock.start, self._played_clock.start
        if heard is None or played is None:
            return
        shift = round((heard - played) * SAMPLE_RATE) + _EARLY
        if self._shift is None or not -_LATE <= shift - self._shift <= _EARLY:
            self._shift = shift
            self._filter = EchoFilter()
