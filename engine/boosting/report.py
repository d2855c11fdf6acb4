"""What became of every entry of a boost list, so that nothing in it is silently dead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Risk(Enum):
    """Why an entry may be heard where it was not said, or not be heard where it was."""

    SHORT = "short"
    """So short that much ordinary speech resembles it; its bonus is damped."""
    COMMON = "common"
    """An ordinary English word; its bonus is damped unless its strength is above normal."""
    LOUD = "loud"
    """Stronger than the scale allows; held to its limit."""


class EntryReport(NamedTuple):
    """One entry of the list, in the list's order."""

    text: str
    spellings: int
    """How many spellings are matched, possessives and plurals not counted."""
    unwritable: tuple[str, ...]
    """Spellings that no sequence of the model's pieces can write."""
    collides: tuple[str, ...]
    """Entries further up that already own all or some of its spellings."""
    risks: tuple[Risk, ...]

    @property
    def alive(self) -> bool:
        """False when nothing the model can write would match the entry."""
        return self.spellings > 0


@dataclass(frozen=True, slots=True)
class CompileReport:
    """All entries of a compiled list."""

    entries: tuple[EntryReport, ...]

    @property
    def dead(self) -> tuple[EntryReport, ...]:
        """Entries that cannot be heard, each for a reason the entry holds."""
        return tuple(entry for entry in self.entries if not entry.alive)
