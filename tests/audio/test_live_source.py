"""A live source survives its device: what it tells, and when, with devices that follow a script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from app.audio.live_source import LiveSource
from app.audio.recording import (
    Block,
    BlockQueue,
    DeviceReplaced,
    NothingComesThrough,
    RecordingLost,
)
from app.audio.watchdog import Watchdog
from app.core.errors import SourceError
from app.core.ports import AudioChunk, Lost, Opened, SourceKind
from tests.helpers.sound import Receiver, check_chunks

LOUD = np.full((1_600, 1), 0.5, np.float32)
QUIET = np.zeros((1_600, 1), np.float32)


class ScriptedDevice:
    """Delivers arrays, raises exceptions, and after the script delivers nothing any more."""

    rate = 16_000

    def __init__(self, device: str, script: Iterable[np.ndarray | Exception]) -> None:
        self.device = device
        self.closed = False
        self._script = iter(script)

    def read(self, timeout: float) -> Block | None:
        step = next(self._script, None)
        if isinstance(step, Exception):
            raise step
        if step is None:
            threading.Event().wait(min(timeout, 0.01))
            return None
        return Block(step, time.monotonic())

    def close(self) -> None:
        self.closed = True


def opener(*devices: ScriptedDevice | SourceError) -> Callable[[], ScriptedDevice]:
    queue = list(devices)

    def open_next() -> ScriptedDevice:
        device = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(device, SourceError):
            raise device
        return device

    return open_next


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def live(*devices: ScriptedDevice | SourceError) -> LiveSource:
    return LiveSource(SourceKind.MICROPHONE, "Microphone", opener(*devices), no_block_limit=0.05)


def test_sound_is_announced_and_delivered(receiver: Receiver) -> None:
    device = ScriptedDevice("Desk", [LOUD] * 8)
    source = live(device)
    source.start(receiver)
    receiver.wait_for_sound(0.7)
    source.stop()
    assert receiver.events[0] == Opened("Desk")
    assert source.name == "Desk"
    check_chunks(receiver.of(AudioChunk))
    assert device.closed


def test_stopping_delivers_what_is_in_hand_and_nothing_after(receiver: Receiver) -> None:
    source = live(ScriptedDevice("Desk", [LOUD]))
    source.start(receiver)
    receiver.wait_for_event(AudioChunk)
    source.stop()
    source.stop()
    assert len(receiver.sound()) == 1_600
    count = len(receiver.events)
    assert not [t for t in threading.enumerate() if t.name.startswith("sound from")]
    assert len(receiver.events) == count


def test_a_device_that_falls_silent_is_lost_and_found_again(receiver: Receiver) -> None:
    first = ScriptedDevice("Desk", [LOUD])
    source = live(first, SourceError("gone"), ScriptedDevice("Desk", [LOUD]))
    source.start(receiver)
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert receiver.told() == [Opened("Desk"), Lost("Desk", "Desk stopped delivering sound."), Opened("Desk")]
    assert first.closed
    lost_at = receiver.events.index(receiver.of(Lost)[0])
    before = [event for event in receiver.events[:lost_at] if isinstance(event, AudioChunk)]
    assert sum(len(chunk.samples) for chunk in before) == 1_600


def test_each_loss_is_told_once(receiver: Receiver) -> None:
    source = live(
        ScriptedDevice("Desk", [LOUD, RecordingLost("Unplugged.")]),
        SourceError("No microphone."),
        ScriptedDevice("Mute", [RecordingLost("Unplugged again.")]),
        ScriptedDevice("Lap", [LOUD]),
    )
    source.start(receiver)
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert receiver.told() == [Opened("Desk"), Lost("Desk", "Unplugged."), Opened("Lap")]


def test_a_new_default_device_takes_over_without_an_alarm(receiver: Receiver) -> None:
    source = live(ScriptedDevice("Desk", [LOUD, DeviceReplaced()]), ScriptedDevice("Headset", [LOUD]))
    source.start(receiver)
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert receiver.told() == [Opened("Desk"), Opened("Headset")]


def test_withheld_sound_is_told_and_its_return_too(receiver: Receiver) -> None:
    script = [QUIET, NothingComesThrough("Allow recording."), QUIET, LOUD]
    source = live(ScriptedDevice("Mac", script))
    source.start(receiver)
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert receiver.told()[:3] == [Opened("Mac"), Lost("Mac", "Allow recording."), Opened("Mac")]


def test_a_device_that_cannot_be_opened_says_so_at_once(receiver: Receiver) -> None:
    source = live(SourceError("There is no microphone."))
    with pytest.raises(SourceError, match="no microphone"):
        source.start(receiver)
    source.stop()
    assert receiver.events == []


def test_stop_does_not_wait_for_a_device_to_come_back(receiver: Receiver) -> None:
    source = live(ScriptedDevice("Desk", [LOUD, RecordingLost("Unplugged.")]), SourceError("gone"))
    source.start(receiver)
    receiver.wait_for_event(Lost)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 0.5


class PacedDevice:
    """Hands out what a real device would have heard by now, in packets of 4 ms: all at once, or one by one."""

    rate = 16_000
    device = "Desk"

    def __init__(self, level: float, *, singly: bool = False) -> None:
        self.looks: list[float] = []
        """When sound was handed out, in seconds from the beginning."""
        self.taken = 0
        """Packets."""
        self._level = level
        self._singly = singly
        self._began = time.monotonic()

    def read(self, timeout: float) -> Block | None:
        deadline = time.monotonic() + timeout
        while (ready := int((time.monotonic() - self._began) / 0.004) - self.taken) <= 0:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.001)
        count = 1 if self._singly else ready
        self.taken += count
        self.looks.append(time.monotonic() - self._began)
        arrived = self._began + self.taken * 0.004
        return Block(np.full((count * 64, 1), self._level, np.float32), arrived)

    def close(self) -> None: ...


def test_a_chunk_takes_two_looks_at_the_device(receiver: Receiver) -> None:
    device = PacedDevice(0.1)
    source = live(device)
    source.start(receiver)
    receiver.wait_for_sound(1.2)
    source.stop()
    later = sum(look > 0.1 for look in device.looks)  # once the first chunk has been cut
    assert later <= 2 * len(receiver.of(AudioChunk)) + 2


@pytest.mark.parametrize("singly", [False, True])
def test_after_a_second_of_silence_three_chunks_gather(receiver: Receiver, singly: bool) -> None:
    device = PacedDevice(0.0, singly=singly)
    source = live(device)
    source.start(receiver)
    receiver.wait_for_sound(2.2)
    source.stop()
    rests = np.diff([look for look in device.looks if look > 1.2])
    assert np.median(rests[rests > 0.04]) > 0.2
    assert len(receiver.sound()) == device.taken * 64


def test_a_source_that_is_waited_for_is_read_at_once_in_silence_too(receiver: Receiver) -> None:
    device = PacedDevice(0.0)
    source = live(device)
    source.start(receiver)
    receiver.wait_for_sound(1.6)
    for _ in range(8):
        time.sleep(0.1)
        source.hurry()
    source.stop()
    rests = np.diff([look for look in device.looks if look > 1.7])
    assert np.median(rests[rests > 0.04]) < 0.15


def test_the_watchdog_expires_after_its_limit_and_not_while_fed() -> None:
    now = [10.0]
    watchdog = Watchdog(1.0, clock=lambda: now[0])
    now[0] = 10.9
    assert not watchdog.expired
    watchdog.feed()
    now[0] = 11.8
    assert not watchdog.expired
    now[0] = 11.9
    assert watchdog.expired


def test_a_full_queue_drops_and_marks_the_next_block() -> None:
    blocks = BlockQueue(blocks=1)
    blocks.put(LOUD)
    blocks.put(LOUD)
    first = blocks.get(0)
    blocks.put(QUIET)
    second = blocks.get(0)
    assert first is not None
    assert second is not None
    assert (first.overflowed, second.overflowed) == (False, True)
    assert blocks.get(0) is None
