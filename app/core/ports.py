"""What the session asks of the outside: a source of sound, and what a source tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from engine.types import Samples

CHUNK_SAMPLES = 1_280
"""Samples of one chunk: 80 ms at 16 kHz, the step of the encoders."""


class SourceKind(StrEnum):
    MICROPHONE = "microphone"
    SYSTEM = "system"
    FILE = "file"


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """80 ms of captured sound."""

    samples: Samples
    """float32 [1280], 16 kHz mono, read-only; shorter only as the last before Lost, Ended or the stop."""
    start_sample: int
    """Index of the first sample since the source started, in 16 kHz samples."""
    captured_at: float
    """time.monotonic() when its last sample arrived."""
    level: float
    """Root mean square, 0 to 1."""
    overflowed: bool = False
    """The device lost sound before this chunk."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Sound comes (again) from this device; sent at the start and after each change of device."""

    device: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The device stopped delivering; the source goes on trying and sends `Opened` if it succeeds."""

    device: str
    reason: str
    """A full sentence for the user."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The source has no more sound: the file is read to its end."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The source cannot go on and will not try again."""

    device: str
    reason: str


SourceEvent: TypeAlias = AudioChunk | Opened | Lost | Ended | Broken


class Source(Protocol):
    """Sound from somewhere, cut into chunks.

    `start` returns at once; `deliver` is then called on a thread of the source, in order, and must not
    block. `stop` may be called from any thread, waits until `deliver` will not be called again, and is
    harmless when called twice. A source is started once.
    """

    @property
    def kind(self) -> SourceKind: ...

    @property
    def name(self) -> str:
        """What the user calls it: the device's or the file's name."""
        ...

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        """Raises SourceError, with a full sentence, when the device cannot be opened."""
        ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """An input or output that can be captured from."""

    id: str
    """What `--source` and the settings store; stable between runs."""
    name: str
    kind: SourceKind
    is_default: bool
