"""Which lines of the list are shown, and in which order."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt, Slot

from app.core.vocabulary import Line
from app.core.word_verdict import Standing
from app.ui.words.cells import Column
from app.ui.words.document import WordTable


class Which(Enum):
    """Which words are shown."""

    ALL = auto()
    ATTENTION = auto()
    OFF = auto()


_STANDINGS = {
    Which.ATTENTION: (Standing.CARE, Standing.DEAD, Standing.BROKEN),
    Which.OFF: (Standing.OFF,),
}


class ShownWords(QSortFilterProxyModel):
    """Comments and empty lines stay in the file and out of sight.

    What is edited stays where it is, also when it should stand elsewhere now: rows that run away cannot be edited.
    """

    def __init__(self, table: WordTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._needle = ""
        self._which = Which.ALL
        self._keys: list[Any] | None = None
        self._column = Column.WORD
        self.setDynamicSortFilter(False)
        self.setSourceModel(table)
        table.edited.connect(self._forget_keys)

    def show_only(self, needle: str, which: Which) -> None:
        """Only rows in which the text stands, of these only some."""
        if (needle.casefold(), which) != (self._needle, self._which):
            self._needle, self._which = needle.casefold(), which
            self.invalidateFilter()

    def filterAcceptsRow(self, row: int, _parent: QModelIndex | QPersistentModelIndex) -> bool:
        line = self._table.lines[row]
        if line.entry is None and not line.problem:
            return False
        if self._which is not Which.ALL:
            verdict = self._table.verdicts[row]
            if verdict is None or verdict.standing not in _STANDINGS[self._which]:
                return False
        return not self._needle or self._needle in line.shown.casefold()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; by the order of the file when the column is -1."""
        self._forget_keys()
        if column >= 0:
            self._column = Column(column)
        super().sort(column, order)

    def lessThan(self, left: QModelIndex | QPersistentModelIndex, right: QModelIndex | QPersistentModelIndex) -> bool:
        if self._keys is None:
            self._keys = [self._key(row, line) for row, line in enumerate(self._table.lines)]
        return bool(self._keys[left.row()] < self._keys[right.row()])

    def _key(self, row: int, line: Line) -> Any:
        """What a row is sorted by; lines that cannot be understood stand together."""
        entry = line.entry
        match self._column:
            case Column.RESULT:
                verdict = self._table.verdicts[row]
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

    @Slot()
    def _forget_keys(self) -> None:
        self._keys = None
