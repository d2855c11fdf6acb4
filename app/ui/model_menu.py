"""Which model captions: the one that comes with the program, or a folder of the user's."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget


class ModelMenu(QMenu):
    """Signals: chosen(str): a folder, empty for the model that comes with the program."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Model"))
        group = QActionGroup(self)
        self.starter = self.addAction(self.tr("The one that comes with Caique"))
        self.folder = self.addAction("")
        for action in (self.starter, self.folder):
            action.setCheckable(True)
            group.addAction(action)
        self.starter.triggered.connect(lambda: self.chosen.emit(""))
        self.folder.triggered.connect(lambda: self.chosen.emit(str(self.folder.data())))
        self.addSeparator()
        self.addAction(self.tr("Choose a model folder…")).triggered.connect(self._ask)
        self.set_current("")

    def set_current(self, folder: str) -> None:
        """Show what is in use; a folder that was used stays on offer."""
        if folder:
            self.folder.setText(Path(folder).name)
            self.folder.setToolTip(folder)
            self.folder.setData(folder)
        self.folder.setVisible(bool(self.folder.data()))
        (self.folder if folder else self.starter).setChecked(True)

    @Slot()
    def _ask(self) -> None:
        dialog = QFileDialog(self.parentWidget(), self.tr("Choose a model folder"), str(self.folder.data() or ""))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
