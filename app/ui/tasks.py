"""Work that would block the window runs on a thread of its own; its result comes back on the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

from app.core.errors import AppError
from engine.errors import EngineError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Task:
    parent: QObject
    job: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[AppError | EngineError], None]


class _Desk(QObject):
    """Keeps tasks on the GUI thread until their results are there.

    The threads know numbers only: a window whose last reference a thread drops would be destroyed on that thread, and a
    signal must not be emitted by an object that is being deleted meanwhile. This one never is.
    """

    _finished = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[int, _Task] = {}
        self._numbers = count()
        # Queued even when the job is over so soon that this is emitted on the GUI thread: callers may count on
        # nothing happening before they have returned.
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    def take(self, task: _Task) -> Future[Any]:
        number = next(self._numbers)
        self._tasks[number] = task
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
        future = executor.submit(self._run, number)
        future.add_done_callback(lambda done: self._finished.emit(number, done))
        executor.shutdown(wait=False)
        return future

    def _run(self, number: int) -> Any:
        return self._tasks[number].job()

    @Slot(int, object)
    def _on_finished(self, number: int, future: Future[Any]) -> None:
        task = self._tasks.pop(number)
        if not isValid(task.parent):
            return
        try:
            result = future.result()
        except (AppError, EngineError) as error:
            task.failed(error)
        else:
            task.done(result)


@cache
def _desk() -> _Desk:
    return _Desk()


def run_in_background(
    parent: QObject,
    job: Callable[[], Result],
    done: Callable[[Result], None],
    failed: Callable[[AppError | EngineError], None],
) -> Future[Result]:
    """Run `job` on a thread; then `done` with its result or `failed` with its error on the GUI thread.

    To be called on the GUI thread. Errors that are not the program's own reach `sys.excepthook`. Neither is called once
    `parent` is deleted. The future gives the same result to threads that need to wait for it.
    """
    return _desk().take(_Task(parent, job, done, failed))
