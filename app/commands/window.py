"""The caption window, and whether there is a display to open it on."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.core.errors import NoDisplay

_X_SOCKETS = Path("/tmp/.X11-unix")


def run(source: str | Path | None, folder: Path | None, decoder: str | None, latency: int | None) -> int:
    """Open the window and caption until it is closed. A path as source is a recording.

    Raises NoDisplay where no window can be opened.
    """
    if not has_display():
        raise NoDisplay("There is no display to open the window on; `caique live` captions in the terminal.")
    try:
        from app.bootstrap import run_window
    except ImportError as error:
        if not {"PySide6", "shiboken6"}.intersection(Path(error.path or "").parts):
            raise
        raise NoDisplay(
            f"The window needs a system library that is missing ({error}); `caique live` captions in the terminal."
        ) from error
    return run_window(source, folder, decoder, latency)


def has_display(environment: Mapping[str, str] = os.environ, x_sockets: Path = _X_SOCKETS) -> bool:
    """Whether a window can be opened. Qt ends the process when it cannot, so this is asked before Qt is."""
    if sys.platform != "linux" or environment.get("QT_QPA_PLATFORM"):
        return True
    if environment.get("WAYLAND_DISPLAY"):
        return True
    host, _, number = environment.get("DISPLAY", "").rpartition(":")
    if host not in ("", "unix"):
        return True  # another computer's display, as ssh forwards it: Qt will find out
    screen = number.partition(".")[0]
    return screen.isdecimal() and any(_answers(f"{prefix}{x_sockets}/X{screen}") for prefix in ("", "\0"))


def _answers(address: str) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        return True
    return False
