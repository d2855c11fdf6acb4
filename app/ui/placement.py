"""Where the window stands, kept per screen as fractions, and how it gets back to where it can be seen."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize

from app.core.settings import Place

DEFAULT_BOTTOM = 0.95
DEFAULT_SHARE = 0.9
"""Most of the screen's width that it gets."""
DEFAULT_WIDTH = 900
"""Most pixels a window gets before the user has made it wider: about sixty letters."""


def place_of(window: QRect, area: QRect) -> Place:
    """The window's place on a screen whose usable area this is."""
    return Place(
        left=(window.left() - area.left()) / area.width(),
        bottom=(window.top() + window.height() - area.top()) / area.height(),
        width=window.width() / area.width(),
    )


def rectangle(place: Place | None, height: int, area: QRect, smallest: QSize) -> QRect:
    """The window on a screen: where it was, or in the lower middle, and always wholly in the usable area."""
    if place is None:
        width = min(round(DEFAULT_SHARE * area.width()), DEFAULT_WIDTH)
        left = area.left() + (area.width() - width) // 2
        place = Place((left - area.left()) / area.width(), DEFAULT_BOTTOM, width / area.width())
    width = round(place.width * area.width())
    bottom = area.top() + round(place.bottom * area.height())
    wanted = QRect(area.left() + round(place.left * area.width()), bottom - height, width, height)
    return rescued(wanted, area, smallest)


def rescued(window: QRect, area: QRect, smallest: QSize) -> QRect:
    """The window moved, and made smaller if need be, so that all of it lies in the usable area."""
    width = min(max(window.width(), smallest.width()), area.width())
    height = min(max(window.height(), smallest.height()), area.height())
    left = min(max(window.left(), area.left()), area.left() + area.width() - width)
    top = min(max(window.top(), area.top()), area.top() + area.height() - height)
    return QRect(left, top, width, height)
