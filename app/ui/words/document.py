"""The list being edited: its lines, the rows in which they are shown, and every change through one undo stack."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.core.vocabulary import Line, WordList
from app.core.word_changes import Change, applied, changes, inverse
from app.core.word_verdict import Verdict, broken
from app.ui.words.arrangement import Arrangement
from app.ui.words.cells import Column, Marks, cell_data, cell_flags, header, with_cell

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

MANY = 40
"""So many separate insertions and deletions are told as a new table."""


class WordTable(QAbstractTableModel):
    """Rows are lines of the file as they are arranged; lines are counted from 0.

    What is edited stays in its row, also when it should stand elsewhere now: rows that run away cannot be edited.

    Signals:

    edited(): the lines are others than before.
    touched(int, int): the first and last line that a change of the user's has put in or altered.
    refused(str): why something that was typed cannot be put into the list.
    """

    edited = Signal()
    touched = Signal(int, int)
    refused = Signal(str)

    def __init__(self, marks: Marks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._marks = marks
        self.lines: tuple[Line, ...] = ()
        self.verdicts: list[Verdict | None] = []
        """What became of each line as far as that is known; None: nothing to say, or not known yet."""
        self.undo = QUndoStack(self)
        self.arrangement = Arrangement()
        self.shown: list[int] = []
        """The line in each row."""

    # What the user does

    def change(self, name: str, lines: Sequence[Line], *, quiet: bool = False) -> None:
        """Make these the lines; `name` says what was done, as in "Undo …"; quiet: it was not the user."""
        made = changes(self.lines, lines)
        if made:
            self.undo.push(_Edit(self, name, made, quiet=quiet))

    def replace(self, name: str, new: dict[int, Line]) -> None:
        """Put others in the place of some lines."""
        other = [at for at, line in new.items() if line is not self.lines[at] and line != self.lines[at]]
        made = [
            Change(first, self.lines[first : last + 1], tuple(new[at] for at in range(first, last + 1)))
            for first, last in runs(other)
        ]
        if made:
            self.undo.push(_Edit(self, name, made))

    def append(self, name: str, lines: Sequence[Line]) -> None:
        if lines:
            self.undo.push(_Edit(self, name, [Change(len(self.lines), (), tuple(lines))]))

    def remove(self, name: str, lines: Iterable[int]) -> None:
        made = [Change(first, self.lines[first : last + 1], ()) for first, last in runs(lines)]
        if made:
            self.undo.push(_Edit(self, name, made))

    def arrange(self, arrangement: Arrangement) -> None:
        """Show other lines, or in another order."""
        if arrangement != self.arrangement:
            self.arrangement = arrangement
            self._begin_anew(self.lines, self.verdicts)

    def rows_of(self, first: int, last: int) -> list[int]:
        """The rows in which some lines are shown."""
        return [row for row, line in enumerate(self.shown) if first <= line <= last]

    # From outside

    def open(self, words: WordList) -> None:
        """Begin with this list; there is nothing to undo."""
        self.undo.clear()
        self._begin_anew(words.lines, first_verdicts(0, words.lines))
        self.edited.emit()

    def judge(self, lines: Sequence[Line], verdicts: Sequence[Verdict | None]) -> None:
        """Show what became of the lines; ignored when they have changed since."""
        if tuple(lines) == self.lines:
            self.verdicts = list(verdicts)
            self._tell_changed()

    def apply(self, made: Sequence[Change]) -> None:
        """Carry out changes and tell the views."""
        if all(len(change.removed) == len(change.added) for change in made):
            self._put(made)
            self._tell_changed()
        elif len(made) > MANY:
            lines = applied(self.lines, made)
            self._begin_anew(lines, first_verdicts(0, lines))
        else:
            for change in reversed(made):
                self._carry_out(change)
        self.edited.emit()

    # The model, as views ask

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Names of columns; numbers of lines, which only screen readers are told."""
        if orientation is Qt.Orientation.Horizontal:
            return header(Column(section), role)
        return str(self.shown[section] + 1) if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return cell_flags(self.lines[self.shown[index.row()]], Column(index.column()))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        at = self.shown[index.row()]
        return cell_data(self.lines[at], self.verdicts[at], Column(index.column()), role, self._marks)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Put what was typed into the list; False and `refused` when it cannot stand there."""
        at, column = self.shown[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.CheckStateRole:
            value = Qt.CheckState(value) is Qt.CheckState.Checked
        elif role != Qt.ItemDataRole.EditRole:
            return False
        line, why = with_cell(self.lines[at], column, value)
        if line is None:
            self.refused.emit(why)
            return False
        self.replace(self.tr("change of “{word}”").format(word=_name(self.lines[at])), {at: line})
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; by the order of the file when the column is -1."""
        descending = order is Qt.SortOrder.DescendingOrder
        by = Column(column) if column >= 0 else None
        self.arrange(replace(self.arrangement, column=by, descending=descending and by is not None))

    # Inside

    def _put(self, made: Sequence[Change]) -> None:
        self.lines = applied(self.lines, made)
        for change in reversed(made):
            self.verdicts[change.start : change.end] = first_verdicts(change.start, change.added)

    def _carry_out(self, change: Change) -> None:
        """Lines that take the place of others keep their rows; for what is more or less, rows come and go."""
        kept = min(len(change.removed), len(change.added))
        if kept:
            self._put([Change(change.start, change.removed[:kept], change.added[:kept])])
            self._tell_changed()
        rest = Change(change.start + kept, change.removed[kept:], change.added[kept:])
        if rest.removed:
            self._remove(rest)
        elif rest.added:
            self._insert(rest)

    def _remove(self, change: Change) -> None:
        for first, last in reversed(runs(self.rows_of(change.start, change.end - 1))):
            self.beginRemoveRows(_NOWHERE, first, last)
            del self.shown[first : last + 1]
            self.endRemoveRows()
        self._put([change])
        self.shown = [line - len(change.removed) if line >= change.end else line for line in self.shown]

    def _insert(self, change: Change) -> None:
        self._put([change])
        added, end = len(change.added), change.start + len(change.added)
        self.shown = [line + added if line >= change.start else line for line in self.shown]
        accepts = self.arrangement.accepts
        new = [at for at in range(change.start, end) if accepts(self.lines[at], self.verdicts[at])]
        if new:
            in_order = self.arrangement.column is None
            row = bisect_left(self.shown, change.start) if in_order else len(self.shown)
            self.beginInsertRows(_NOWHERE, row, row + len(new) - 1)
            self.shown[row:row] = new
            self.endInsertRows()

    def _begin_anew(self, lines: tuple[Line, ...], verdicts: list[Verdict | None]) -> None:
        self.beginResetModel()
        self.lines, self.verdicts = lines, verdicts
        self.shown = self.arrangement.rows(lines, verdicts)
        self.endResetModel()

    def _tell_changed(self) -> None:
        """Views look again at what they show."""
        if self.shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.shown) - 1, len(Column) - 1))


def first_verdicts(start: int, lines: Sequence[Line]) -> list[Verdict | None]:
    """What is known of lines before they are compiled."""
    return [broken(at + 1, line) if line.problem else None for at, line in enumerate(lines, start)]


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken run."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


class _Edit(QUndoCommand):
    """A step that can be undone."""

    def __init__(self, table: WordTable, name: str, made: Sequence[Change], *, quiet: bool = False) -> None:
        super().__init__(name)
        self._table = table
        self._made = made
        self._quiet = quiet

    def redo(self) -> None:
        self._go(self._made)
        self._quiet = False

    def undo(self) -> None:
        self._go(inverse(self._made))

    def _go(self, made: Sequence[Change]) -> None:
        self._table.apply(made)
        more = sum(len(change.added) - len(change.removed) for change in made)
        first, last = made[0].start, made[-1].end + more - 1
        if last >= first and not self._quiet:
            self._table.touched.emit(first, last)


def _name(line: Line) -> str:
    return line.entry.phrase if line.entry else line.shown
