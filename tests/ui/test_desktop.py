"""On a real desktop (Xvfb and a window manager): above others, in the task bar, and on good terms with its keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.helpers.screen import screen

TOOLS = ("Xvfb", "openbox", "xprop", "xdotool")
PROGRAM = """
import sys
from pathlib import Path
from types import SimpleNamespace
from PySide6.QtCore import QTimer
from app import bootstrap
from app.core import models
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from tests.helpers.scripted import ScriptedTrack

stream = lambda _: Stream(ScriptedTrack([]), EndpointRules())
models.load = lambda *_: SimpleNamespace(info=SimpleNamespace(name="Scripted", latencies=(), latency=0), stream=stream)
application = bootstrap.make_application()
program = bootstrap.Program("mic")
program.window.show()
print(int(program.window.winId()), flush=True)
application.exec()
program.end()
"""

pytestmark = [
    pytest.mark.desktop,
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}"),
]


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of its own with a window manager."""
    with screen() as name:
        manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, stderr=subprocess.DEVNULL)
        yield name
        manager.terminate()
        manager.wait(10)


@pytest.fixture
def window(display: str) -> Iterator[tuple[str, str]]:
    """The program's window on it: (display, window id)."""
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=root, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        yield display, program.stdout.readline().strip()
        program.terminate()
        assert program.wait(20) == 0, "the request to end closes the window and the program"


def properties(window: tuple[str, str]) -> str:
    display, number = window
    command = ["xprop", "-display", display, "-id", number, "_NET_WM_STATE", "_NET_WM_WINDOW_TYPE", "WM_NAME"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_window_is_above_others_and_can_be_found_again(qtbot: QtBot, window: tuple[str, str]) -> None:
    qtbot.waitUntil(lambda: "_NET_WM_STATE_ABOVE" in properties(window), timeout=10_000)
    found = properties(window)
    assert "SKIP_TASKBAR" not in found
    assert "_NET_WM_WINDOW_TYPE_NORMAL" in found
    assert "Caique" in found


def hand(display: str, *what: str) -> str:
    """A real pointer and a real keyboard."""
    command = ["xdotool", *what]
    return subprocess.run(
        command, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, check=False
    ).stdout


def test_a_click_leaves_the_keyboard_to_the_window(qtbot: QtBot, window: tuple[str, str]) -> None:
    """The window manager must not be told to move a window whose button is up already: it would grab all keys."""
    display, number = window
    qtbot.waitUntil(lambda: hand(display, "getactivewindow").strip() == number, timeout=10_000)

    def seen() -> int:
        """Windows of the program: menus count too."""
        return len(hand(display, "search", "--onlyvisible", "--class", "caique").split())

    place = ("mousemove", "--window", number)
    hand(display, *place, "200", "40", "click", "3")
    qtbot.waitUntil(lambda: seen() == 2, timeout=5_000)
    hand(display, *place, "100", "40", "click", "1")  # closes the menu
    qtbot.waitUntil(lambda: seen() == 1, timeout=5_000)
    hand(display, *place, "100", "40", "click", "1")
    hand(display, "key", "ctrl+f")
    qtbot.waitUntil(lambda: seen() == 2, timeout=5_000)
