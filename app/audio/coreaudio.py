"""What a Mac plays, through a Core Audio process tap (`catap`, macOS 14.2 or later).

Written to catap's documentation; it has not run on a real Mac yet. The tap records the mix of all programs
before any output device, so a change of device does not concern it. Without the permission "System Audio
Recording" macOS delivers zeros and no error: zeros while a program plays are reported as that.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from app.audio.recording import Block, BlockQueue, NothingComesThrough, RecordingLost
from app.audio.watchdog import Watchdog
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind
from engine.types import Samples

DEVICE = "Mac system sound"
DEVICE_ID = "coreaudio-system"
_ZEROS_LIMIT = 5.0
"""Seconds of nothing but zeros, while a program plays, after which the permission is doubted."""


class TapRecording:
    """The mix of all programs that play."""

    def __init__(self, watchdog: Watchdog | None = None) -> None:
        """Raises SourceError when catap is missing or the tap cannot be made."""
        self._catap = _module()
        self._blocks = BlockQueue()
        self._failure: Exception | None = None
        self._zeros = watchdog or Watchdog(_ZEROS_LIMIT)
        self._ever_heard = False
        self._told = False
        self._session = self._catap.record_system_audio(on_buffer=self._on_buffer)
        try:
            self._session.start()
        except OSError as error:
            raise SourceError(f"What this Mac plays cannot be recorded ({error}): {_permission_advice()}") from error
        self._rate = int(self._session.stream_format.sample_rate)

    @property
    def device(self) -> str:
        return DEVICE

    @property
    def rate(self) -> int:
        return self._rate

    def read(self, timeout: float) -> Block | None:
        if self._failure is not None:
            raise RecordingLost(f"{DEVICE} failed: {self._failure}.")
        if self._session.capture_failed:
            raise RecordingLost("macOS ended the recording of what this Mac plays.")
        block = self._blocks.get(timeout)
        if block is not None:
            self._doubt_permission(block)
        return block

    def close(self) -> None:
        try:
            self._session.close()
        except (OSError, RuntimeError):
            self._session.close()  # catap keeps what it could not release, for one more attempt

    def _doubt_permission(self, block: Block) -> None:
        """Raises NothingComesThrough, once, when macOS seems to withhold the sound."""
        if self._ever_heard or self._told:
            return
        if block.frames.any():
            self._ever_heard = True
        elif self._zeros.expired:
            self._zeros.feed()
            if any(process.is_outputting for process in self._catap.list_audio_processes()):
                self._told = True
                raise NothingComesThrough(f"macOS delivers only silence although sound plays: {_permission_advice()}")

    def _on_buffer(self, buffer: Any) -> None:
        """Runs on catap's worker thread; an exception here would end the capture."""
        try:
            self._blocks.put(_frames(buffer))
        except Exception as error:  # noqa: BLE001
            self._failure = error


def list_outputs() -> list[DeviceInfo]:
    """The one mix there is to record. Raises SourceError where catap is missing."""
    _module()
    return [DeviceInfo(DEVICE_ID, DEVICE, SourceKind.SYSTEM, is_default=True)]


def _frames(buffer: Any) -> Samples:
    """float32 [N, channels] of catap's packed, interleaved buffer."""
    layout = buffer.format
    if layout.is_float:
        raw = np.frombuffer(buffer.data, np.dtype(f"<f{layout.bytes_per_sample}")).astype(np.float32)
    else:
        raw = np.frombuffer(buffer.data, np.dtype(f"<i{layout.bytes_per_sample}")).astype(np.float32)
        raw /= float(2 ** (layout.bits_per_sample - 1))
    return raw.reshape(-1, layout.num_channels)


def _module() -> ModuleType:
    try:
        import catap
    except ImportError as error:
        raise SourceError(
            "Captions of what this Mac plays need macOS 14.2 or later and the package catap: "
            'run  pip install "caique[system-audio-macos]".'
        ) from error
    module: ModuleType = catap
    return module


def _permission_advice() -> str:
    return (
        "allow this program under System Settings, Privacy & Security, Screen & System Audio Recording, "
        "then start it again."
    )
