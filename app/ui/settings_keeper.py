"""Holds the settings while the program runs and writes them a moment after they changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import SettingsError
from app.core.settings import Settings, SettingsFile

WRITE_AFTER_MS = 400


class SettingsKeeper(QObject):
    """Signals: changed(Settings, Settings): old and new. trouble(str): a sentence, once for each kind of trouble."""

    changed = Signal(object, object)
    trouble = Signal(str)

    def __init__(self, file: SettingsFile, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._told = ""
        self.settings = settings
        self._timer = QTimer(self, singleShot=True, interval=WRITE_AFTER_MS)
        self._timer.timeout.connect(self.write)

    def change(self, **values: Any) -> None:
        """Set some fields of the table; says so and writes only if something is different."""
        old, new = self.settings, replace(self.settings, **values)
        if new != old:
            self.settings = new
            self._timer.start()
            self.changed.emit(old, new)

    @Slot()
    def write(self) -> None:
        self._timer.stop()
        try:
            self._file.save(self.settings)
        except SettingsError as error:
            if str(error) != self._told:
                self._told = str(error)
                self.trouble.emit(self._told)

    def close(self) -> None:
        """Write what is not written yet."""
        if self._timer.isActive():
            self.write()
