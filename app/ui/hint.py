"""Words that stand in the place of captions while there are none."""

from __future__ import annotations

from itertools import product

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from app.ui.theme import CaptionStyle

SMALLEST = 13
"""Pixels of the letters where there is hardly room."""


def paint_hint(painter: QPainter, area: QRect, text: str, style: CaptionStyle, largest: int) -> None:
    """In the middle of `area`, in letters of up to `largest` pixels that let all of it be read.

    Where there is no room for everything, only the last paragraph, which says what to do.
    """
    painter.setPen(QColor(style.tail))
    centred = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    sizes = range(max(largest, SMALLEST), SMALLEST - 1, -1)
    shown = text
    for shown, size in product((text, text.rpartition("\n")[2]), sizes):
        painter.setFont(style.caption_font(size))
        if area.contains(painter.boundingRect(area, centred, shown)):
            break
    painter.drawText(area, centred, shown)
