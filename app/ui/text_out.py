"""The captions' way out: to the clipboard, and to a file of the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QObject, QStandardPaths, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.captions.model import CaptionState
from app.captions.plain_text import whole_text
from app.core.errors import AppError
from app.core.files import write_atomically
from app.core.transcript.said import WRITERS, form_of
from app.ui.beside import beside
from app.ui.status_text import speaker_names
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
    """Signals:

    told(str, bool): a sentence about what became of the text; True: it did not work."""

    told = Signal(str, bool)

    def __init__(self, window: QWidget, shown: Callable[[], str], everything: Callable[[], CaptionState]) -> None:
        super().__init__(window)
        self._window = window
        self._shown = shown
        self._everything = everything
        self._names = speaker_names()
        self._forms = {
            self.tr("Text (*.txt)"): "text",
            self.tr("Text with times (*.txt)"): "timed",
            self.tr("Subtitles, SubRip (*.srt)"): "srt",
            self.tr("Subtitles, WebVTT (*.vtt)"): "vtt",
        }
        """What the dialog offers, in this order, and the form that it stands for."""
        self._filter = next(iter(self._forms))
        """As it was chosen last."""

    @Slot()
    def copy_shown(self) -> None:
        self.copy(self._shown())

    @Slot()
    def copy_all(self) -> None:
        self.copy(whole_text(self._everything(), self._names.__getitem__))

    @Slot(str)
    def copy(self, text: str) -> None:
        if text:
            QGuiApplication.clipboard().setText(text)
            self.told.emit(self.tr("Copied."), False)
        else:
            self.told.emit(self.tr("There is no text to copy yet."), False)

    @Slot()
    def ask_and_save(self) -> None:
        if not self._everything().said:
            self.told.emit(self.tr("There is no text to save yet."), False)
            return
        dialog = QFileDialog(self._window, self.tr("Save text"), str(_folder()))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setLabelText(QFileDialog.DialogLabel.LookIn, self.tr("Save in:"))
        dialog.setLabelText(QFileDialog.DialogLabel.FileType, self.tr("Save as:"))
        dialog.setNameFilters(list(self._forms))
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(_ending(chosen)))
        dialog.selectNameFilter(self._filter)
        dialog.setDefaultSuffix(_ending(self._filter))
        day = QLocale.c().toString(QDateTime.currentDateTime(), "yyyy-MM-dd HH.mm")
        dialog.selectFile(self.tr("Captions {day}").format(day=day) + f".{_ending(self._filter)}")
        dialog.fileSelected.connect(lambda path: self._on_chosen(Path(path), dialog.selectedNameFilter()))
        dialog.finished.connect(dialog.deleteLater)
        room = self._window.screen().availableGeometry()
        dialog.setGeometry(beside(self._window.frameGeometry(), room, dialog.sizeHint()))
        dialog.open()

    def _on_chosen(self, path: Path, chosen: str) -> None:
        if chosen in self._forms:
            self._filter = chosen
        self.save(path, form_of(path.suffix, self._forms[self._filter]))

    def save(self, path: Path, form: str) -> None:
        """Write everything said so far in one of the forms of `WRITERS`; `told` says how it went."""
        make = partial(WRITERS[form], self._everything(), self._names.__getitem__)
        saved = self.tr("Saved to {path}.").format(path=path)
        run_in_background(
            self, lambda: write_text(path, make()), lambda _: self.told.emit(saved, False), self._on_not_saved
        )

    def _on_not_saved(self, error: AppError | EngineError) -> None:
        self.told.emit(str(error), True)


def _folder() -> Path:
    documents = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    return documents if documents.is_dir() else Path.home()


def _ending(name_filter: str) -> str:
    """Of the files that a filter such as "Text (*.txt)" shows."""
    return name_filter.rpartition("*.")[2].rstrip(")")
