"""The table on the screen: its keys, its clipboard, its menu."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from app.core.vocabulary import STRENGTHS, Line, line_of
from app.core.word_exchange import as_html
from app.ui.words.cells import Column, count_lines
from app.ui.words.delegate import WordDelegate
from app.ui.words.document import WordTable
from app.ui.words.shown import ShownWords

_WIDTHS = {Column.ON: 4, Column.WORD: 26, Column.STRENGTH: 13, Column.SOUNDS_LIKE: 22, Column.RESULT: 20}
"""In average characters; the last column takes the rest."""
ROW_PADDING = 12


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
        self.shown = ShownWords(table, self)
        self.setModel(self.shown)
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
        table.touched.connect(self.select_rows)

    def _arrange(self) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + ROW_PADDING)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        columns.setStretchLastSection(True)
        columns.setHighlightSections(False)
        columns.setMinimumSectionSize(self.fontMetrics().averageCharWidth() * _WIDTHS[Column.ON])
        self.setSortingEnabled(True)
        for column, characters in _WIDTHS.items():
            self.setColumnWidth(column, self.fontMetrics().averageCharWidth() * characters + ROW_PADDING)

    # Rows

    def selected_rows(self) -> list[int]:
        """Lines of the document that are selected, in its order."""
        indexes = self.selectionModel().selectedRows()
        return sorted(self.shown.mapToSource(index).row() for index in indexes)

    @Slot(int, int)
    def select_rows(self, first: int, last: int) -> None:
        """Select lines of the document and go to the last of them; lines that are out of sight are not."""
        column = max(self.currentIndex().column(), Column.WORD)
        indexes = [self.shown.mapFromSource(self.table.index(row, column)) for row in range(first, last + 1)]
        indexes = [index for index in indexes if index.isValid()]
        if not indexes:
            return
        selection = QItemSelection()
        for index in indexes:
            selection.select(index, index)
        self.selectionModel().setCurrentIndex(indexes[-1], QItemSelectionModel.SelectionFlag.NoUpdate)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().select(selection, flags)
        self.scrollTo(indexes[-1])

    # What the user does

    @Slot()
    def delete(self) -> None:
        rows = self.selected_rows()
        if not rows:
            return
        at = min(index.row() for index in self.selectionModel().selectedRows())
        self.table.remove_rows(self.tr("deletion"), rows)
        left = self.shown.index(min(at, self.shown.rowCount() - 1), Column.WORD)
        if left.isValid():
            self.setCurrentIndex(left)
        self.told.emit(
            self.tr("{lines} deleted; Ctrl+Z brings back what was there.").format(lines=count_lines(len(rows)))
        )

    @Slot()
    def toggle(self) -> None:
        """Switch the selected words off, or on when they are all off."""
        entries = {row: line.entry for row in self.selected_rows() if (line := self.table.lines[row]).entry}
        on = not any(entry.on for entry in entries.values() if entry)
        name = self.tr("switching on") if on else self.tr("switching off")
        self._replace(name, {row: line_of(replace(entry, on=on)) for row, entry in entries.items() if entry})

    def set_strength(self, name: str) -> None:
        new: dict[int, Line] = {}
        for row in self.selected_rows():
            entry = self.table.lines[row].entry
            if entry:
                new[row] = line_of(replace(entry, strength=STRENGTHS[name]))
        self._replace(self.tr("strength"), new)

    def _replace(self, name: str, new: dict[int, Line]) -> None:
        """Change rows and keep what is selected."""
        current, selection = self.currentIndex(), self.selectionModel().selection()
        self.table.replace_rows(name, new)
        self.selectionModel().setCurrentIndex(current, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    @Slot()
    def copy(self) -> None:
        """As lines of a list for text, as cells for spreadsheets."""
        lines = [self.table.lines[row] for row in self.selected_rows()]
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
        if not self.shown.rowCount():
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
        chosen = bool(self.selected_rows())
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
