"""Work that would block the window runs on a thread of its own; its result comes back on the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.core.errors import AppError
from engine.errors import EngineError

Result = TypeVar("Result")


class _Relay(QObject):
    """Lives on the GUI thread and dies with its parent; a result that comes later is dropped."""

    _finished = Signal(object)

    def __init__(
        self, parent: QObject, done: Callable[[Any], None], failed: Callable[[AppError | EngineError], None]
    ) -> None:
        super().__init__(parent)
        self._done = done
        self._failed = failed
        # Queued even when the job is over so soon that `report` is called on the GUI thread: callers may
        # count on nothing happening before they have returned.
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    def report(self, future: Future[Any]) -> None:
        """Called on any thread."""
        with suppress(RuntimeError):  # the parent, and this object with it, is gone
            self._finished.emit(future)

    @Slot(object)
    def _on_finished(self, future: Future[Any]) -> None:
        self.deleteLater()
        try:
            result = future.result()
        except (AppError, EngineError) as error:
            self._failed(error)
        else:
            self._done(result)


def run_in_background(
    parent: QObject,
    job: Callable[[], Result],
    done: Callable[[Result], None],
    failed: Callable[[AppError | EngineError], None],
) -> Future[Result]:
    """Run `job` on a thread; then `done` with its result or `failed` with its error on the GUI thread.

    Errors that are not the program's own reach `sys.excepthook`. Neither is called once `parent` is deleted.
    The future gives the same result to threads that need to wait for it.
    """
    relay = _Relay(parent, done, failed)
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
    future = executor.submit(job)
    future.add_done_callback(relay.report)
    executor.shutdown(wait=False)
    return future
