"""How loud one source is, as a small bar. Repaints only when a segment changes."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

SEGMENTS = 12
FLOOR_DB = -60.0
"""Quieter than this shows nothing; full scale shows all."""
FALL = 2
"""Segments the bar may fall with each report, so that it does not flicker."""


def segments_for(level: float) -> int:
    """Segments that light for a level (root mean square, 0 to 1); any sound at all above the floor lights one."""
    if level <= 0.0 or not math.isfinite(level):
        return 0
    share = 1.0 - 20.0 * math.log10(min(level, 1.0)) / FLOOR_DB
    return min(math.ceil(share * SEGMENTS), SEGMENTS) if share > 0.0 else 0


class LevelMeter(QWidget):
    """A row of segments; its accessible name says whose level it is."""

    def __init__(self, name: str, lit: QColor, unlit: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.segments = 0
        self.set_colors(lit, unlit)

    def set_colors(self, lit: QColor, unlit: QColor) -> None:
        self._lit = lit
        self._unlit = unlit
        self.update()

    def set_level(self, level: float) -> None:
        segments = max(segments_for(level), self.segments - FALL)
        if segments != self.segments:
            self.segments = segments
            self.update()

    def reset(self) -> None:
        if self.segments:
            self.segments = 0
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(SEGMENTS * 4, 12)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for index in range(SEGMENTS):
            painter.setBrush(self._lit if index < self.segments else self._unlit)
            painter.drawRoundedRect(QRectF(index * 4.0, 1.0, 2.6, self.height() - 2.0), 1.2, 1.2)
        painter.end()
