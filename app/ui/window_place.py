"""Brings the window back to its place on each screen, and back into sight when screens change."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget

from app.ui.placement import place_of, rectangle, rescued
from app.ui.settings_keeper import SettingsKeeper

SETTLED_MS = 300
"""The window has stopped moving."""


class WindowPlace(QObject):
    def __init__(self, window: QWidget, keeper: SettingsKeeper, is_own: Callable[[], bool]) -> None:
        """is_own: whether the window stands where the user has put it."""
        super().__init__(window)
        self._is_own = is_own
        self._window = window
        self._keeper = keeper
        self._timer = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._timer.timeout.connect(self._remember)
        window.installEventFilter(self)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.screenRemoved.connect(self._on_screens_changed)
        application.primaryScreenChanged.connect(self._on_screens_changed)
        application.screenAdded.connect(self._watch)
        for screen in QGuiApplication.screens():
            self._watch(screen)

    def restore(self, height: int) -> None:
        """Put the window where it was last, or in the lower middle of the main screen."""
        settings = self._keeper.settings
        named = [screen for screen in QGuiApplication.screens() if screen.name() == settings.screen]
        screen = named[0] if named else QGuiApplication.primaryScreen()
        place = settings.places.get(screen.name())
        self._window.setGeometry(rectangle(place, height, screen.availableGeometry(), self._window.minimumSize()))

    def set_height(self, height: int) -> None:
        """Make the window this high, upwards from its lower edge, as far as the screen allows."""
        now = self._window.geometry()
        wanted = QRect(now.left(), now.top() + now.height() - height, now.width(), height)
        self._window.setGeometry(rescued(wanted, self._area(), self._window.minimumSize()))

    @Slot()
    def rescue(self) -> None:
        """Bring the window back if a part of it is out of sight."""
        inside = rescued(self._window.geometry(), self._area(), self._window.minimumSize())
        if inside != self._window.geometry():
            self._window.setGeometry(inside)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize) and self._window.isVisible():
            self._timer.start()
        return False

    def _area(self) -> QRect:
        return self._window.screen().availableGeometry()

    @Slot()
    def _remember(self) -> None:
        if not self._is_own():
            return
        screen = self._window.screen()
        place = place_of(self._window.geometry(), screen.availableGeometry())
        places = {**self._keeper.settings.places, screen.name(): place}
        self._keeper.change(screen=screen.name(), places=places)

    @Slot(QScreen)
    def _watch(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._on_screens_changed)

    @Slot()
    def _on_screens_changed(self) -> None:
        QTimer.singleShot(0, self.rescue)  # Qt moves the window to a screen that is left only after telling us
