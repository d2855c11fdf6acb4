"""What the program is doing, as facts gathered from the events of a session. The window puts it into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from statistics import median
from typing import TypeVar

from app.core.events import (
    Captioned,
    DeviceLost,
    EffortChanged,
    Failed,
    Lagging,
    Level,
    Listening,
    ListRefused,
    NoSound,
    Placed,
    SessionEvent,
    SoundBack,
    SoundLost,
    SourceFinished,
    Stopped,
    WordsRead,
)
from app.core.ports import SourceKind
from engine.types import Final

Fact = TypeVar("Fact")


class Phase(Enum):
    PAUSED = auto()
    STARTING = auto()
    LISTENING = auto()
    FINISHING = auto()
    """Sound has stopped, the last words are being captioned."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Facts for the status line. Immutable."""

    phase: Phase = Phase.PAUSED
    model: str = ""
    """Name of the loaded model; empty while it loads."""
    devices: Mapping[SourceKind, str] = field(default_factory=dict)
    """Those that sound comes from now."""
    silent: Mapping[SourceKind, str] = field(default_factory=dict)
    """Devices that deliver nothing but zeros."""
    lost: Mapping[SourceKind, str] = field(default_factory=dict)
    """Devices that went away and are waited for, each with its sentence."""
    gone: Mapping[SourceKind, str] = field(default_factory=dict)
    """Sources that gave up, each with its sentence."""
    lag: float = 0.0
    """Seconds that captions are behind the sound."""
    hurry: int = 0
    """How much simpler captions are than they should be, as the machine cannot keep up."""
    delay: float | None = None
    """Seconds from the end of a word to its appearance, median over the last utterance."""
    over: bool = False
    """A recording was played to its end."""
    failure: str = ""
    """Why captions stopped; a full sentence."""
    waiting: bool = False
    """They begin by themselves once the reason is gone."""

    def starting(self) -> Activity:
        return Activity(phase=Phase.STARTING, model=self.model, delay=self.delay)

    def apply(self, event: SessionEvent) -> Activity:
        match event:
            case Level() | Placed():
                return self
            case Captioned(update=Final(words=words)) if words:
                return replace(self, delay=median(max(word.emitted - word.end, 0.0) for word in words))
            case Listening(source, device):
                return replace(
                    self,
                    devices={**self.devices, source: device},
                    lost=_without(self.lost, source),
                    silent=_without(self.silent, source),
                )
            case NoSound(source, device):
                return replace(self, silent={**self.silent, source: device})
            case SoundBack(source):
                return replace(self, silent=_without(self.silent, source))
            case Lagging(seconds):
                return replace(self, lag=seconds)
            case EffortChanged(hurry):
                return replace(self, hurry=hurry)
            case DeviceLost(source, _, reason):
                return replace(self, lost={**self.lost, source: reason}, devices=_without(self.devices, source))
            case SourceFinished(source, reason):
                gone = {**self.gone, source: reason} if reason else self.gone
                return replace(
                    self,
                    devices=_without(self.devices, source),
                    lost=_without(self.lost, source),
                    gone=gone,
                    over=self.over or not reason,
                )
            case Failed(reason):
                return replace(self, failure=reason)
            case Captioned() | SoundLost() | WordsRead() | ListRefused() | Stopped():
                return self


def _without(facts: Mapping[SourceKind, Fact], source: SourceKind) -> dict[SourceKind, Fact]:
    return {key: value for key, value in facts.items() if key is not source}
