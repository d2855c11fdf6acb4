"""Which lines of the list are shown, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from app.core.vocabulary import Line
from app.core.word_verdict import Standing, Verdict
from app.ui.words.cells import Column


class Which(Enum):
    """Which words are shown."""

    ALL = auto()
    ATTENTION = auto()
    OFF = auto()


_STANDINGS = {
    Which.ATTENTION: (Standing.CARE, Standing.DEAD, Standing.BROKEN),
    Which.OFF: (Standing.OFF,),
}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Comments and empty lines stay in the file and out of sight."""

    needle: str = ""
    """Only lines in which this stands, in any case."""
    which: Which = Which.ALL
    column: Column | None = None
    """What is sorted by; None: the order of the file."""
    descending: bool = False

    def accepts(self, line: Line, verdict: Verdict | None) -> bool:
        if line.entry is None and not line.problem:
            return False
        if self.which is not Which.ALL and (verdict is None or verdict.standing not in _STANDINGS[self.which]):
            return False
        return not self.needle or self.needle.casefold() in line.shown.casefold()

    def rows(self, lines: Sequence[Line], verdicts: Sequence[Verdict | None]) -> list[int]:
        """Indices of the lines to show, in order."""
        shown = [row for row, line in enumerate(lines) if self.accepts(line, verdicts[row])]
        if self.column is not None:
            shown.sort(key=lambda row: self._key(lines[row], verdicts[row]), reverse=self.descending)
        return shown

    def _key(self, line: Line, verdict: Verdict | None) -> Any:
        entry = line.entry
        match self.column:
            case Column.RESULT:
                return -verdict.standing.value if verdict else 0
            case Column.ON:
                return not (entry and entry.on)
            case Column.STRENGTH:
                return entry.strength if entry else float("-inf")
            case Column.SOUNDS_LIKE:
                return ", ".join(entry.sounds_like).casefold() if entry else ""
            case Column.NOTE:
                return entry.note.casefold() if entry else ""
        return entry.phrase.casefold() if entry else line.shown.casefold()
