"""The captions' way out: to the clipboard, and to a file of the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QObject, QStandardPaths, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import AppError
from app.core.files import write_atomically
from app.ui.beside import beside
from app.ui.tasks import run_in_background
from engine.errors import EngineError


class TextFileUnwritable(AppError):
    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"The text cannot be written to {path} ({error.strerror or error}); choose another place.")


def write_text(path: Path, text: str) -> None:
    """Raises TextFileUnwritable."""
    try:
        write_atomically(path, text)
    except OSError as error:
        raise TextFileUnwritable(path, error) from error


class TextOut(QObject):
    """Signals: told(str, bool): a sentence about what became of the text; True: it did not work."""

    told = Signal(str, bool)

    def __init__(self, window: QWidget, shown: Callable[[], str], everything: Callable[[], str]) -> None:
        super().__init__(window)
        self._window = window
        self._shown = shown
        self._everything = everything

    @Slot()
    def copy_shown(self) -> None:
        self.copy(self._shown())

    @Slot()
    def copy_all(self) -> None:
        self.copy(self._everything())

    @Slot(str)
    def copy(self, text: str) -> None:
        if text:
            QGuiApplication.clipboard().setText(text)
            self.told.emit(self.tr("Copied."), False)
        else:
            self.told.emit(self.tr("There is no text to copy yet."), False)

    @Slot()
    def ask_and_save(self) -> None:
        if not self._everything():
            self.told.emit(self.tr("There is no text to save yet."), False)
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        if not Path(folder).is_dir():
            folder = str(Path.home())
        day = QLocale.c().toString(QDateTime.currentDateTime(), "yyyy-MM-dd HH.mm")
        name = self.tr("Captions {day}.txt").format(day=day)
        dialog = QFileDialog(self._window, self.tr("Save text"), str(Path(folder, name)), self.tr("Text (*.txt)"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("txt")
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        room = self._window.screen().availableGeometry()
        dialog.setGeometry(beside(self._window.frameGeometry(), room, dialog.sizeHint()))
        dialog.open()

    def save(self, path: Path) -> None:
        """Write everything said so far; `told` says how it went."""
        text = self._everything()
        saved = self.tr("Saved to {path}.").format(path=path)
        run_in_background(
            self, lambda: write_text(path, text), lambda _: self.told.emit(saved, False), self._on_not_saved
        )

    def _on_not_saved(self, error: AppError | EngineError) -> None:
        self.told.emit(str(error), True)
