"""What crosses threads: events in order and a frame at a time, results and errors of background work."""

from __future__ import annotations

import gc
import sys
import threading
import time

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.core.errors import AppError, SourceError
from app.core.events import Lagging, SessionEvent
from app.ui.bridge import SessionBridge
from app.ui.error_hook import ErrorHook
from app.ui.tasks import run_in_background
from engine.errors import EngineError


def test_events_arrive_in_order_on_the_gui_thread(qtbot: QtBot) -> None:
    bridge = SessionBridge()
    batches: list[list[SessionEvent]] = []
    threads: set[int] = set()
    bridge.arrived.connect(lambda events: (batches.append(events), threads.add(threading.get_ident())))
    sent = [Lagging(float(number)) for number in range(500)]
    thread = threading.Thread(target=lambda: [bridge.post(event) for event in sent])
    thread.start()
    qtbot.waitUntil(lambda: sum(map(len, batches)) == 500)
    thread.join()
    assert [event for batch in batches for event in batch] == sent
    assert threads == {threading.get_ident()}
    assert len(batches) < 50


def test_flushing_delivers_at_once(qtbot: QtBot) -> None:
    bridge = SessionBridge()
    arrived: list[SessionEvent] = []
    bridge.arrived.connect(arrived.extend)
    bridge.post(Lagging(1.0))
    bridge.flush()
    assert arrived == [Lagging(1.0)]


def test_a_result_comes_back_on_the_gui_thread(qtbot: QtBot) -> None:
    parent, results = QObject(), []
    here = threading.get_ident()
    future = run_in_background(
        parent, threading.get_ident, lambda worker: results.append((worker, threading.get_ident())), pytest.fail
    )
    qtbot.waitUntil(lambda: bool(results))
    assert results == [(future.result(), here)]
    assert results[0][0] != here


def test_errors_of_the_program_come_back(qtbot: QtBot) -> None:
    parent, errors = QObject(), list[AppError | EngineError]()

    def job() -> None:
        raise SourceError("No microphone.")

    run_in_background(parent, job, pytest.fail, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert str(errors[0]) == "No microphone."


def test_unforeseen_errors_reach_the_hook(qtbot: QtBot) -> None:
    parent = QObject()
    with qtbot.captureExceptions() as caught:
        run_in_background(parent, lambda: 1 / 0, pytest.fail, pytest.fail)
        qtbot.waitUntil(lambda: bool(caught))
    assert caught[0][0] is ZeroDivisionError


def test_a_result_for_somebody_who_is_gone_is_dropped(qtbot: QtBot) -> None:
    parent, go = QObject(), threading.Event()
    future = run_in_background(parent, go.wait, pytest.fail, pytest.fail)
    with qtbot.waitSignal(parent.destroyed):
        parent.deleteLater()
    go.set()
    assert future.result(5)


class _Forgotten(QObject):
    """Nobody but its own job knows it; `died` is told on which thread it went."""

    def __init__(self, died: list[int]) -> None:
        super().__init__()
        self._died = died
        self.future = run_in_background(self, self.work, self.take, pytest.fail)

    def work(self) -> str:
        time.sleep(0.002)
        return self.objectName()

    def take(self, _: str) -> None:
        pass

    def __del__(self) -> None:
        self._died.append(threading.get_ident())


def test_who_is_forgotten_meanwhile_dies_on_the_gui_thread(qtbot: QtBot) -> None:
    died: list[int] = []
    for _ in range(100):
        _Forgotten(died)
    gc.collect()
    qtbot.waitUntil(lambda: len(died) == 100)
    assert set(died) == {threading.get_ident()}


def test_the_user_is_told_of_the_first_unforeseen_error_only(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, _error, _trace: logged.append(kind))
    monkeypatch.setattr(threading, "excepthook", lambda failure: logged.append(failure.exc_type))
    hook, told = ErrorHook("caique.log"), list[str]()
    hook.happened.connect(told.append)
    hook.install()
    for error in (KeyError("a"), ValueError("b")):
        sys.excepthook(type(error), error, None)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    hook.remove()
    assert logged == [KeyError, ValueError, ZeroDivisionError]
    assert len(told) == 1
    assert "caique.log" in told[0]
