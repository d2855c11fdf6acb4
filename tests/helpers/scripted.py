"""Fakes at the seams: a track that follows a script, a source that plays what it is given."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.ports import CHUNK_SAMPLES, AudioChunk, Ended, Opened, SourceEvent, SourceKind
from engine.decoding.guidance import Guidance
from engine.track import Hypothesis, Track
from engine.types import SAMPLE_RATE, Samples, Token


@dataclass(frozen=True)
class Spoken:
    """A piece that a scripted track emits once `at` seconds of sound are in."""

    piece: str
    at: float
    settles_after: float = 0.0
    foreseen_at: float = math.inf


class ScriptedTrack(Track):
    """Emits pieces at fixed times of the sound; their token times are those times."""

    def __init__(self, script: Sequence[Spoken], tail: Sequence[Spoken] = ()) -> None:
        self._script = list(script)
        self._tail = list(tail)
        self._undecoded: deque[int] = deque()
        self._samples = 0
        self._dropped = 0
        self._finished = False

    @property
    def hypothesis(self) -> Hypothesis:
        now = self._samples / SAMPLE_RATE
        heard = [s for s in self._script if s.at <= now] + (self._tail if self._finished else [])
        settled = len(heard) if self._finished else sum(s.at + s.settles_after <= now for s in heard)
        tokens = tuple(Token(i, s.piece, s.at, 0.9) for i, s in enumerate(heard))
        return Hypothesis(tokens[self._dropped :], settled - self._dropped, now)

    @property
    def foreseen(self) -> tuple[Token, ...]:
        now = self._samples / SAMPLE_RATE
        return tuple(Token(i, s.piece, s.at, 0.9) for i, s in enumerate(self._script) if s.foreseen_at <= now < s.at)

    @property
    def encoder(self) -> None:
        """The script needs none."""

    def hear(self, samples: Samples) -> None:
        self._undecoded.append(len(samples))

    def advance(self) -> bool:
        self._samples += self._undecoded.popleft()
        return True

    def finish(self) -> None:
        self._finished = True

    def guide(self, guidance: Guidance) -> None:
        """The script says what is heard, whatever is listened for."""

    def drop(self, tokens: int) -> None:
        assert tokens <= self.hypothesis.settled
        self._dropped += tokens


class PlayedSource:
    """Delivers given events from a thread of its own, then waits until it is stopped."""

    def __init__(self, events: Sequence[SourceEvent], kind: SourceKind = SourceKind.FILE, name: str = "played") -> None:
        self._events = events
        self._kind = kind
        self._name = name
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.starts = 0

    @property
    def kind(self) -> SourceKind:
        return self._kind

    @property
    def name(self) -> str:
        return self._name

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.starts += 1

        def play() -> None:
            for event in self._events:
                if self._stop.is_set():
                    return
                deliver(event)

        self._thread = threading.Thread(target=play, name="played-source")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()


def chunks_of(samples: Samples, *, captured_at: float = 1e12) -> list[AudioChunk]:
    """Cut sound into chunks; by default captured in the far future, so that nothing is ever late."""
    return [
        AudioChunk(part, start, captured_at, float(np.sqrt(np.mean(part**2))))
        for start in range(0, len(samples), CHUNK_SAMPLES)
        if len(part := samples[start : start + CHUNK_SAMPLES])
    ]


def file_like(samples: Samples, device: str = "played") -> list[SourceEvent]:
    """What a file source delivers."""
    return [Opened(device), *chunks_of(samples), Ended()]
