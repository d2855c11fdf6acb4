"""The captions' way out: to the clipboard, to a file of the user's choice, and to the last session's file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QObject, QStandardPaths, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import AppError
from app.core.files import write_atomically
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

    def __init__(self, window: QWidget, shown: Callable[[], str], everything: Callable[[], str], last: Path) -> None:
        """`shown` and `everything` give the text; `last` is where the last session's text is kept."""
        super().__init__(window)
        self._last = last
        self._window = window
        self._shown = shown
        self._everything = everything

    @Slot()
    def copy_shown(self) -> None:
        self._copy(self._shown())

    @Slot()
    def copy_all(self) -> None:
        self._copy(self._everything())

    @Slot()
    def ask_and_save(self) -> None:
        if not self._everything():
            self.told.emit(self.tr("There is no text to save yet."), False)
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        day = QLocale.c().toString(QDateTime.currentDateTime(), "yyyy-MM-dd HH.mm")
        name = self.tr("Captions {day}.txt").format(day=day)
        dialog = QFileDialog(self._window, self.tr("Save text"), str(Path(folder, name)), self.tr("Text (*.txt)"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("txt")
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, path: Path) -> None:
        """Write everything said so far; `told` says how it went."""
        text = self._everything()
        saved = self.tr("Saved to {path}.").format(path=path)
        run_in_background(
            self, lambda: write_text(path, text), lambda _: self.told.emit(saved, False), self._on_not_saved
        )

    @property
    def has_last(self) -> bool:
        """The text of an earlier session is there."""
        return self._last.is_file()

    @Slot()
    def open_last(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._last)))

    def close_session(self, *, keep: bool) -> None:
        """The program ends: keep the text for later, or let nothing of it remain on this computer.

        A session without a word does not replace the text of an earlier one. Raises TextFileUnwritable.
        """
        text = self._everything()
        if not keep:
            with suppress(OSError):
                self._last.unlink()
        elif text:
            write_text(self._last, text)

    def _on_not_saved(self, error: AppError | EngineError) -> None:
        self.told.emit(str(error), True)

    def _copy(self, text: str) -> None:
        if text:
            QGuiApplication.clipboard().setText(text)
            self.told.emit(self.tr("Copied."), False)
        else:
            self.told.emit(self.tr("There is no text to copy yet."), False)
