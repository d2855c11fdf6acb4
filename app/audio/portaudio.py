"""Microphones through PortAudio (`sounddevice`): Windows, macOS, and Linux without a sound server."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from app.audio.recording import Block, BlockQueue, RecordingLost
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind
from engine.types import Samples

_MAX_CHANNELS = 2
"""ALSA's virtual devices claim 32 channels; a microphone has one or two."""


class _PortAudio:
    """The library, and how many of our streams are open in it.

    PortAudio sees a device that was plugged in only after it is shut down and started again, which ends
    every open stream; so that is done when none is open. All calls into it are made one at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0

    @contextmanager
    def fresh(self) -> Iterator[ModuleType]:
        """The module with a device list as new as can be had. Raises SourceError where it is missing."""
        try:
            import sounddevice
        except (ImportError, OSError) as error:  # OSError: the package is there, the library is not
            raise SourceError(
                "The microphone cannot be opened because PortAudio is missing: "
                "install it (Debian and Ubuntu: sudo apt install libportaudio2)."
            ) from error
        with self._lock:
            if not self._open:
                sounddevice._terminate()
                sounddevice._initialize()
            yield sounddevice

    def opened(self) -> None:
        self._open += 1

    def close(self, stream: Any) -> None:
        with self._lock:
            self._open -= 1
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)


_portaudio = _PortAudio()


class MicrophoneRecording:
    """An open input of PortAudio. Its loss shows only in callbacks that stop coming."""

    def __init__(self, device: str | None = None) -> None:
        """`device` is the name of an input; None means the default. Raises SourceError."""
        self._blocks = BlockQueue()
        self._failure: Exception | None = None
        with _portaudio.fresh() as sounddevice:
            info = _find(sounddevice, device)
            self._device = str(info["name"])
            self._rate = int(info["default_samplerate"])
            try:
                self._stream = sounddevice.InputStream(
                    device=info["index"],
                    samplerate=self._rate,
                    channels=min(_MAX_CHANNELS, info["max_input_channels"]),
                    dtype="float32",
                    callback=self._on_frames,
                )
                self._stream.start()
            except sounddevice.PortAudioError as error:
                raise SourceError(
                    f"The microphone {self._device} cannot be opened ({_first_line(error)}): "
                    "check that it is connected and that no other program holds it."
                ) from error
            _portaudio.opened()

    @property
    def device(self) -> str:
        return self._device

    @property
    def rate(self) -> int:
        return self._rate

    def read(self, timeout: float) -> Block | None:
        if self._failure is not None:
            raise RecordingLost(f"{self._device} failed: {self._failure}.")
        return self._blocks.get(timeout)

    def close(self) -> None:
        _portaudio.close(self._stream)

    def _on_frames(self, frames: Samples, _count: int, _time: object, status: Any) -> None:
        """Runs on PortAudio's thread, where an exception would end the stream without a word."""
        try:
            self._blocks.put(frames.copy(), overflowed=bool(status.input_overflow))
        except Exception as error:  # noqa: BLE001
            self._failure = error


def list_microphones() -> list[DeviceInfo]:
    """Inputs by name. Raises SourceError where PortAudio is missing."""
    with _portaudio.fresh() as sounddevice:
        inputs, default = _inputs(sounddevice)
        return [
            DeviceInfo(info["name"], info["name"], SourceKind.MICROPHONE, info["index"] == default) for info in inputs
        ]


def _find(sounddevice: ModuleType, device: str | None) -> Any:
    inputs, default = _inputs(sounddevice)
    if device is not None:
        for info in inputs:
            if info["name"] == device:
                return info
        raise SourceError(f"The microphone {device} is not there: connect it or choose another.")
    for info in inputs:
        if info["index"] == default:
            return info
    raise SourceError("There is no microphone: connect one.")


def _inputs(sounddevice: ModuleType) -> tuple[list[Any], int]:
    """Inputs of one host API and the index of its default (-1: none): the others repeat the same devices."""
    apis = list(sounddevice.query_hostapis())
    if not apis:
        return [], -1
    preferred = [api for api in apis if api["name"] == "Windows WASAPI"] if sys.platform == "win32" else []
    api = preferred[0] if preferred else apis[max(0, sounddevice.default.hostapi)]
    devices = [sounddevice.query_devices(index) for index in api["devices"]]
    return [info for info in devices if info["max_input_channels"] > 0], api["default_input_device"]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
