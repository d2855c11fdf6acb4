"""Keeps the table and its file equal: every edit is saved at once, and what others do to the file is taken in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import AppError
from app.core.vocabulary import WordList
from app.core.word_changes import merge
from app.core.word_sync import Known, is_current, sync
from app.ui.words.document import WordTable
from app.ui.words.latest import LatestJob
from engine.errors import EngineError

LOOK_MS = 300
"""Between two looks at the file while the list is shown."""


class ListSync(QObject):
    """Signals:

    told(str): what came from the file, in a sentence.
    failed(str): why the list is not saved, in a sentence; empty once it is.
    """

    told = Signal(str)
    failed = Signal(str)

    def __init__(self, path: Path, table: WordTable, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._table = table
        self._known: Known | None = None
        """None before the file was first read."""
        self._failure = ""
        self._taking_in = False
        self._job: LatestJob[tuple[Known, WordList]] = LatestJob(self, self._prepare, self._on_done, self._on_failed)
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        table.edited.connect(self._on_edited)

    @property
    def saved(self) -> bool:
        """The file holds what the table shows."""
        known = self._known is not None and self._known.words.lines == self._table.lines
        return known and not self._job.running

    def follow(self, following: bool) -> None:
        """Look for edits of the file from now on, or no longer."""
        if following:
            self._look()
            self._timer.start()
        else:
            self._timer.stop()

    def flush(self) -> None:
        """Save here and now what is not saved yet. Raises WordListError."""
        known = self._known or Known()
        if known.words.lines != self._table.lines:
            self._known = sync(self._path, known, self._mine(known))

    @Slot()
    def _look(self) -> None:
        """Read or save if there is something to; what could not be saved is tried again."""
        if not self._job.running and (self._known is None or not self.saved or not is_current(self._path, self._known)):
            self._job.ask()

    @Slot()
    def _on_edited(self) -> None:
        if self._known is not None and not self._taking_in:
            self._job.ask()

    def _mine(self, known: Known) -> WordList:
        return replace(known.words, lines=self._table.lines)

    def _prepare(self) -> Callable[[], tuple[Known, WordList]]:
        known = self._known or Known()
        path, mine = self._path, self._mine(known)
        return lambda: (sync(path, known, mine), mine)

    def _on_done(self, result: tuple[Known, WordList]) -> None:
        known, mine = result
        first, self._known = self._known is None, known
        self._set_failure("")
        if first and not self._table.lines:
            self._take_in(lambda: self._table.open(known.words))
        elif known.words.lines != mine.lines:
            merged = merge(mine.lines, self._table.lines, known.words.lines)
            self._take_in(lambda: self._table.change(self.tr("changes made in the file"), merged.lines, quiet=True))
            self.told.emit(self._what_came(known.twice + merged.twice))
        if not self.saved:
            self._job.ask()

    def _what_came(self, twice: int) -> str:
        if twice:
            return self.tr(
                "The file was changed elsewhere too. Lines that were changed in both places stand there twice now."
            )
        return self.tr("The file was changed elsewhere; its changes are shown here.")

    def _take_in(self, change: Callable[[], None]) -> None:
        self._taking_in = True
        change()
        self._taking_in = False

    def _on_failed(self, error: AppError | EngineError) -> None:
        self._set_failure(str(error))

    def _set_failure(self, sentence: str) -> None:
        if sentence != self._failure:
            self._failure = sentence
            self.failed.emit(sentence)
