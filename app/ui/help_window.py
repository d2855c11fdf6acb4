"""The window of help: one text with a caret, which screen readers read line by line."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QFont,
    QShowEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextOption,
)
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QTextEdit, QVBoxLayout

from app.ui.actions import WindowActions
from app.ui.beside import stand_beside
from app.ui.caption_window import CaptionWindow
from app.ui.help_text import Section, sections
from app.ui.settings_keeper import SettingsKeeper
from app.ui.theme import CaptionStyle, control_size, form_sheet

SIZE = QSize(640, 560)
SMALLEST_TEXT = 15
GAP = 20
"""Between keys and what they do, in pixels."""
APART = 18
"""Above titles."""
ROW_GAP = 5


class Help(QObject):
    """Opens the window when it is wanted; its text is made anew each time, of the actions as they are by then."""

    def __init__(self, captions: CaptionWindow, keeper: SettingsKeeper, log: str) -> None:
        super().__init__(captions)
        self._captions = captions
        self.keeper = keeper
        self._log = log
        self.window: HelpWindow | None = None
        captions.actions_.help.triggered.connect(self.show)

    @Slot()
    def show(self) -> None:
        actions: WindowActions = self._captions.actions_
        if self.window is None:
            self.window = HelpWindow(CaptionStyle(), self._captions)
        said = sections(self._captions.actions(), actions.words, actions.read, self._log)
        self.window.set_text(said, max(control_size(self.keeper.settings.text_size), SMALLEST_TEXT))
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()


class HelpWindow(QDialog):
    def __init__(self, style: CaptionStyle, parent: CaptionWindow | None = None) -> None:
        super().__init__(parent)
        self._style = style
        self.setWindowTitle(self.tr("Help"))
        self.setStyleSheet(f"""{form_sheet(style)}
            QTextEdit {{ background: {style.background}; border: 1px solid {style.tail}; padding: 8px; }}
            QTextEdit:focus {{ border: 2px solid {style.accent}; padding: 7px; }}
        """)
        self.resize(SIZE)
        self.text = QTextEdit(readOnly=True, tabChangesFocus=True)
        self.text.setAccessibleName(self.tr("Help"))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.shut = QPushButton(self.tr("&Close"), autoDefault=False)
        self.shut.clicked.connect(self.close)
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self.shut)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(10)
        column.addWidget(self.text, 1)
        column.addLayout(below)

    def set_text(self, said: Sequence[Section], size: int) -> None:
        """`size`: pixels of the letters."""
        self.text.setFont(self._style.control_font(size))
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        beside = self._widest(said) + GAP
        for number, section in enumerate(said):
            self._write_title(cursor, section.title, first=number == 0)
            for row in section.rows:
                self._begin(cursor, beside if section.columns else 0)
                cursor.insertText(row.name, self._letters(self._style.accent))
                cursor.insertText("\t" if section.columns else ": ")
                cursor.insertText(row.text, self._letters(self._style.text))
        self.text.moveCursor(QTextCursor.MoveOperation.Start)

    def showEvent(self, event: QShowEvent) -> None:
        stand_beside(self)
        super().showEvent(event)
        self.text.setFocus()

    # Inside

    def _widest(self, said: Sequence[Section]) -> int:
        metrics = self.text.fontMetrics()
        return max(metrics.horizontalAdvance(row.name) for part in said if part.columns for row in part.rows)

    def _write_title(self, cursor: QTextCursor, title: str, *, first: bool) -> None:
        block = QTextBlockFormat()
        block.setHeadingLevel(2)
        block.setTopMargin(0 if first else APART)
        if first:
            cursor.setBlockFormat(block)
        else:
            cursor.insertBlock(block)
        letters = self._letters(self._style.text)
        letters.setFontWeight(QFont.Weight.Bold)
        letters.setProperty(QTextFormat.Property.FontSizeAdjustment, 1)  # one step larger than the text
        cursor.insertText(title, letters)

    def _begin(self, cursor: QTextCursor, beside: int) -> None:
        """A row whose text begins `beside` pixels from the left, in all of its lines."""
        block = QTextBlockFormat()
        block.setTopMargin(ROW_GAP)
        block.setLeftMargin(beside)
        block.setTextIndent(-beside)
        block.setTabPositions([QTextOption.Tab(beside, QTextOption.TabType.LeftTab)])
        cursor.insertBlock(block)

    def _letters(self, color: str) -> QTextCharFormat:
        letters = QTextCharFormat()
        letters.setForeground(QColor(color))
        return letters
