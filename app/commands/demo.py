"""`caique demo`: the bundled recording in real time, in the window or in the terminal."""

from __future__ import annotations

from pathlib import Path

from app.audio.sound_file import FileSource
from app.commands import live, window
from app.core import models
from app.core.catalogue import demo_recording


def run(folder: Path | None, decoder: str | None, latency: int | None, *, terminal: bool) -> int:
    """Caption the recording until it ends, or in the window until that is closed."""
    with demo_recording() as recording:
        if terminal or not window.has_display():
            return live.caption([FileSource(recording)], models.load(folder, decoder, latency).stream)
        return window.run(recording, folder, decoder, latency)
