"""Draws caption lines and remembers how their letters were shaped, since shaping is what painting text costs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QTextCharFormat, QTextLayout, QTextOption

from app.captions.layout import Line
from app.ui.theme import CaptionStyle

MARK = 3.0
MARK_GAP = 7.0
"""Width of the mark of a speaker, and its distance from the letters, pixels."""
KEPT = 40
"""Shaped lines that are kept; more than any window shows."""


class LinePainter:
    """One style and size of text."""

    def __init__(self, style: CaptionStyle, font: QFont, bold: QFont, label_text: Callable[[str], str]) -> None:
        """`label_text` gives the words in front of a line for its speaker."""
        self._style = style
        self._font = font
        self._bold = bold
        self._label_text = label_text
        self._shaped: OrderedDict[Line, QTextLayout] = OrderedDict()

    def draw(self, painter: QPainter, line: Line, at: QPointF, height: float) -> None:
        """Draw the line with its upper left corner `at`, its letters in the middle of `height`.

        Left of it, where speakers are told apart, a mark in its speaker's colour: the name may be lines above.
        """
        shaped = self._shaped.get(line)
        if shaped is None:
            shaped = self._shaped[line] = self._shape(line)
            if len(self._shaped) > KEPT:
                self._shaped.popitem(last=False)
        self._shaped.move_to_end(line)
        if line.speaker:
            mark = QRectF(at.x() - MARK_GAP - MARK, at.y() + height * 0.15, MARK, height * 0.7)
            painter.fillRect(mark, QColor(self._style.speaker(line.speaker)))
        shaped.draw(painter, at + QPointF(0, (height - shaped.boundingRect().height()) / 2))

    def _shape(self, line: Line) -> QTextLayout:
        label = self._label_text(line.label) if line.label else ""
        parts = [part for part in (label, line.settled, line.tail) if part]
        shaped = QTextLayout(" ".join(parts), self._font)
        option = QTextOption(Qt.AlignmentFlag.AlignLeft)
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        shaped.setTextOption(option)
        shaped.setFormats(self._formats(line, label))
        shaped.setCacheEnabled(True)
        shaped.beginLayout()
        shaped.createLine()
        shaped.endLayout()
        return shaped

    def _formats(self, line: Line, label: str) -> list[QTextLayout.FormatRange]:
        ranges = []
        start = 0
        for text, color, bold in (
            (label, self._style.speaker(line.label), True),
            (line.settled, self._style.text, False),
            (line.tail, self._style.tail, False),
        ):
            if text:
                ranges.append(self._range(start, len(text.encode("utf-16-le")) // 2, color, bold=bold))
                start = ranges[-1].start + ranges[-1].length + 1
        return ranges

    def _range(self, start: int, length: int, color: str, *, bold: bool) -> QTextLayout.FormatRange:
        form = QTextCharFormat()
        form.setForeground(QColor(color))
        if bold:
            form.setFont(self._bold)
        result = QTextLayout.FormatRange()
        result.start, result.length, result.format = start, length, form
        return result
