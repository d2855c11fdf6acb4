"""How the program starts: from the applications menu, and when the user logs in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.core import launcher
from app.core.errors import AppError


class StartMenu(QMenu):
    """Shows what is so whenever it opens. Hidden where there is no such menu.

    Signals: trouble(str): why a wish could not be fulfilled.
    """

    trouble = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Starting"))
        self._program = launcher.program()
        self.in_menu = self._add(self.tr("In the applications menu"), launcher.in_menu())
        self.at_login = self._add(self.tr("When you log in"), launcher.at_login())
        self.menuAction().setVisible(self._program is not None)
        self.aboutToShow.connect(self._look)

    def _add(self, name: str, entry: Path) -> QAction:
        action = self.addAction(name)
        action.setCheckable(True)
        action.setData(str(entry))
        action.triggered.connect(lambda on: self._change(entry, on))
        return action

    @Slot()
    def _look(self) -> None:
        for action in self.actions():
            action.setChecked(Path(str(action.data())).is_file())

    def _change(self, entry: Path, wanted: bool) -> None:
        try:
            if wanted and self._program is not None:
                launcher.put(entry, self._program)
            else:
                launcher.take_away(entry)
        except AppError as error:
            self.trouble.emit(str(error))
        self._look()
