"""What a screen reader is told of the list of words, asked over a real accessibility bus."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.ui.test_desktop import display as display

LAUNCHER = Path("/usr/libexec/at-spi-bus-launcher")
TOOLS = ("Xvfb", "openbox", "dbus-daemon", "busctl")
ACCESSIBLE = "org.a11y.atspi.Accessible"
PROGRAM = """
import sys
from pathlib import Path
from app import bootstrap
from app.core.word_verdict import verdicts
from app.ui.theme import CaptionStyle
from app.ui.words.window import WordsWindow
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces

application = bootstrap.make_application()
pieces = Pieces(["▁", *"abcdefghijklmnopqrstuvwxyz"])
judge = lambda words: verdicts(words, compile_boost(words.phrases, pieces).report)
window = WordsWindow(Path(sys.argv[1]), judge, CaptionStyle())
window.show()
application.exec()
"""

pytestmark = [
    pytest.mark.desktop,
    pytest.mark.skipif(
        not (all(map(shutil.which, TOOLS)) and LAUNCHER.exists()), reason=f"needs {', '.join(TOOLS)} and {LAUNCHER}"
    ),
]


class Bus:
    """The accessibility bus, read as a screen reader reads it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._address = ""

    def address(self) -> bool:
        found = self._ask("--user", "call", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
        self._address = found[0] if found else ""
        return bool(found)

    def parts(self, place: tuple[str, str] | None = None) -> Iterator[tuple[str, str]]:
        """(role, name) of everything below a place; below the root of all programs by default."""
        here = place or ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
        if place:
            yield self._call(here, "GetRoleName")[0], self._get(here, "Name")
        for child in self._call(here, "GetChildren")[0]:
            yield from self.parts(tuple(child))

    def _call(self, place: tuple[str, str], method: str) -> list:
        return self._ask(f"--address={self._address}", "call", *place, ACCESSIBLE, method) or ["", []]

    def _get(self, place: tuple[str, str], name: str) -> str:
        return self._ask(f"--address={self._address}", "get-property", *place, ACCESSIBLE, name) or ""

    def _ask(self, bus: str, *what: str) -> list | str | None:
        command = ["busctl", bus, "--json=short", *what]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None


@pytest.fixture
def start(display: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts programs on a screen and a session bus of their own, and ends them."""
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={tmp_path / 'bus'}"
    running: list[subprocess.Popen] = []

    def start(*command: str) -> subprocess.Popen:
        quiet = subprocess.DEVNULL
        running.append(
            subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2], stdout=quiet, stderr=quiet)
        )
        return running[-1]

    start.environment = environment  # type: ignore[attr-defined]
    start("dbus-daemon", "--session", "--nofork", f"--address={environment['DBUS_SESSION_BUS_ADDRESS']}")
    yield start
    for process in reversed(running):
        process.terminate()
        process.wait(10)


def test_a_screen_reader_is_told_every_word_and_what_became_of_it(
    qtbot: QtBot, start: Callable[..., subprocess.Popen], tmp_path: Path
) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Kubernetes\nZoom | off\nkat\nx | what\n")
    bus = Bus(start.environment)  # type: ignore[attr-defined]
    qtbot.waitUntil((tmp_path / "bus").exists, timeout=20_000)
    start(str(LAUNCHER), "--launch-immediately")
    qtbot.waitUntil(bus.address, timeout=20_000)
    start(sys.executable, "-c", PROGRAM, str(path))
    told: list[tuple[str, str]] = []

    def is_judged() -> bool:
        told[:] = bus.parts()
        return any(name.startswith("Very short. ") for _, name in told)

    qtbot.waitUntil(is_judged, timeout=60_000)
    assert {
        ("table", "Words to know"),
        ("column header", "Word or phrase"),
        ("row header", "2"),
        ("cell", "Zoom"),
        ("cell", "On"),
        ("cell", "Off"),
        ("cell", 'Works. "Kubernetes" is listened for in one spelling.'),
        ("text", "New word or phrase"),
        ("text", "Find"),
        ("push button", "Delete"),
    } <= {*told}
    assert all(name for role, name in told if role in ("push button", "text", "combo box", "table", "column header"))
    assert any(role == "cell" and name.startswith("Not understood. Line 4 says") for role, name in told)
