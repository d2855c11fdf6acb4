"""What stands in each cell of the table, and what becomes of a line when a cell is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor, QIcon

from app.core.errors import WordListError
from app.core.vocabulary import Entry, Line, line_in, line_of, spellings_in, strength_name, strength_of
from app.core.word_verdict import Standing, Verdict
from app.ui.theme import CaptionStyle, icon


class Column(IntEnum):
    ON = 0
    WORD = 1
    STRENGTH = 2
    SOUNDS_LIKE = 3
    RESULT = 4
    NOTE = 5


EDITABLE = (Column.WORD, Column.STRENGTH, Column.SOUNDS_LIKE, Column.NOTE)

_READ = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
_EDITED = _READ | Qt.ItemFlag.ItemIsEditable
_SWITCHED = _READ | Qt.ItemFlag.ItemIsUserCheckable

STRENGTH_NAMES = ("low", "normal", "high", "avoid")


@dataclass(frozen=True, slots=True)
class Marks:
    """What the rows are drawn with."""

    icons: Mapping[Standing, QIcon]
    on: QIcon
    off: QIcon
    dim: QColor
    """Words that are off."""

    @classmethod
    def of(cls, style: CaptionStyle) -> Marks:
        names = {
            Standing.WORKS: ("good", style.control),
            Standing.CARE: ("care", style.warning),
            Standing.DEAD: ("dead", style.warning),
            Standing.BROKEN: ("dead", style.warning),
        }
        icons = {standing: _mark(name, color, style.background) for standing, (name, color) in names.items()}
        on, off = (_mark(name, style.control, style.background) for name in ("ticked", "unticked"))
        return cls(icons, on, off, QColor(style.tail))


def _mark(name: str, color: str, on_selection: str) -> QIcon:
    mark = icon(name, color)
    selected = icon(name, on_selection)
    for size in selected.availableSizes():
        mark.addPixmap(selected.pixmap(size), QIcon.Mode.Selected)
    return mark


def tr(text: str) -> str:
    return QCoreApplication.translate("Words", text)


def count_lines(number: int) -> str:
    return tr("One line") if number == 1 else tr("{number} lines").format(number=f"{number:n}")


def header(column: Column, role: int) -> object:
    if role == Qt.ItemDataRole.DisplayRole:
        return {
            Column.ON: tr("On"),
            Column.WORD: tr("Word or phrase"),
            Column.STRENGTH: tr("Strength"),
            Column.SOUNDS_LIKE: tr("Sounds like"),
            Column.RESULT: tr("Status"),
            Column.NOTE: tr("Note"),
        }[column]
    if role == Qt.ItemDataRole.ToolTipRole:
        return {
            Column.ON: tr("Words that are off stay in the list and are not listened for"),
            Column.WORD: tr("As it is to be shown in captions"),
            Column.STRENGTH: tr("Low, normal, high; avoid; or a number from -5 to 5, where normal is 1"),
            Column.SOUNDS_LIKE: tr("What captions show instead, or how it is said; with commas between"),
            Column.RESULT: tr("Whether the model can write it, and what to be careful about"),
            Column.NOTE: tr("For yourself"),
        }[column]
    if role == Qt.ItemDataRole.TextAlignmentRole:
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    return None


def cell_flags(line: Line, column: Column) -> Qt.ItemFlag:
    if column is Column.WORD or (line.entry and column in EDITABLE):
        return _EDITED
    return _SWITCHED if line.entry and column is Column.ON else _READ


def cell_data(line: Line, verdict: Verdict | None, column: Column, role: int, marks: Marks) -> object:
    entry = line.entry
    match role:
        case Qt.ItemDataRole.DisplayRole:
            return _text(line, verdict, column)
        case Qt.ItemDataRole.EditRole:
            return _text(line, verdict, column)
        case Qt.ItemDataRole.CheckStateRole if column is Column.ON and entry:
            return Qt.CheckState.Checked if entry.on else Qt.CheckState.Unchecked
        case Qt.ItemDataRole.DecorationRole if column is Column.ON and entry:
            return marks.on if entry.on else marks.off
        case Qt.ItemDataRole.DecorationRole if column is Column.RESULT and verdict:
            return marks.icons.get(verdict.standing)
        case Qt.ItemDataRole.ForegroundRole if not entry or not entry.on:
            return marks.dim
        case Qt.ItemDataRole.ToolTipRole if column is Column.RESULT and verdict:
            return "\n".join(verdict.sentences)
        case Qt.ItemDataRole.ToolTipRole:
            return _text(line, verdict, column)
        case Qt.ItemDataRole.AccessibleTextRole:
            return spoken(line, verdict, column)
    return None


def spoken(line: Line, verdict: Verdict | None, column: Column) -> str:
    """The cell as a screen reader says it."""
    if column is Column.ON and line.entry:
        return tr("On") if line.entry.on else tr("Off")
    if column is Column.RESULT and verdict:
        return " ".join([f"{verdict.label}.", *verdict.sentences])
    return _text(line, verdict, column)


def _text(line: Line, verdict: Verdict | None, column: Column) -> str:
    entry = line.entry
    match column:
        case Column.RESULT:
            return verdict.label if verdict else ""
        case Column.WORD:
            return entry.phrase if entry else line.shown
        case Column.STRENGTH if entry:
            return strength_name(entry.strength)
        case Column.SOUNDS_LIKE if entry:
            return ", ".join(entry.sounds_like)
        case Column.NOTE if entry:
            return entry.note
    return ""


def with_cell(line: Line, column: Column, value: object) -> tuple[Line | None, str]:
    """The line with another value in a cell; None and a sentence when it cannot stand there.

    A line that cannot be understood is edited as a whole, in the column of words.
    """
    try:
        if line.entry is None:
            return line_in(str(value).strip()), ""
        entry = _changed(line.entry, column, value)
        return (line if entry == line.entry else line_of(entry)), ""
    except WordListError as error:
        return None, str(error)


def _changed(entry: Entry, column: Column, value: object) -> Entry:
    match column:
        case Column.ON:
            return replace(entry, on=bool(value))
        case Column.WORD:
            return replace(entry, phrase=" ".join(str(value).split()))
        case Column.STRENGTH:
            return replace(entry, strength=strength_of(str(value)))
        case Column.SOUNDS_LIKE:
            return replace(entry, sounds_like=spellings_in(str(value)))
        case Column.NOTE:
            return replace(entry, note=" ".join(str(value).split()))
    return entry
