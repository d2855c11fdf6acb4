"""The short movement in which lines roll up to their place."""

from __future__ import annotations

from PySide6.QtCore import QVariantAnimation
from PySide6.QtWidgets import QStyle, QWidget

ROLL_MS = 120


class Roll(QVariantAnimation):
    """Asks its view for a repaint while lines move; stands still where the system wants no movement."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view, startValue=1.0, endValue=0.0, duration=ROLL_MS)
        self._view = view
        self._lines = 0
        self.valueChanged.connect(lambda _share: view.update())

    def begin(self, lines: int) -> None:
        """Let the text come up from so many lines below."""
        if self._view.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0:
            self._lines = lines
            self.start()

    def shift(self) -> tuple[float, int]:
        """How many lines the text still is below its place, and how many earlier ones are partly in view."""
        if self.state() != QVariantAnimation.State.Running:
            return 0.0, 0
        share = float(self.currentValue())
        return share * share * self._lines, self._lines
