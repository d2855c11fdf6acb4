"""All that was said, as text with a caret: it grows at its end and leaves what is read or selected where it is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.captions.model import CaptionState
from app.captions.plain_text import pieces
from app.ui.theme import CaptionStyle


class GrowingText(QPlainTextEdit):
    """Shows settled words only, so that nothing that was read or selected changes."""

    def __init__(self, name_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("What was said"))
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._name_of = name_of
        self._turns = 0
        """Closed turns in the text."""
        self._fixed = 0
        """Where in the document the text of turns begins that are still open."""
        self._open = ""

    def set_state(self, state: CaptionState) -> None:
        """Take in what was settled since the last call. `state` goes on from the one before."""
        name_of = self._name_of
        closed = "".join(pieces(state.closed[self._turns :], name_of, begun=self._fixed > 0))
        begun = self._fixed > 0 or bool(closed)
        settled = (entry.turn.without_tail() for entry in state.present)
        grown = closed + "".join(pieces(settled, name_of, begun=begun))
        if grown != self._open:
            self._write(grown)
        self._turns = len(state.closed)
        self._fixed += _length(closed)
        self._open = grown[len(closed) :]

    def set_style(self, style: CaptionStyle, size: int) -> None:
        """The colours of captions; `size`: pixels of the letters."""
        self.setFont(style.caption_font(size))
        self.setStyleSheet(f"""
            QPlainTextEdit {{
                background: {style.background}; color: {style.text}; border: 1px solid {style.tail}; padding: 8px;
                selection-background-color: {style.accent}; selection-color: {style.background};
            }}
            QPlainTextEdit:focus {{ border: 2px solid {style.accent}; padding: 7px; }}
        """)

    def go_to_end(self) -> None:
        self.moveCursor(QTextCursor.MoveOperation.End)
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def _write(self, grown: str) -> None:
        """Put this in the place of the text of open turns; stay at the end if it is in view, else where it is."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        pairs = enumerate(zip(self._open, grown, strict=False))
        same = next((at for at, (old, new) in pairs if old != new), min(len(self._open), len(grown)))
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._fixed + _length(grown[:same]))
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(grown[same:])
        if at_end:
            bar.setValue(bar.maximum())


def _length(text: str) -> int:
    """In the units in which Qt counts."""
    return len(text.encode("utf-16-le")) // 2
