"""Lists that come and go: from the clipboard, from files, to files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import AppError
from app.core.vocabulary import Line, WordList
from app.core.word_exchange import as_hotwords, as_plain, imported, pasted, wanted
from app.core.word_file import write
from app.ui.tasks import run_in_background
from app.ui.text_out import write_text
from app.ui.words.cells import count_lines
from app.ui.words.document import WordTable
from engine.errors import EngineError

LONG = 20_000
"""Characters of a text that is not taken apart while the window waits."""


class WordExchange(QObject):
    """Signals: told(str): what became of it, in a sentence."""

    told = Signal(str)

    def __init__(self, window: QWidget, table: WordTable) -> None:
        super().__init__(window)
        self._window = window
        self._table = table
        self._list = self.tr("Word list, with everything (*.txt)")
        self._plain = self.tr("Words only (*.txt)")
        self._hotwords = self.tr("sherpa-onnx hotwords (*.txt)")

    @property
    def kinds(self) -> list[str]:
        """The ways in which a copy can be written, as they are called."""
        return [self._list, self._plain, self._hotwords]

    @Slot(str)
    def paste(self, text: str) -> None:
        name = self.tr("pasting")
        if len(text) <= LONG:
            self._add(name, pasted(text))
        else:
            run_in_background(self, lambda: pasted(text), lambda lines: self._add(name, lines), self._on_failed)

    @Slot()
    def ask_and_import(self) -> None:
        types = self.tr("Word lists and tables (*.txt *.csv *.tsv)"), self.tr("All files (*)")
        dialog = QFileDialog(self._window, self.tr("Add words from a file"), _documents(), ";;".join(types))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.take(Path(path)))
        _open(dialog)

    def take(self, path: Path) -> None:
        """Add what stands in a file."""
        name = self.tr("adding words from {file}").format(file=path.name)
        run_in_background(self, lambda: imported(path), lambda lines: self._add(name, lines), self._on_failed)

    @Slot()
    def ask_and_export(self) -> None:
        dialog = QFileDialog(self._window, self.tr("Save a copy of the words"), _documents())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(self.kinds)
        dialog.setDefaultSuffix("txt")
        dialog.selectFile(self.tr("Words.txt"))
        dialog.fileSelected.connect(lambda path: self.give(Path(path), dialog.selectedNameFilter()))
        _open(dialog)

    def give(self, path: Path, kind: str) -> None:
        """Write a copy of the list in one of the ways that the dialog offers."""
        words = WordList(self._table.lines)
        kept = wanted(words.entries)
        left_out = 0 if kind == self._list else len(words.entries) - len(kept)

        def job() -> None:
            if kind == self._list:
                write(path, words)
            else:
                write_text(path, as_plain(kept) if kind == self._plain else as_hotwords(kept))

        told = self.tr("Saved to {path}.").format(path=path)
        if left_out:
            told += " " + self.tr("Left out, because they are off or to be avoided: {number}.").format(number=left_out)
        run_in_background(self, job, lambda _: self.told.emit(told), self._on_failed)

    def _add(self, name: str, lines: list[Line]) -> None:
        there = {line.text for line in self._table.lines}
        new: dict[str, Line] = {line.text: line for line in lines if line.text not in there}
        self._table.append(name, list(new.values()))
        sentences = [self.tr("{lines} added.").format(lines=count_lines(len(new)))]
        if len(new) < len(lines):
            twice = len(lines) - len(new)
            sentences.append(self.tr("There already, and not added: {number}.").format(number=twice))
        if broken := sum(bool(line.problem) for line in new.values()):
            sentences.append(self.tr("Not understood, and kept for you to mend: {number}.").format(number=broken))
        self.told.emit(" ".join(sentences))

    def _on_failed(self, error: AppError | EngineError) -> None:
        self.told.emit(str(error))


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)


def _open(dialog: QFileDialog) -> None:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
