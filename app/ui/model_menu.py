"""Which model captions: one of those that come with the program, with what was measured of it, or a folder's."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.core.catalogue import ACCURATE, FAST, MEASURED


class ModelMenu(QMenu):
    """Signals: chosen(str): the name of a model that comes with the program, a folder, or nothing for the automatic
    choice."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Model"))
        group = QActionGroup(self)
        self.packaged = {
            "": self.addAction(self.tr("Automatic: the more accurate one that this computer keeps up with")),
            ACCURATE: self.addAction(self._about(self.tr("Accurate"), ACCURATE)),
            FAST: self.addAction(self._about(self.tr("Fast"), FAST)),
        }
        self.folder = self.addAction("")
        for name, action in self.packaged.items():
            action.triggered.connect(lambda _on, name=name: self.chosen.emit(name))
        self.folder.triggered.connect(lambda: self.chosen.emit(str(self.folder.data())))
        for action in (*self.packaged.values(), self.folder):
            action.setCheckable(True)
            group.addAction(action)
        self.addSeparator()
        self.addAction(self.tr("Choose a model folder…")).triggered.connect(self._ask)
        self.set_current("")

    def set_current(self, model: str) -> None:
        """Show what was chosen, empty where that is left to the program; a folder that was used stays on offer."""
        packaged = self.packaged.get(model)
        if packaged is None:
            self.folder.setText(Path(model).name)
            self.folder.setToolTip(model)
            self.folder.setData(model)
        self.folder.setVisible(bool(self.folder.data()))
        (packaged or self.folder).setChecked(True)

    def _about(self, title: str, name: str) -> str:
        measured = MEASURED[name]
        text = self.tr(
            "{title}: {wrong:.0f} of 100 words wrong, 9 of 10 shown within {delay:.1f} s, {core:.0%} of a core"
        )
        return text.format(title=title, wrong=measured.word_errors, delay=measured.shown_within, core=measured.core)

    @Slot()
    def _ask(self) -> None:
        dialog = QFileDialog(self.parentWidget(), self.tr("Choose a model folder"), str(self.folder.data() or ""))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
