"""The status line: up to two rows, cut with an ellipsis where even those are too narrow."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.status_text import StatusLine
from app.ui.theme import CaptionStyle

ROWS = 2


def announce(widget: QWidget, sentence: str) -> None:
    """Have it said by a screen reader, if one is running."""
    if QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, sentence))


class StatusLabel(QWidget):
    """Shows a `StatusLine`; the whole sentence is its accessible name and its tooltip.

    The beginning of trouble is announced, and not what changes of it, as the seconds that captions are behind.
    """

    def __init__(self, style: CaptionStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.line = StatusLine("")
        self.set_style(style)

    def set_style(self, style: CaptionStyle) -> None:
        self._colors = {False: QColor(style.control), True: QColor(style.warning)}
        self.update()

    def show_line(self, line: StatusLine) -> None:
        if line != self.line:
            began = line.warning and not self.line.warning
            self.line = line
            self.setAccessibleName(line.text)
            self.setToolTip(line.text)
            self.update()
            if began:
                announce(self, line.text)

    def rows(self) -> list[str]:
        """The sentence as it is cut for this width."""
        rows: list[str] = []
        row = ""
        for word in self.line.text.split(" "):
            longer = f"{row} {word}".lstrip()
            if row and not self._fits(longer) and len(rows) < ROWS - 1:
                rows.append(row)
                longer = word
            row = longer
        rows.append(row)
        return [self._cut(row) for row in rows]

    def _fits(self, row: str) -> bool:
        return self._cut(row) == row  # not by its advance: that is rounded, and a row that just fits would be cut

    def _cut(self, row: str) -> str:
        return self.fontMetrics().elidedText(row, Qt.TextElideMode.ElideRight, self.width())

    def sizeHint(self) -> QSize:
        return QSize(200, ROWS * self.fontMetrics().lineSpacing())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._colors[self.line.warning])
        rows = self.rows()
        spacing = self.fontMetrics().lineSpacing()
        top = (self.height() - spacing * len(rows)) // 2
        for number, row in enumerate(rows):
            area = QRect(0, top + number * spacing, self.width(), spacing)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, row)
        painter.end()
