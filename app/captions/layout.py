"""Which words stand on which line. Greedy from left to right, so no settled word ever changes its line.

Knows no fonts: widths come from an injected `measure`. A line that has been left is never touched again,
except that a tail, which may change, moves only itself. Closed turns are laid out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.captions.model import CaptionState, Turn

Measure = Callable[[str], float]
"""Width of a text in pixels."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is painted."""

    speaker: str = ""
    """Whose words these are, where speakers are told apart."""
    label: str = ""
    """Speaker whose name stands in front; empty: none."""
    settled: str = ""
    tail: str = ""
    """Stands behind the settled words and may still change."""
    begins: bool = False
    """The first line of a turn: a paragraph of the text begins here."""

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.settled, self.tail) if part)


class CaptionLayout:
    """Lines of one width and font. Make a new one when either changes."""

    def __init__(self, measure: Measure, label_width: Measure, width: float) -> None:
        """`label_width` gives the room that a speaker's name takes in front of the words."""
        self._measure = measure
        self._label_width = label_width
        self._width = width
        self._past = _Pen(self, [])
        self._laid_out = 0

    def lines(self, state: CaptionState) -> list[Line]:
        """All lines of the text, oldest first. Call it with later states of one text only."""
        for turn in state.closed[self._laid_out :]:
            self._past.write_turn(turn)
        self._laid_out = len(state.closed)
        past = self._past.lines
        if not state.present:
            return list(past)
        pen = _Pen(self, past[-1:], self._past.x)
        for entry in state.present:
            pen.write_turn(entry.turn)
        return past[:-1] + pen.lines

    def pieces(self, word: str) -> Iterable[str]:
        """The word itself, or what of it fits a line each when it is wider than the window."""
        if self._measure(word) <= self._width:
            return (word,)
        parts, part = [], ""
        for character in word:
            if part and self._measure(part + character) > self._width:
                parts.append(part)
                part = ""
            part += character
        return (*parts, part)

    def reach(self, x: float, word: str) -> float | None:
        """Where the line ends with this word behind position `x`; None when it does not fit."""
        end = x + self._measure(word) if x == 0.0 else x + self._measure(" ") + self._measure(word)
        return end if end <= self._width else None

    def indent(self, label: str) -> float:
        """Room for the name, given up where the window is too narrow for it."""
        width = self._label_width(label) if label else 0.0
        return width if width < self._width / 2 else 0.0


class _Pen:
    """Writes words behind each other; starts a line when one is full."""

    def __init__(self, layout: CaptionLayout, lines: list[Line], x: float = 0.0) -> None:
        self._layout = layout
        self.lines = list(lines)
        self.x = x

    def write_turn(self, turn: Turn) -> None:
        if not (turn.words or turn.tail):
            return
        if not (turn.continues and self.lines):
            label = turn.speaker if turn.labelled else ""
            self._start(Line(turn.speaker if turn.named else "", label, begins=True))
        for word in turn.words:
            self._write(word, settled=True)
        for word in turn.tail:
            self._write(word, settled=False)

    def _start(self, line: Line) -> None:
        self.lines.append(line)
        self.x = self._layout.indent(line.label)

    def _write(self, word: str, *, settled: bool) -> None:
        for piece in self._layout.pieces(word):
            end = self._layout.reach(self.x, piece)
            if end is None:
                self._start(Line(self.lines[-1].speaker))
                end = self._layout.reach(0.0, piece) or 0.0
            self.x = end
            line = self.lines[-1]
            if settled:
                self.lines[-1] = replace(line, settled=f"{line.settled} {piece}".lstrip())
            else:
                self.lines[-1] = replace(line, tail=f"{line.tail} {piece}".lstrip())
