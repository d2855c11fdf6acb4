"""Errors nobody foresaw: they are logged as before, and the user is told once; captions go on."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from PySide6.QtCore import QObject, Signal


class ErrorHook(QObject):
    """Stands in front of the hooks that log. Signals: happened(str): a sentence, for the first error only."""

    happened = Signal(str)

    def __init__(self, log: str, parent: QObject | None = None) -> None:
        """`log`: where the details can be read."""
        super().__init__(parent)
        self._log = log
        self._told = False
        self._before = sys.excepthook, threading.excepthook

    def install(self) -> None:
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error

    def remove(self) -> None:
        sys.excepthook, threading.excepthook = self._before

    def _on_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._before[0](kind, error, trace)
        self._tell(kind)

    def _on_thread_error(self, failure: threading.ExceptHookArgs) -> None:
        self._before[1](failure)
        self._tell(failure.exc_type)

    def _tell(self, kind: type[BaseException]) -> None:
        if self._told or not issubclass(kind, Exception):
            return
        self._told = True
        sentence = self.tr("An error in the program was noted ({name}); captions go on. Details are in {log}.")
        self.happened.emit(sentence.format(name=kind.__name__, log=self._log))
