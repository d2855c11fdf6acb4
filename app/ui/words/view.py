"""The table on the screen: its keys, its clipboard, its menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from app.core.errors import AppError
from app.core.vocabulary import STRENGTHS, Entry, Line, line_of
from app.core.word_changes import merge
from app.core.word_exchange import as_html
from app.ui.tasks import run_in_background
from app.ui.words.cells import Column, count_lines
from app.ui.words.delegate import WordDelegate
from app.ui.words.document import WordTable, runs
from engine.errors import EngineError

_WIDTHS = {Column.ON: 4, Column.WORD: 26, Column.STRENGTH: 13, Column.SOUNDS_LIKE: 22, Column.RESULT: 20}
"""In average characters; the last column takes the rest."""
ROW_PADDING = 12

AT_ONCE = 500
"""Words that are changed while the window waits, some 10 ms."""


class WordView(QTableView):
    """Signals:

    paste_wanted(str): a text from the clipboard is to become lines.
    told(str): a sentence about what was done.
    """

    paste_wanted = Signal(str)
    told = Signal(str)

    def __init__(self, table: WordTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hint = ""
        """Stands where there are no rows."""
        self.table = table
        self._kept = -1
        """The current line while the table is arranged anew."""
        self.setModel(table)
        self.setItemDelegate(WordDelegate(self))
        self.setAccessibleName(self.tr("Words to know"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._arrange()
        table.touched.connect(self.select)
        table.modelAboutToBeReset.connect(self._keep_place)
        table.modelReset.connect(self._return)

    def _arrange(self) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + ROW_PADDING)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        columns.setStretchLastSection(True)
        columns.setHighlightSections(False)
        # Of its own, always empty: to paint itself, the header would ask each selected row of the table for its flags.
        columns.setSelectionModel(QItemSelectionModel(self.table, columns))
        columns.setMinimumSectionSize(self.fontMetrics().averageCharWidth() * _WIDTHS[Column.ON])
        self.setSortingEnabled(True)
        for column, characters in _WIDTHS.items():
            self.setColumnWidth(column, self.fontMetrics().averageCharWidth() * characters + ROW_PADDING)

    # Lines

    def selected(self) -> list[int]:
        """The lines that are selected, in the order of the file."""
        ranges = self.selectionModel().selection()
        rows = {row for part in ranges for row in range(part.top(), part.bottom() + 1)}
        return sorted(self.table.shown[row] for row in rows)

    def current(self) -> int:
        """The line with the cursor; -1 when there is none."""
        index = self.currentIndex()
        return self.table.shown[index.row()] if index.isValid() else -1

    @Slot(int, int)
    def select(self, first: int, last: int) -> None:
        """Select lines and go to the last of them; lines that are out of sight are not."""
        rows = self.table.rows_of(first, last)
        if rows:
            self._select_rows(rows, rows[-1])

    def _select_rows(self, rows: Sequence[int], current: int) -> None:
        column = max(self.currentIndex().column(), Column.WORD)
        selection = QItemSelection()
        for top, bottom in runs(rows):
            selection.append(QItemSelectionRange(self.table.index(top, 0), self.table.index(bottom, len(Column) - 1)))
        index = self.table.index(current, column)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)

    @Slot()
    def _keep_place(self) -> None:
        self._kept = self.current()

    @Slot()
    def _return(self) -> None:
        if self._kept >= 0:
            self.select(self._kept, self._kept)

    # What the user does

    @Slot()
    def delete(self) -> None:
        lines = self.selected()
        if not lines:
            return
        top = min(part.top() for part in self.selectionModel().selection())
        self.table.remove(self.tr("deletion"), lines)
        if self.table.shown:
            row = min(top, len(self.table.shown) - 1)
            self._select_rows([row], row)
        self.told.emit(
            self.tr("{lines} deleted; Ctrl+Z brings back what was there.").format(lines=count_lines(len(lines)))
        )

    @Slot()
    def toggle(self) -> None:
        """Switch the selected words off, or on when they are all off."""
        entries = self._selected_entries()
        on = not any(entry.on for entry in entries.values())
        self._replace(self.tr("switching on") if on else self.tr("switching off"), entries, partial(replace, on=on))

    def set_strength(self, name: str) -> None:
        """Give the selected words one of the strengths that have names."""
        changed = partial(replace, strength=STRENGTHS[name])
        self._replace(self.tr("strength"), self._selected_entries(), changed)

    def _selected_entries(self) -> dict[int, Entry]:
        return {at: entry for at in self.selected() if (entry := self.table.lines[at].entry)}

    def _replace(self, name: str, entries: dict[int, Entry], changed: Callable[[Entry], Entry]) -> None:
        """Change words and keep what is selected. Many are changed in the background, and may be edited meanwhile."""

        def job() -> dict[int, Line]:
            return {at: line_of(changed(entry)) for at, entry in entries.items()}

        if len(entries) <= AT_ONCE:
            self._put(name, job())
            return
        self.told.emit(self.tr("{lines} are being changed…").format(lines=count_lines(len(entries))))
        before = self.table.lines
        run_in_background(self, job, lambda new: self._put_later(name, before, new), self._on_failed)

    def _put(self, name: str, new: dict[int, Line]) -> None:
        current, selection = self.currentIndex(), self.selectionModel().selection()
        self.table.replace(name, new)
        self.selectionModel().setCurrentIndex(current, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _put_later(self, name: str, before: Sequence[Line], new: dict[int, Line]) -> None:
        if self.table.lines is before:
            self._put(name, new)
        else:
            mine = [new.get(at, line) for at, line in enumerate(before)]
            self.table.change(name, merge(before, mine, self.table.lines).lines)
        self.told.emit(self.tr("{lines} changed.").format(lines=count_lines(len(new))))

    def _on_failed(self, error: AppError | EngineError) -> None:
        self.told.emit(str(error))

    @Slot()
    def copy(self) -> None:
        """As lines of a list for text, as cells for spreadsheets."""
        lines = [self.table.lines[at] for at in self.selected()]
        if lines:
            data = QMimeData()
            data.setText("".join(f"{line.shown}\n" for line in lines))
            data.setHtml(as_html(lines))
            QGuiApplication.clipboard().setMimeData(data)
            self.told.emit(self.tr("{lines} copied.").format(lines=count_lines(len(lines))))

    @Slot()
    def cut(self) -> None:
        self.copy()
        self.delete()

    @Slot()
    def paste(self) -> None:
        text = QGuiApplication.clipboard().text()
        if text:
            self.paste_wanted.emit(text)

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.table.shown:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            room = self.viewport().rect().adjusted(24, 24, -24, -24)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(room, int(flags), self.hint)
            painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        for keys, action in (
            (QKeySequence.StandardKey.Copy, self.copy),
            (QKeySequence.StandardKey.Cut, self.cut),
            (QKeySequence.StandardKey.Paste, self.paste),
            (QKeySequence.StandardKey.Delete, self.delete),
        ):
            if event.matches(keys):
                action()
                return
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.toggle()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.state() != self.State.EditingState:
            self.edit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def make_menu(self) -> QMenu:
        """What can be done with the selected lines."""
        menu = QMenu(self)
        chosen = self.selectionModel().hasSelection()
        for text, key, slot, possible in (
            (self.tr("Edit"), "F2", lambda: self.edit(self.currentIndex()), chosen),
            (self.tr("On or off"), "Space", self.toggle, chosen),
            (self.tr("Cut"), "Ctrl+X", self.cut, chosen),
            (self.tr("Copy"), "Ctrl+C", self.copy, chosen),
            (self.tr("Paste"), "Ctrl+V", self.paste, bool(QGuiApplication.clipboard().text())),
            (self.tr("Delete"), "Del", self.delete, chosen),
        ):
            action = menu.addAction(f"{text}\t{key}", slot)
            action.setEnabled(possible)
        strengths = menu.addMenu(self.tr("Strength"))
        strengths.setEnabled(chosen)
        for name in STRENGTHS:
            strengths.addAction(name, partial(self.set_strength, name))
        return menu
