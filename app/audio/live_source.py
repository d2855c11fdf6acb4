"""A source of live sound: one thread that reads a device, survives its loss, and delivers chunks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from app.audio.chunks import ChunkCutter
from app.audio.recording import (
    Block,
    DeviceReplaced,
    NothingComesThrough,
    Recording,
    RecordingLost,
)
from app.audio.room import Room
from app.audio.watchdog import NO_BLOCK_LIMIT, Watchdog
from app.core.errors import SourceError
from app.core.ports import CHUNK_SAMPLES, Lost, Opened, SourceEvent, SourceKind
from engine.types import SAMPLE_RATE

_READ_TIMEOUT = 0.1
"""How late, in seconds, a silent device notices `stop`."""
_RETRY_AFTER = 0.5
_FIRST_BLOCK_LIMIT = 5.0
"""Seconds a device may take to wake up; Bluetooth needs some, and so does an idle virtual output."""

_CHUNK = CHUNK_SAMPLES / SAMPLE_RATE
_LONG_QUIET = 12
"""Chunks in a row, a second, that are no louder than the room, after which nobody is about to be answered, ..."""
_LONG_REST = 2 * _CHUNK
"""... and so many seconds more gather before they are read: one wake-up takes three chunks. Nothing is lost, and what
follows the first loud sound is read as it is heard; our models look at a word half a second after it has begun."""


class LiveSource:
    """A `Source` over whatever `open_recording` opens: again and again, until `stop`.

    `Opened` is told with the first sound of a device, so it never announces one that stays mute.
    Before `Lost` and on `stop` the sound in hand is delivered as a last, shorter chunk.
    """

    def __init__(
        self,
        kind: SourceKind,
        name: str,
        open_recording: Callable[[], Recording],
        *,
        no_block_limit: float = NO_BLOCK_LIMIT,
    ) -> None:
        self._kind = kind
        self._name = name
        self._open = open_recording
        self._no_block_limit = no_block_limit
        self._stopping = threading.Event()
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None
        self._cutter = ChunkCutter()
        self._room = Room()
        self._quiet = 0
        """Chunks in a row that were no louder than the room."""
        self._told: Opened | Lost | None = None

    @property
    def kind(self) -> SourceKind:
        return self._kind

    @property
    def name(self) -> str:
        return self._name

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        """Raises SourceError when the device cannot be opened now."""
        recording = self._open()
        self._name = recording.device
        self._thread = threading.Thread(
            target=self._run, args=(recording, deliver), name=f"sound from {self._kind}", daemon=True
        )
        self._thread.start()

    def hurry(self) -> None:
        """Somebody waits for what the device has heard by now: do not let it gather. May be called on any thread."""
        self._hurried.set()

    def stop(self) -> None:
        self._stopping.set()
        self._hurried.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, first: Recording, deliver: Callable[[SourceEvent], None]) -> None:
        recording: Recording | None = first
        while recording is not None:
            loss: str | None = None
            try:
                self._listen(recording, deliver)
            except RecordingLost as error:
                loss = str(error)
            except DeviceReplaced:
                pass
            finally:
                recording.close()
            for chunk in self._cutter.flush():
                deliver(chunk)
            if loss is not None and not self._stopping.is_set():
                self._tell_lost(recording.device, loss, deliver)
            recording = self._reopen(recording.device, deliver)

    def _listen(self, recording: Recording, deliver: Callable[[SourceEvent], None]) -> None:
        """Delivers what the device hears; returns when stopped, raises what `Recording.read` raises."""
        watchdog = Watchdog(_FIRST_BLOCK_LIMIT)
        heard = announced = muted = False
        while True:
            stopping = self._stopping.is_set()
            try:
                block = recording.read(0.0 if stopping else _READ_TIMEOUT)
            except NothingComesThrough as error:
                muted = True
                self._tell_lost(recording.device, str(error), deliver)
                continue
            if block is None:
                if stopping:
                    return
                if watchdog.expired:
                    raise RecordingLost(f"{recording.device} stopped delivering sound.")
                continue
            if not heard:
                heard, watchdog = True, Watchdog(self._no_block_limit)
            watchdog.feed()
            if muted and block.frames.any():
                muted = announced = False
            if not announced and not muted:
                self._tell_opened(recording.device, deliver)
                announced = True
            if self._deliver_block(block, recording.rate, deliver):
                self._rest(block.arrived)

    def _rest(self, arrived: float) -> None:
        """Let the sound of a chunk gather in the device's buffer: waking up for each piece costs more than reading.

        Not while there is more in it that came since `arrived`, where devices hand out one block at a time.
        """
        passed = time.monotonic() - arrived
        if passed < _CHUNK / 2:
            rest = max(self._cutter.missing - passed, 0.0)
            if self._quiet < _LONG_QUIET:
                self._stopping.wait(rest)
                return
            self._hurried.clear()
            if not self._stopping.is_set():
                self._hurried.wait(rest + _LONG_REST)

    def _deliver_block(self, block: Block, rate: int, deliver: Callable[[SourceEvent], None]) -> bool:
        """True where it completed a chunk."""
        completed = False
        for chunk in self._cutter.push(block.frames, rate, block.arrived, overflowed=block.overflowed):
            self._quiet = self._quiet + 1 if self._room.hear(chunk.level) else 0
            completed = True
            deliver(chunk)
        return completed

    def _reopen(self, device: str, deliver: Callable[[SourceEvent], None]) -> Recording | None:
        """Tries until a device opens; None when stopped meanwhile."""
        while not self._stopping.is_set():
            try:
                return self._open()
            except SourceError as error:
                self._tell_lost(device, str(error), deliver)
            self._stopping.wait(_RETRY_AFTER)
        return None

    def _tell_opened(self, device: str, deliver: Callable[[SourceEvent], None]) -> None:
        self._name = device
        self._told = Opened(device)
        deliver(self._told)

    def _tell_lost(self, device: str, reason: str, deliver: Callable[[SourceEvent], None]) -> None:
        """Once for each loss, however many attempts to come back fail."""
        if not isinstance(self._told, Lost):
            self._told = Lost(device, reason)
            deliver(self._told)
