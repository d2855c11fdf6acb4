"""Opens the window of what was said when it is wanted, and keeps it up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.ui.live_captions import LiveCaptions
from app.ui.reading.window import ReadingWindow
from app.ui.text_out import TextOut
from app.ui.theme import CaptionStyle


class Reading(QObject):
    """Signals: corrected(str, str): what captions wrote, and what was said.

    `window` is None until it is opened for the first time; then it is kept, with its caret and what it finds.
    """

    corrected = Signal(str, str)

    def __init__(
        self,
        captions: QWidget,
        live: LiveCaptions,
        text_out: TextOut,
        name_of: Callable[[str], str],
        shared: Sequence[QAction],
    ) -> None:
        """shared: what the captions' shortcuts do in this window too."""
        super().__init__(captions)
        self._shared = shared
        self._captions = captions
        self._live = live
        self._text_out = text_out
        self._name_of = name_of
        self.window: ReadingWindow | None = None

    def show(self, style: CaptionStyle, size: int) -> None:
        """style, size: how captions look, and pixels of their letters."""
        window = self.window
        if window is None:
            window = self.window = ReadingWindow(self._name_of, self._captions)
            window.addActions(self._shared)
            window.copy_requested.connect(self._text_out.copy)
            window.save_requested.connect(self._text_out.ask_and_save)
            window.corrected.connect(self.corrected)
            self._live.captions_changed.connect(window.set_state)
        window.set_style(style, size)
        window.set_state(self._live.captions)
        window.show()
        window.raise_()
        window.activateWindow()
