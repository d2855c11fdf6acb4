"""Which entry owns which folded spelling, and how a match of it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from engine.boosting.endings import stems


@dataclass(frozen=True, slots=True)
class Match:
    """A spelling of an entry."""

    entry: int
    """Index into the list."""
    length: int
    """Folded characters, the leading blank included."""
    shown: str
    """The entry as typed, with the ending that was heard."""


class Spellings:
    """Folded spelling -> entry. The first entry to claim a spelling keeps it."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}
        self._texts: list[str] = []
        self.weights: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def add_entry(self, text: str) -> int:
        """Take in an entry; its index."""
        self._texts.append(text)
        return len(self._texts) - 1

    def claim(self, spelling: str, entry: int, weight: float) -> int:
        """Let the entry own the spelling unless it is owned; the owner's index."""
        owner = self._owners.setdefault(spelling, entry)
        if owner == entry:
            self.weights.setdefault(spelling, weight)
        return owner

    def text(self, entry: int) -> str:
        return self._texts[entry]

    def match(self, spelling: str) -> Match:
        """The match of a spelling that some entry owns, with or without an ending."""
        if spelling in self._owners:
            owned, ending = spelling, ""
        else:
            owned, ending = next(pair for pair in stems(spelling) if self.weights.get(pair[0], 0.0) > 0.0)
        entry = self._owners[owned]
        return Match(entry, len(spelling), self._texts[entry] + ending)
