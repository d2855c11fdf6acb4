"""A job that is done again and again in the background, never twice at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject

from app.core.errors import AppError
from app.ui.tasks import run_in_background
from engine.errors import EngineError

Result = TypeVar("Result")


class LatestJob(Generic[Result]):
    """Asked while it runs, it runs once more afterwards, with what is then the newest."""

    def __init__(
        self,
        parent: QObject,
        prepare: Callable[[], Callable[[], Result]],
        done: Callable[[Result], None],
        failed: Callable[[AppError | EngineError], None],
    ) -> None:
        """`prepare` is called on the GUI thread and gives what the thread is to do."""
        self._parent = parent
        self._prepare = prepare
        self._done = done
        self._failed = failed
        self._again = False
        self.running = False

    def ask(self) -> None:
        if self.running:
            self._again = True
            return
        self.running = True
        run_in_background(self._parent, self._prepare(), self._on_done, self._on_failed)

    def _on_done(self, result: Result) -> None:
        self.running = False
        self._done(result)
        self._go_on()

    def _on_failed(self, error: AppError | EngineError) -> None:
        self.running = False
        self._failed(error)
        self._go_on()

    def _go_on(self) -> None:
        if self._again:
            self._again = False
            self.ask()
