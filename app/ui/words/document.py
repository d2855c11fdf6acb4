"""The list being edited: its lines as rows of a model, every change through one undo stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.core.vocabulary import Line, WordList
from app.core.word_changes import Change, applied, changes, inverse
from app.core.word_verdict import Verdict, broken
from app.ui.words.cells import Column, Marks, cell_data, cell_flags, header, with_cell

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

MANY = 40
"""So many separate insertions and deletions are told as a new table."""


class WordTable(QAbstractTableModel):
    """One row a line of the file, comments and empty lines too; row numbers are line numbers less one.

    Signals:

    edited(): the lines are others than before.
    touched(int, int): the first and last row that a change of the user's has put in or altered.
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

    # What the user does

    def change(self, name: str, lines: Sequence[Line], *, quiet: bool = False) -> None:
        """Make these the lines; `name` says what was done, as in "Undo …"; quiet: it was not the user."""
        made = changes(self.lines, lines)
        if made:
            self.undo.push(_Edit(self, name, made, quiet=quiet))

    def replace_rows(self, name: str, new: dict[int, Line]) -> None:
        """Put other lines in some rows."""
        made = [
            Change(row, (self.lines[row],), (line,)) for row, line in sorted(new.items()) if line != self.lines[row]
        ]
        if made:
            self.undo.push(_Edit(self, name, made))

    def append(self, name: str, lines: Sequence[Line]) -> None:
        if lines:
            self.undo.push(_Edit(self, name, [Change(len(self.lines), (), tuple(lines))]))

    def remove_rows(self, name: str, rows: Iterable[int]) -> None:
        made: list[Change] = []
        for row in sorted(rows):
            if made and made[-1].end == row:
                made[-1] = Change(made[-1].start, (*made[-1].removed, self.lines[row]), ())
            else:
                made.append(Change(row, (self.lines[row],), ()))
        if made:
            self.undo.push(_Edit(self, name, made))

    # From outside

    def open(self, words: WordList) -> None:
        """Begin with this list; there is nothing to undo."""
        self.undo.clear()
        self._begin_anew(words.lines)
        self.edited.emit()

    def judge(self, lines: Sequence[Line], verdicts: Sequence[Verdict | None]) -> None:
        """Show what became of the lines; ignored when they have changed since."""
        if tuple(lines) == self.lines:
            self.verdicts = list(verdicts)
            self._tell_changed(0, len(self.lines) - 1)

    def apply(self, made: Sequence[Change]) -> None:
        """Carry out changes and tell the views."""
        if all(len(change.removed) == len(change.added) for change in made):
            self._put(made)
            self._tell_changed(made[0].start, made[-1].end - 1)
        elif len(made) > MANY:
            self._begin_anew(applied(self.lines, made))
        else:
            for change in reversed(made):
                self._carry_out(change)
        self.edited.emit()

    # The model, as views ask

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        return header(Column(section), role) if orientation is Qt.Orientation.Horizontal else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return cell_flags(self.lines[index.row()], Column(index.column()))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = index.row()
        return cell_data(self.lines[row], self.verdicts[row], Column(index.column()), role, self._marks)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Put what was typed into the list; False and `refused` when it cannot stand there."""
        row, column = index.row(), Column(index.column())
        if role == Qt.ItemDataRole.CheckStateRole:
            value = Qt.CheckState(value) is Qt.CheckState.Checked
        elif role != Qt.ItemDataRole.EditRole:
            return False
        line, why = with_cell(self.lines[row], column, value)
        if line is None:
            self.refused.emit(why)
            return False
        self.replace_rows(self.tr("change of “{word}”").format(word=_name(self.lines[row])), {row: line})
        return True

    # Inside

    def _put(self, made: Sequence[Change]) -> None:
        self.lines = applied(self.lines, made)
        for change in made:
            self.verdicts[change.start : change.end] = self._first_verdicts(change.start, change.added)

    def _carry_out(self, change: Change) -> None:
        """Lines that take the place of others stay rows; what is more or less is inserted or removed."""
        kept = min(len(change.removed), len(change.added))
        if kept:
            self._put([Change(change.start, change.removed[:kept], change.added[:kept])])
            self._tell_changed(change.start, change.start + kept - 1)
        rest = Change(change.start + kept, change.removed[kept:], change.added[kept:])
        if rest.removed:
            self.beginRemoveRows(_NOWHERE, rest.start, rest.end - 1)
            self._put([rest])
            self.endRemoveRows()
        elif rest.added:
            self.beginInsertRows(_NOWHERE, rest.start, rest.start + len(rest.added) - 1)
            self._put([rest])
            self.endInsertRows()

    def _begin_anew(self, lines: tuple[Line, ...]) -> None:
        self.beginResetModel()
        self.lines = lines
        self.verdicts = self._first_verdicts(0, lines)
        self.endResetModel()

    def _first_verdicts(self, start: int, lines: Sequence[Line]) -> list[Verdict | None]:
        return [broken(row + 1, line) if line.problem else None for row, line in enumerate(lines, start)]

    def _tell_changed(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))


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
        there = inverse(made)
        first, last = there[0].start, there[-1].end - 1
        if last >= first and not self._quiet:
            self._table.touched.emit(first, last)


def _name(line: Line) -> str:
    return line.entry.phrase if line.entry else line.shown
