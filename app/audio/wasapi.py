"""What a Windows computer plays, through WASAPI loopback (`PyAudioWPatch`).

Written to the documentation of PyAudioWPatch and of Windows; it has not run on a real Windows machine yet.
WASAPI delivers no frames at all while nothing plays, so silence is filled in by the clock, and a device's
loss shows in the stream that ends rather than in frames that stop.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from app.audio.recording import Block, BlockQueue, DeviceReplaced, RecordingLost
from app.audio.watchdog import Watchdog
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind
from engine.types import Samples

_FILL_AFTER = 0.2
"""Seconds without frames after which they count as silence rather than as late."""
_POLL_DEFAULT = 0.5
_LOOPBACK_SUFFIX = " [Loopback]"
_WAVE_MAPPER = 0xFFFFFFFF
_DRVM_MAPPER_PREFERRED_GET = 0x2015


class SilenceFiller:
    """Accounts for the time of a stream that pauses instead of delivering zeros."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._until = clock()

    def heard(self, block: Block) -> Block:
        """The block, with the silence before it that has not been filled in yet."""
        began = block.arrived - len(block.frames) / self._rate
        missing = began - self._until
        self._until = block.arrived
        if missing < _FILL_AFTER:
            return block
        silence = np.zeros((int(missing * self._rate), block.frames.shape[1]), np.float32)
        return Block(np.concatenate((silence, block.frames)), block.arrived, block.overflowed)

    def silence(self, channels: int) -> Block | None:
        """The zeros due by now, or None while frames may merely be late."""
        now = self._clock()
        if now - self._until < _FILL_AFTER:
            return None
        frames = np.zeros((int((now - self._until) * self._rate), channels), np.float32)
        self._until = now
        return Block(frames, now)


class _WaveOutCaps(ctypes.Structure):
    """WAVEOUTCAPSW of mmeapi.h."""

    _fields_ = (
        ("manufacturer", ctypes.c_uint16),
        ("product", ctypes.c_uint16),
        ("driver_version", ctypes.c_uint32),
        ("name", ctypes.c_wchar * 32),
        ("formats", ctypes.c_uint32),
        ("channels", ctypes.c_uint16),
        ("reserved", ctypes.c_uint16),
        ("support", ctypes.c_uint32),
    )


def preferred_output() -> str:
    """The name, cut to 31 letters, of the default output now.

    PortAudio learns of a new default only when it starts anew, so the Windows multimedia interface is asked:
    waveOutMessage with DRVM_MAPPER_PREFERRED_GET, then waveOutGetDevCapsW.
    """
    device, flags, caps = ctypes.c_uint32(), ctypes.c_uint32(), _WaveOutCaps()
    winmm: Any = ctypes.windll.winmm  # type: ignore[attr-defined,unused-ignore]
    winmm.waveOutMessage(
        ctypes.c_void_p(_WAVE_MAPPER), _DRVM_MAPPER_PREFERRED_GET, ctypes.byref(device), ctypes.byref(flags)
    )
    winmm.waveOutGetDevCapsW(ctypes.c_void_p(device.value), ctypes.byref(caps), ctypes.sizeof(caps))
    return str(caps.name)


class WasapiRecording:
    """The loopback of one output; of the default one, whichever that is, when none is named."""

    def __init__(self, device: str | None = None, default_output: Callable[[], str] = preferred_output) -> None:
        """`device` is the name of an output. Raises SourceError."""
        module = _module()
        self._blocks = BlockQueue()
        self._failure: Exception | None = None
        self._done = (None, module.paContinue)
        self._overflow_flag = int(module.paInputOverflow)
        self._default_output = default_output if device is None else None
        self._opened_default = default_output() if device is None else ""
        self._poll = Watchdog(_POLL_DEFAULT)
        self._audio = module.PyAudio()
        try:
            info = _loopback(self._audio, device)
            self._device = _output_name(info)
            self._rate = int(info["defaultSampleRate"])
            self._channels = int(info["maxInputChannels"])
            self._stream = self._audio.open(
                format=module.paFloat32,
                channels=self._channels,
                rate=self._rate,
                input=True,
                input_device_index=info["index"],
                frames_per_buffer=self._rate // 50,
                stream_callback=self._on_frames,
            )
        except (OSError, LookupError) as error:
            self._audio.terminate()
            wanted = device or "the default output"
            raise SourceError(
                f"What {wanted} plays cannot be recorded ({error}): check that it is connected and switched on."
            ) from error
        self._filler = SilenceFiller(self._rate)

    @property
    def device(self) -> str:
        return self._device

    @property
    def rate(self) -> int:
        return self._rate

    def read(self, timeout: float) -> Block | None:
        if self._failure is not None:
            raise RecordingLost(f"{self._device} failed: {self._failure}.")
        if self._default_output is not None and self._poll.expired:
            self._poll.feed()
            if self._default_output() != self._opened_default:
                raise DeviceReplaced
        block = self._blocks.get(timeout)
        if block is not None:
            return self._filler.heard(block)
        if not self._stream.is_active():
            raise RecordingLost(f"Windows ended the recording of {self._device}: it is gone.")
        return self._filler.silence(self._channels)

    def close(self) -> None:
        try:
            self._stream.close()
        except OSError:
            pass  # the device is gone already, and its stream with it
        finally:
            self._audio.terminate()

    def _on_frames(self, data: bytes, _count: int, _time: object, status: int) -> tuple[None, int]:
        """Runs on PortAudio's thread, where an exception would end the stream without a word."""
        try:
            frames: Samples = np.frombuffer(data, np.float32).reshape(-1, self._channels)
            self._blocks.put(frames, overflowed=bool(status & self._overflow_flag))
        except Exception as error:  # noqa: BLE001
            self._failure = error
        return self._done


def list_outputs() -> list[DeviceInfo]:
    """Outputs whose sound can be recorded. Raises SourceError where the package is missing."""
    with _audio() as audio:
        try:
            default = _output_name(audio.get_default_wasapi_loopback())
        except (OSError, LookupError):
            default = ""
        names = [_output_name(info) for info in audio.get_loopback_device_info_generator()]
    return [DeviceInfo(name, name, SourceKind.SYSTEM, name == default) for name in names]


@contextmanager
def _audio() -> Iterator[Any]:
    audio = _module().PyAudio()
    try:
        yield audio
    finally:
        audio.terminate()


def _module() -> ModuleType:
    try:
        import pyaudiowpatch
    except ImportError as error:
        raise SourceError(
            "Captions of what this computer plays need the package PyAudioWPatch: "
            'run  pip install "caique[system-audio-windows]".'
        ) from error
    module: ModuleType = pyaudiowpatch
    return module


def _loopback(audio: Any, device: str | None) -> Any:
    if device is None:
        return audio.get_default_wasapi_loopback()
    for info in audio.get_loopback_device_info_generator():
        if _output_name(info) == device:
            return info
    raise LookupError(f"there is no output {device}")


def _output_name(info: Any) -> str:
    return str(info["name"]).removesuffix(_LOOPBACK_SUFFIX)
