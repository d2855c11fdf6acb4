"""Captions over the whole screen, to be read from afar: F11, and Escape or F11 back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QWidget

RESTORED_MS = 300
"""By then window managers have given the window its place back."""


class FullScreen(QObject):
    """Signals: restored(): the window has its own place again, and as many lines as fitted when it was left.

    `active`: the size of the window is not what the user gave it.
    """

    restored = Signal()

    def __init__(self, window: QWidget, action: QAction) -> None:
        super().__init__(window)
        self._window = window
        self._action = action
        self.active = False
        self._timer = QTimer(self, singleShot=True, interval=RESTORED_MS)
        self._timer.timeout.connect(self._on_restored)
        action.toggled.connect(self._show)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowStateChange:
            self._on_state_changed(full=self._window.isFullScreen())
            return False
        leaves = (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and self._window.isFullScreen()
        )
        if leaves:
            self._action.setChecked(False)
        return leaves

    def _show(self, full: bool) -> None:
        if full != self._window.isFullScreen():
            self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _on_state_changed(self, *, full: bool) -> None:
        self._action.setChecked(full)
        if full:
            self.active = True
            self._timer.stop()
        elif self.active:
            self._timer.start()

    def _on_restored(self) -> None:
        self.active = False
        self.restored.emit()
