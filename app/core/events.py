"""What a caption session tells whoever shows it. Facts, frozen, safe to hand to another thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from app.core.ports import SourceKind
from engine.types import Update


@dataclass(frozen=True, slots=True)
class Captioned:
    """The engine said something about one of the sources."""

    source: SourceKind
    update: Update


@dataclass(frozen=True, slots=True)
class Listening:
    """Sound comes from this device, now and after each change of device."""

    source: SourceKind
    device: str


@dataclass(frozen=True, slots=True)
class Placed:
    """What is heard of this source from second `since` of its sound on was captured from `at` on, time.monotonic().

    Told at the start, whenever sound was missed, and once more with the same `since` where it is known better.
    """

    source: SourceKind
    since: float
    at: float


@dataclass(frozen=True, slots=True)
class Level:
    """How loud the newest chunk was, root mean square 0 to 1: about twelve a second, and none while it stays."""

    source: SourceKind
    level: float


@dataclass(frozen=True, slots=True)
class NoSound:
    """Only digital zeros came from this device for `seconds`; sent once a stretch."""

    source: SourceKind
    device: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SoundBack:
    """Sound is heard again after NoSound."""

    source: SourceKind


@dataclass(frozen=True, slots=True)
class Lagging:
    """How far captions are behind the sound, seconds; 0.0 when they have caught up."""

    seconds: float


@dataclass(frozen=True, slots=True)
class EffortChanged:
    """The machine fell behind and captions become simpler, or it has recovered and they are as they should be."""

    hurry: int
    """0: all that the model can do; the more, the less work."""


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The device lost sound before it reached the program (overflow)."""

    source: SourceKind
    device: str


@dataclass(frozen=True, slots=True)
class DeviceLost:
    """A device went away; the source keeps trying."""

    source: SourceKind
    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFinished:
    """A file was read to its end, or a source gave up (`reason` says why; empty for a file's end)."""

    source: SourceKind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WordsRead:
    """The list of words to know was read, at the start or after an edit; a sentence for each of its mistakes."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListRefused:
    """The user's list of words to hide cannot be read; a full sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine cannot go on; a full sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last event of a session."""


SessionEvent: TypeAlias = (
    Captioned
    | Listening
    | Placed
    | Level
    | NoSound
    | SoundBack
    | Lagging
    | EffortChanged
    | SoundLost
    | DeviceLost
    | SourceFinished
    | WordsRead
    | ListRefused
    | Failed
    | Stopped
)
