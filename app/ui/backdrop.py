"""What the caption window stands on: a rounded background with an edge, and a grip in the corner that resizes."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.ui.theme import CaptionStyle

RADIUS = 14.0
GRIP = 11


def paint_backdrop(painter: QPainter, area: QRect, style: CaptionStyle) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    background = QColor(style.background)
    background.setAlphaF(style.opacity)
    painter.setBrush(background)
    painter.setPen(QPen(QColor(style.edge), 1.0))
    painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
    painter.setPen(QPen(QColor(style.tail), 1.4))
    right, bottom = area.width() - 5, area.height() - 5
    for size in (GRIP, GRIP - 4, GRIP - 8):
        painter.drawLine(right - size, bottom, right, bottom - size)
