"""Keeps the text of this session for later, where the user asked for it: also when the program dies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from app.captions.model import CaptionState
from app.core.errors import AppError
from app.core.transcript.said import timed_text
from app.ui.status_text import speaker_names
from app.ui.tasks import run_in_background
from app.ui.text_out import write_text
from engine.errors import EngineError

WRITE_AFTER_MS = 5_000
"""Words may stay unwritten for so long."""
_LAST_WRITE_SECONDS = 5.0


class LastSession(QObject):
    """The last session's text is one file, what is said in this one another, so that the last can be read meanwhile.

    Signals: trouble(str): the text cannot be written; once for each kind of trouble.
    """

    trouble = Signal(str)

    def __init__(self, last: Path, everything: Callable[[], CaptionState], parent: QObject) -> None:
        """last: where the last session's text is; everything: what was said in this one."""
        super().__init__(parent)
        self._last = last
        self._now = last.with_name("this-session.txt")
        self._everything = everything
        self._names = speaker_names()
        self._keep = False
        self._told = ""
        self._writing: Future[None] | None = None
        self._timer = QTimer(self, singleShot=True, interval=WRITE_AFTER_MS)
        self._timer.timeout.connect(self._write)

    @property
    def is_there(self) -> bool:
        return self._last.is_file()

    @Slot()
    def open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._last)))

    def begin(self, *, keep: bool) -> None:
        """What is left of a session that could not be closed becomes the last one's text."""
        if keep:
            with suppress(OSError):
                self._now.replace(self._last)
        self.set_keep(keep)

    def set_keep(self, keep: bool) -> None:
        """Whether words are written while they are said."""
        self._keep = keep
        if keep:
            self.on_captions_changed()
        else:
            self._timer.stop()
            self._forget(self._now)

    @Slot()
    def on_captions_changed(self) -> None:
        if self._keep and not self._timer.isActive():
            self._timer.start()

    def close(self) -> None:
        """The program ends: keep the text for later, or let nothing of it remain on this computer.

        A session without a word does not replace the text of an earlier one. Raises TextFileUnwritable.
        """
        self._timer.stop()
        if self._writing is not None:
            wait([self._writing], _LAST_WRITE_SECONDS)
        state = self._everything()
        if not self._keep:
            self._forget(self._last)
        elif state.said:
            self._write_to(self._last, state)
        self._forget(self._now)

    def _write(self) -> None:
        if self._writing is not None and not self._writing.done():
            self._timer.start()
            return
        state = self._everything()
        if state.said:
            self._writing = run_in_background(
                self, lambda: self._write_to(self._now, state), self._on_written, self._on_not_written
            )

    def _write_to(self, file: Path, state: CaptionState) -> None:
        write_text(file, timed_text(state, self._names.__getitem__))

    def _on_written(self, _: None) -> None:
        if not self._keep:  # as the user said while it was being written
            self._forget(self._now)

    def _on_not_written(self, error: AppError | EngineError) -> None:
        if str(error) != self._told:
            self._told = str(error)
            self.trouble.emit(self._told)

    @staticmethod
    def _forget(file: Path) -> None:
        with suppress(OSError):
            file.unlink()
