"""Where other windows stand when they open: beside the captions, which go on meanwhile and are to be seen."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QWidget

TITLE = 32
"""Room for a title bar, which window managers add above."""
FRAME = 8
"""Room for the lower edge of their frame, which would stand on the captions' first line."""
LOWEST = 360
"""A window lower than this is of no use; it covers the captions instead."""


def beside(captions: QRect, room: QRect, wanted: QSize) -> QRect:
    """A place in the room above or below the captions, lower than wanted where it must be; else in the middle."""
    width = min(wanted.width(), room.width())
    left = min(max(captions.center().x() - width // 2, room.left()), room.right() + 1 - width)
    above, below = captions.top() - room.top() - TITLE - FRAME, room.bottom() - captions.bottom() - TITLE
    height = min(wanted.height(), max(above, below))
    if height < LOWEST:
        height = min(wanted.height(), room.height() - TITLE)
        return QRect(left, room.center().y() - (height - TITLE) // 2, width, height)
    top = captions.top() - FRAME - height if above >= below else captions.bottom() + 1 + TITLE
    return QRect(left, top, width, height)


def stand_beside(window: QWidget) -> None:
    """Give a window that has no place yet one beside its parent, the captions."""
    captions = window.parentWidget()
    if captions is not None and not window.testAttribute(Qt.WidgetAttribute.WA_Moved):
        window.setGeometry(beside(captions.frameGeometry(), captions.screen().availableGeometry(), window.size()))
