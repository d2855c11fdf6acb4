"""Paints caption lines: bottom line newest, rolling up by whole lines, only lines that changed drawn again.

The text never rolls back down: when a tail gets shorter, its place stays empty until new words fill it.
Scrolled up, the lines stay where they are while more is said.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAccessible,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.captions.layout import CaptionLayout, Line
from app.captions.model import CaptionState
from app.captions.plain_text import shown_text
from app.ui.hint import paint_hint
from app.ui.line_painter import LinePainter
from app.ui.roll import Roll
from app.ui.theme import CaptionStyle

PADDING = 10
"""Room on the left and the right of the text, in pixels."""
WHEEL_STEP = 120
"""Angle of one notch of a mouse wheel."""


class CaptionView(QWidget):
    """Shows a `CaptionState`.

    Signals: following_changed(bool): whether the newest line is in view and kept there.
    toggle_requested(): the user pressed Space here.
    """

    following_changed = Signal(bool)
    toggle_requested = Signal()

    def __init__(
        self, style: CaptionStyle, size: int, name_of: Callable[[str], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("captions")
        self.setAccessibleName(self.tr("Captions"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._style = style
        self._name_of = name_of
        self._state = CaptionState()
        self._lines: list[Line] = []
        self._painted: list[Line | None] = []
        self._top = 0
        self._floor = 0
        self._cleared_paragraphs = 0
        self._following = True
        self.hint = ""
        self._angle = 0
        self.animated = True
        self._roll = Roll(self)
        self._size = size
        self._use_font()

    # What it shows

    @property
    def lines(self) -> list[Line]:
        """Every line there is, oldest first."""
        return self._lines

    @property
    def visible_lines(self) -> list[Line]:
        return self._lines[self._top : self._top + self.rows]

    @property
    def rows(self) -> int:
        """Whole lines that fit."""
        return max(self.height() // self._pitch, 1)

    @property
    def following(self) -> bool:
        return self._following

    def shown_text(self) -> str:
        """What can be read now, as plain text."""
        return shown_text((line for line in self.visible_lines if line.text), self._name_of)

    def height_for(self, rows: int) -> int:
        return rows * self._pitch

    def sizeHint(self) -> QSize:
        return QSize(640, self.height_for(3))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self._pitch)

    # Changes from outside

    def set_state(self, state: CaptionState) -> None:
        """Show the text as it reads now."""
        self._state = state
        self._lines = self._layout.lines(state)
        if self._following:
            self._move_to(max(self._top, self._last_top), roll=True)
        self._refresh()

    def clear(self) -> None:
        """Leave an empty view; earlier lines are above. Needs a state that begins a new line next."""
        self._cleared_paragraphs = sum(line.begins for line in self._lines)
        self._find_floor()
        self._set_following(True)
        self._move_to(self._newest_top, roll=False)
        self._refresh()

    def set_hint(self, text: str) -> None:
        """Words to show while there are no captions in view."""
        if text != self.hint:
            self.hint = text
            if not any(line.text for line in self.visible_lines):
                self.update()

    def set_style(self, style: CaptionStyle) -> None:
        self._style = style
        self._use_font()

    def set_text_size(self, size: int) -> None:
        if size != self._size:
            self._size = size
            self._use_font()

    def _use_font(self) -> None:
        """Break all lines anew; after hours of talk that takes a tenth of a second."""
        size, font = self._size, self._style.caption_font(self._size)
        bold = QFont(font)
        bold.setWeight(QFont.Weight.Bold)
        self._metrics = QFontMetricsF(font)
        self._bold_metrics = QFontMetricsF(bold)
        self._pitch = ceil(max(size * self._style.line_height, self._metrics.height()))
        self._painter = LinePainter(self._style, font, bold, self._label_text)
        self._widths: dict[str, float] = {}
        self.updateGeometry()
        self._lay_out()

    # Reading back

    def scroll_lines(self, lines: int) -> None:
        """Show earlier (negative) or later lines; reaching the newest follows it again."""
        top = min(max(self._top + lines, 0), max(self._newest_top, self._top))
        if top != self._top:
            self._move_to(top, roll=False)
        self._set_following(self._top >= self._newest_top)
        self._refresh()

    @Slot()
    def follow(self) -> None:
        """Go to the newest line and stay with it."""
        self._set_following(True)
        self._move_to(max(self._top, self._newest_top), roll=False)
        self._refresh()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        self._angle += event.angleDelta().y()
        notches = int(self._angle / WHEEL_STEP)
        self._angle -= notches * WHEEL_STEP
        if notches:
            self.scroll_lines(-notches)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        match event.key() if held == Qt.KeyboardModifier.NoModifier else None:
            case Qt.Key.Key_Space:
                self.toggle_requested.emit()
            case Qt.Key.Key_Up:
                self.scroll_lines(-1)
            case Qt.Key.Key_Down:
                self.scroll_lines(1)
            case Qt.Key.Key_PageUp:
                self.scroll_lines(-self.rows)
            case Qt.Key.Key_PageDown:
                self.scroll_lines(self.rows)
            case Qt.Key.Key_Home:
                self.scroll_lines(-len(self._lines))
            case Qt.Key.Key_End:
                self.follow()
            case _:
                super().keyPressEvent(event)

    # Inside

    @property
    def _last_top(self) -> int:
        return max(len(self._lines) - self.rows, 0)

    def _measure(self, text: str) -> float:
        width = self._widths.get(text)
        if width is None:
            width = self._widths[text] = self._metrics.horizontalAdvance(text)
        return width

    def _label_text(self, speaker: str) -> str:
        return f"{self._name_of(speaker)}:"

    def _lay_out(self) -> None:
        """Break all lines anew; only when the user changed the width or the size of the text."""
        share = self._top / len(self._lines) if self._lines else 0.0
        self._layout = CaptionLayout(
            self._measure,
            lambda speaker: self._bold_metrics.horizontalAdvance(self._label_text(speaker)),
            max(self.width() - 2 * PADDING, 1),
        )
        self._lines = self._layout.lines(self._state)
        self._find_floor()
        self._roll.stop()
        self._top = self._newest_top if self._following else min(round(share * len(self._lines)), self._last_top)
        self._painted = []
        self.update()

    @property
    def _newest_top(self) -> int:
        """Where the view stands to show the newest line, and nothing that was cleared."""
        return max(self._last_top, self._floor)

    def _find_floor(self) -> None:
        """The first line that was not cleared; the count of paragraphs does not depend on the width."""
        begins = [row for row, line in enumerate(self._lines) if line.begins]
        above = self._cleared_paragraphs
        self._floor = begins[above] if above < len(begins) else len(self._lines) if above else 0

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _move_to(self, top: int, *, roll: bool) -> None:
        moved = top - self._top
        self._top = top
        self._painted = self._painted if moved == 0 else []
        if moved == 0:
            return
        self._roll.stop()
        if roll and self.animated and 0 < moved <= self.rows and self.isVisible():
            self._roll.begin(moved)
        self.update()

    def _refresh(self) -> None:
        """Ask for a repaint of the rows whose line is another than the one painted."""
        if QAccessible.isActive():
            self.setAccessibleDescription(self.shown_text())
        visible: list[Line | None] = list(self.visible_lines)
        visible += [None] * (self.rows - len(visible))
        if len(self._painted) != len(visible) or not any(self._painted) or not any(visible):
            self._painted = visible
            self.update()
            return
        for row, (old, new) in enumerate(zip(self._painted, visible, strict=True)):
            if old != new:
                self.update(self._row_area(row))
        self._painted = visible

    def _row_area(self, row: int) -> QRect:
        """Rows are counted from above and stand on the lower edge."""
        return QRect(0, self.height() - (self.rows - row) * self._pitch, self.width(), self._pitch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():
            self._lay_out()
        elif self._following:
            self._top = self._newest_top
        self._painted = []
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not any(line.text for line in self.visible_lines):
            area = self.rect().adjusted(PADDING, 0, -PADDING, 0)
            paint_hint(painter, area, self.hint, self._style, self._pitch // 2)
        below, before = self._roll.shift()
        painter.setClipRect(QRectF(self._row_area(0)).united(QRectF(self._row_area(self.rows - 1))))
        first = max(self._top - before, 0)
        for index in range(first, min(self._top + self.rows, len(self._lines))):
            row = self._row_area(index - self._top)
            y = row.top() + below * self._pitch
            if y + self._pitch > event.rect().top() and y <= event.rect().bottom():
                self._painter.draw(painter, self._lines[index], QPointF(PADDING, y), self._pitch)
        painter.end()
