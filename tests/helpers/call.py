"""A call with loudspeakers: what the microphone hears of what is played, and both as sources of a session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr

from app.core.channel import MakeStream
from app.core.events import Captioned, SessionEvent
from app.core.ports import CHUNK_SAMPLES, AudioChunk, Ended, Opened, Source, SourceEvent, SourceKind
from app.core.session import CaptionSession
from engine.types import SAMPLE_RATE, Final, Samples, Word

BEGAN = 1e9
"""time.monotonic() of the first sample: so far in the future that no session takes its sound for late."""
FLOOR = 5e-4
"""Noise of a quiet room, -66 dB."""


@dataclass(frozen=True)
class Loudspeakers:
    """How what is played reaches the microphone."""

    level: float
    """Of the echo against what is played, in dB."""
    delay: float = 0.1
    """Seconds."""
    reverberation: float = 0.3
    """Seconds until an echo has died down by 60 dB, in a made-up room."""
    drive: float = 0.0
    """How much they distort: what is played is bent as by tanh of so many times its size."""
    drift: float = 0.0
    """Parts in a million by which the microphone's clock is faster."""
    impulse: Samples | None = None
    """Of a real room, instead of a made-up one."""

    def echo(self, played: Samples) -> Samples:
        """What reaches the microphone, float32 of the same length."""
        sound = np.tanh(played * self.drive) / self.drive if self.drive else played
        room = self.impulse if self.impulse is not None else _room(self.reverberation)
        reach = np.concatenate((np.zeros(round(self.delay * SAMPLE_RATE), np.float32), room))
        size = len(sound) + len(reach)
        echo = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(reach, size), size)[: len(sound)]
        loud = np.sqrt(np.mean(np.square(sound)) / max(np.mean(np.square(echo)), 1e-20))
        return (echo * loud * 10 ** (self.level / 20)).astype(np.float32)

    def heard(self, near: Samples, played: Samples) -> Samples:
        """What the microphone hears while somebody says `near` to it, by its own clock."""
        room = np.random.default_rng(1).normal(0, FLOOR, len(near))
        heard = (near + self.echo(played) + room).astype(np.float32)
        if not self.drift:
            return heard
        drifted: Samples = soxr.resample(heard, SAMPLE_RATE, SAMPLE_RATE * (1 + self.drift * 1e-6))
        return drifted


def _room(reverberation: float) -> Samples:
    """A direct path, and noise that dies away with half of its power."""
    count = round(reverberation * SAMPLE_RATE)
    tail = np.random.default_rng(0).normal(0, 1, count) * 10 ** (-3 * np.arange(count) / count)
    tail *= 0.7 / np.sqrt(np.sum(tail**2))
    return np.concatenate(([1.0], tail)).astype(np.float32)


def chunks(sound: Samples, drift: float = 0.0, late: Callable[[int], float] = lambda _: 0.0) -> list[AudioChunk]:
    """Chunks as a source delivers them; `late` says by how many seconds each is read late."""
    rate = SAMPLE_RATE * (1 + drift * 1e-6)
    cuts = [*range(0, len(sound), CHUNK_SAMPLES), len(sound)]
    found = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        part = sound[start:end].copy()
        part.setflags(write=False)
        level = float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))
        found.append(AudioChunk(part, start, BEGAN + end / rate + late(number), level))
    return found


class CallSource:
    """One of the two sources of a `Call`."""

    def __init__(self, call: Call, kind: SourceKind) -> None:
        self._call = call
        self.kind = kind
        self.name = str(kind)
        self.deliver: Callable[[SourceEvent], None] | None = None

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.deliver = deliver
        self._call.began()

    def stop(self) -> None:
        self._call.end()


class Call:
    """Delivers the chunks of both sources on one thread, in the order in which they came; then both end."""

    def __init__(self, heard: Iterable[AudioChunk], played: Iterable[AudioChunk]) -> None:
        self.microphone = CallSource(self, SourceKind.MICROPHONE)
        self.system = CallSource(self, SourceKind.SYSTEM)
        both = [(chunk, self.microphone) for chunk in heard] + [(chunk, self.system) for chunk in played]
        self._chunks = sorted(both, key=lambda item: item[0].captured_at)
        self._thread = threading.Thread(target=self._run, name="call")
        self._stopping = threading.Event()

    def began(self) -> None:
        if self.microphone.deliver and self.system.deliver:
            self._thread.start()

    def end(self) -> None:
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        self._tell(Opened("made up"))
        for chunk, source in self._chunks:
            if self._stopping.is_set():
                return
            assert source.deliver is not None
            source.deliver(chunk)
        self._tell(Ended())

    def _tell(self, event: SourceEvent) -> None:
        for source in (self.microphone, self.system):
            assert source.deliver is not None
            source.deliver(event)


def captioned(sources: Sequence[Source], make_stream: MakeStream) -> dict[SourceKind, list[Word]]:
    """The words that a session shows for each source by the time that both have ended."""
    words: dict[SourceKind, list[Word]] = {source.kind: [] for source in sources}

    def on_event(event: SessionEvent) -> None:
        if isinstance(event, Captioned) and isinstance(event.update, Final):
            words[event.source] += event.update.words

    session = CaptionSession(sources, make_stream, on_event)
    session.start()
    session.wait()
    session.stop()
    return words
