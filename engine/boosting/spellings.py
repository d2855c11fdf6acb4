"""Which entry owns which folded spelling, and how a match of it is shown."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Folded spelling -> entry and ending. The first entry to claim a spelling keeps it."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[int, str]] = {}
        self._texts: list[str] = []
        self.weights: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def add_entry(self, text: str) -> int:
        """Take in an entry; its index."""
        self._texts.append(text)
        return len(self._texts) - 1

    def claim(self, spelling: str, entry: int, weight: float, ending: str = "") -> int:
        """Let the entry own the spelling unless it is owned; the owner's index."""
        owner, _ = self._owners.setdefault(spelling, (entry, ending))
        if owner == entry:
            self.weights.setdefault(spelling, weight)
        return owner

    def owner(self, spelling: str) -> int:
        """The entry that owns a claimed spelling."""
        return self._owners[spelling][0]

    def text(self, entry: int) -> str:
        return self._texts[entry]

    def match(self, spelling: str) -> Match:
        """The match of a spelling that some entry owns."""
        entry, ending = self._owners[spelling]
        return Match(entry, len(spelling), self._texts[entry] + ending)
