"""What `LiveSource` asks of a platform: an open device that hands out blocks, and how it says it is gone."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import Protocol

from engine.types import Samples

_QUEUED_BLOCKS = 1_000
"""Ten to twenty seconds of the blocks that devices deliver."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Frames as the device delivered them."""

    frames: Samples
    """float32 [N, channels] at the device's rate."""
    arrived: float
    """time.monotonic() when the device delivered them."""
    overflowed: bool = False
    """The device lost sound before these frames."""


class RecordingLost(Exception):
    """The device is gone; `str(error)` is a full sentence for the user."""


class DeviceReplaced(Exception):
    """Another device has become the one to record: open that one instead."""


class NothingComesThrough(Exception):
    """The device delivers only zeros, and why is known. It stays open; `str(error)` is a full sentence."""


class Recording(Protocol):
    """An open device. All methods but the constructor's are called on one thread."""

    @property
    def device(self) -> str:
        """The name the user knows it by."""
        ...

    @property
    def rate(self) -> int: ...

    def read(self, timeout: float) -> Block | None:
        """The next block, or None when `timeout` seconds passed without one.

        Raises RecordingLost, DeviceReplaced or NothingComesThrough.
        """
        ...

    def close(self) -> None:
        """Gives the device back; harmless when it is already gone."""
        ...


class BlockQueue:
    """Carries blocks from a device's callback to the thread that reads them; `put` never waits or raises."""

    def __init__(self, blocks: int = _QUEUED_BLOCKS) -> None:
        self._queue: queue.Queue[Block] = queue.Queue(maxsize=blocks)
        self._dropped = False

    def put(self, frames: Samples, *, overflowed: bool = False) -> None:
        """Takes over `frames`, which must be a copy. A full queue drops them and marks the next block."""
        try:
            self._queue.put_nowait(Block(frames, time.monotonic(), overflowed or self._dropped))
        except queue.Full:
            self._dropped = True
        else:
            self._dropped = False

    def get(self, timeout: float) -> Block | None:
        """The next block, or None after `timeout` seconds."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
