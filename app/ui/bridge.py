"""Brings a session's events from the engine thread to the GUI thread, gathered so that they come once a frame."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal, Slot

from app.core.events import SessionEvent

FRAME_MS = 16
"""Least time between two deliveries."""


class SessionBridge(QObject):
    """Signals:

    arrived(list[SessionEvent]): what happened since the last delivery, in order; on the GUI thread.
    """

    arrived = Signal(object)
    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[SessionEvent] = deque()
        self._since = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.flush)
        self._posted.connect(self._on_posted)

    def post(self, event: SessionEvent) -> None:
        """Hand over an event, from any thread; returns at once."""
        first = not self._waiting
        self._waiting.append(event)
        if first:
            self._posted.emit()

    @Slot()
    def _on_posted(self) -> None:
        if not self._timer.isActive():
            passed = self._since.elapsed() if self._since.isValid() else FRAME_MS
            self._timer.start(max(FRAME_MS - passed, 0))

    @Slot()
    def flush(self) -> None:
        """Deliver what waits now; called on the GUI thread."""
        self._timer.stop()
        self._since.start()
        events = []
        while self._waiting:
            events.append(self._waiting.popleft())
        if events:
            self.arrived.emit(events)
