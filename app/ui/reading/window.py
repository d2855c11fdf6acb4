"""The window of what was said: arranges the text, what finds in it, and what takes it out."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.captions.model import CaptionState
from app.core.word_lesson import misheard
from app.ui.beside import stand_beside
from app.ui.reading.growing_text import GrowingText
from app.ui.theme import CaptionStyle, form_sheet

SIZE = QSize(760, 460)
SMALLEST_TEXT, LARGEST_TEXT = 16, 36
MARK_AFTER_MS = 200
MOST_MARKS = 1_000


class ReadingWindow(QDialog):
    """Signals:

    copy_requested(str): the selected text; empty for everything.
    save_requested(): everything is to be saved.
    corrected(str, str): what captions wrote, and what was said.
    """

    copy_requested = Signal(str)
    save_requested = Signal()
    corrected = Signal(str, str)

    def __init__(self, name_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What was said"))
        self.setStyleSheet(form_sheet(CaptionStyle()))
        self.resize(SIZE)
        self._state = CaptionState()
        self.text = GrowingText(name_of, self)
        self.search = QLineEdit(placeholderText=self.tr("Find (Ctrl+F)"), clearButtonEnabled=True)
        self.search.setAccessibleName(self.tr("Find"))
        self.earlier = self._button(self.tr("&Earlier"), lambda: self.find(backward=True))
        self.later = self._button(self.tr("La&ter"), self.find)
        self.found = QLabel()
        self.copy = self._button(self.tr("&Copy everything"), self._copy)
        self.save = self._button(self.tr("&Save text…"), self.save_requested.emit)
        self.correct = self._button(self.tr("This is &wrong…"), self._ask_for_correction)
        self.correct.setToolTip(self.tr("Select what captions wrote wrongly, and teach them the word"))
        self.shut = self._button(self.tr("C&lose"), self.close)
        self._mark_timer = QTimer(self, singleShot=True, interval=MARK_AFTER_MS)
        self._mark_timer.timeout.connect(self._mark)
        self._arrange()
        self._connect()

    def set_style(self, style: CaptionStyle, size: int) -> None:
        """The text in the captions' colours; `size`: pixels of the captions' letters."""
        self.text.set_style(style, min(max(size, SMALLEST_TEXT), LARGEST_TEXT))
        self._mark_color = QColor(style.edge)

    @Slot(object)
    def set_state(self, state: CaptionState) -> None:
        """Nothing is done while nobody looks."""
        self._state = state
        if self.isVisible():
            self.text.set_state(state)

    @Slot()
    def find(self, *, backward: bool = False) -> None:
        """Select the next place, or the one before, going round at the ends."""
        needle = self.search.text()
        if not needle:
            return
        way = QTextDocument.FindFlag.FindBackward if backward else QTextDocument.FindFlag(0)
        if not self.text.find(needle, way):
            cursor = self.text.textCursor()
            cursor.movePosition(QTextCursor.MoveOperation.End if backward else QTextCursor.MoveOperation.Start)
            before = self.text.textCursor()
            self.text.setTextCursor(cursor)
            if not self.text.find(needle, way):
                self.text.setTextCursor(before)

    # Inside

    def _arrange(self) -> None:
        above, below = QHBoxLayout(), QHBoxLayout()
        above.addWidget(self.search, 1)
        for part in (self.earlier, self.later, self.found):
            above.addWidget(part)
        for part in (self.copy, self.save, self.correct):
            below.addWidget(part)
        below.addStretch(1)
        below.addWidget(self.shut)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(10)
        column.addLayout(above)
        column.addWidget(self.text, 1)
        column.addLayout(below)
        self.found.setMinimumWidth(self.found.fontMetrics().horizontalAdvance(self.tr("not found") + "   "))

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _needle: self._on_search_changed())
        self.text.textChanged.connect(lambda: self._mark_timer.start() if self.search.text() else None)
        self.text.selectionChanged.connect(self._show_selection)
        self._show_selection()
        for keys, slot in (
            (QKeySequence.StandardKey.Find, self._go_to_find),
            (QKeySequence.StandardKey.FindNext, self.find),
            (QKeySequence.StandardKey.FindPrevious, lambda: self.find(backward=True)),
            (QKeySequence.StandardKey.Save, self.save_requested.emit),
        ):
            action = QAction(self)
            action.setShortcuts(keys)
            action.triggered.connect(slot)
            self.addAction(action)

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, autoDefault=False)
        button.clicked.connect(lambda _checked: slot())
        return button

    @Slot()
    def _go_to_find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _on_search_changed(self) -> None:
        """What is found first is the newest: that is what somebody asks about who has just heard it."""
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.find(backward=True)
        self._mark()

    @Slot()
    def _mark(self) -> None:
        """Show all places, and how many there are."""
        needle = self.search.text()
        marks: list[QTextEdit.ExtraSelection] = []
        at = self.text.document().find(needle) if needle else QTextCursor()
        while not at.isNull() and len(marks) < MOST_MARKS:
            mark = QTextEdit.ExtraSelection()
            mark.cursor, mark.format = at, QTextCharFormat()
            mark.format.setBackground(self._mark_color)
            marks.append(mark)
            at = self.text.document().find(needle, at)
        self.text.setExtraSelections(marks)
        self.found.setText(
            "" if not needle else self.tr("{count} found").format(count=len(marks)) if marks else self.tr("not found")
        )

    @Slot()
    def _show_selection(self) -> None:
        selected = self.text.textCursor().hasSelection()
        self.copy.setText(self.tr("&Copy") if selected else self.tr("&Copy everything"))
        self.correct.setEnabled(bool(misheard(self._selected())))

    def _selected(self) -> str:
        return self.text.textCursor().selection().toPlainText()

    @Slot()
    def _ask_for_correction(self) -> None:
        heard = misheard(self._selected())
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Words to know"))
        dialog.setLabelText(self.tr("Captions wrote “{heard}”. What was said?").format(heard=heard))
        dialog.setTextValue(heard)
        dialog.textValueSelected.connect(lambda word: self.corrected.emit(heard, word))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _copy(self) -> None:
        self.copy_requested.emit(self._selected())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.search.hasFocus():
            self.find(backward=not event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        stand_beside(self)
        super().showEvent(event)
        self.text.set_state(self._state)
        self.text.go_to_end()
        self.search.setFocus()
