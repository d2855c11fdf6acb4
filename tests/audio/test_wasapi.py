"""Windows loopback with a stand-in for PyAudioWPatch that follows its documentation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from app.audio.recording import Block, DeviceReplaced, RecordingLost
from app.audio.wasapi import SilenceFiller, WasapiRecording, list_outputs
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind


class FakeStream:
    def __init__(self, **options: object) -> None:
        self.options = options
        self.active = True

    def is_active(self) -> bool:
        return self.active

    def close(self) -> None:
        if not self.active:
            raise OSError("Stream not open")
        self.active = False

    def deliver(self, frames: np.ndarray, status: int = 0) -> object:
        return self.options["stream_callback"](frames.astype(np.float32).tobytes(), len(frames), {}, status)


class FakePyAudioWPatch:
    """The module; `PyAudio()` returns it, too."""

    paContinue, paFloat32, paInputOverflow = 0, 1, 2  # noqa: N815, PortAudio's names

    def __init__(self) -> None:
        self.instances = 0
        self.streams: list[FakeStream] = []
        self.refusal: OSError | None = None
        self.outputs = ["Speakers", "Headset"]

    def PyAudio(self) -> FakePyAudioWPatch:  # noqa: N802, the library's name
        self.instances += 1
        return self

    def terminate(self) -> None:
        self.instances -= 1

    def get_loopback_device_info_generator(self) -> Iterator[dict[str, object]]:
        for index, name in enumerate(self.outputs, start=10):
            yield {
                "name": f"{name} [Loopback]",
                "index": index,
                "defaultSampleRate": 48_000.0,
                "maxInputChannels": 2,
            }

    def get_default_wasapi_loopback(self) -> dict[str, object]:
        for info in self.get_loopback_device_info_generator():
            return info
        raise LookupError("No analogue is found")

    def open(self, **options: object) -> FakeStream:
        if self.refusal:
            raise self.refusal
        self.streams.append(FakeStream(**options))
        return self.streams[-1]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePyAudioWPatch:
    module = FakePyAudioWPatch()
    monkeypatch.setitem(sys.modules, "pyaudiowpatch", module)
    return module


def default_is(name: str = "Speakers") -> object:
    return lambda: name


def test_outputs_are_listed_without_the_suffix(fake: FakePyAudioWPatch) -> None:
    assert list_outputs() == [
        DeviceInfo("Speakers", "Speakers", SourceKind.SYSTEM, is_default=True),
        DeviceInfo("Headset", "Headset", SourceKind.SYSTEM, is_default=False),
    ]
    assert fake.instances == 0


def test_the_default_output_is_opened_in_its_own_format(fake: FakePyAudioWPatch) -> None:
    recording = WasapiRecording(default_output=default_is())
    assert (recording.device, recording.rate) == ("Speakers", 48_000)
    options = fake.streams[0].options
    assert (options["input_device_index"], options["rate"], options["channels"]) == (10, 48_000, 2)
    assert options["format"] == fake.paFloat32
    recording.close()
    assert fake.instances == 0


def test_frames_come_through_with_their_overflow(fake: FakePyAudioWPatch) -> None:
    recording = WasapiRecording("Headset")
    assert recording.device == "Headset"
    assert fake.streams[0].deliver(np.full((960, 2), 0.25), status=2) == (None, fake.paContinue)
    block = recording.read(0)
    assert block is not None
    assert (block.frames == 0.25).all()
    assert block.frames.shape == (960, 2)
    assert block.overflowed
    recording.close()


def test_a_new_default_output_asks_to_be_opened(fake: FakePyAudioWPatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.audio.wasapi._POLL_DEFAULT", 0.0)
    default = ["Speakers"]
    recording = WasapiRecording(default_output=lambda: default[0])
    recording.read(0)
    default[0] = "Headset"
    with pytest.raises(DeviceReplaced):
        recording.read(0)
    recording.close()


def test_a_stream_that_ended_is_a_loss_and_can_still_be_closed(fake: FakePyAudioWPatch) -> None:
    recording = WasapiRecording(default_output=default_is())
    fake.streams[0].active = False
    with pytest.raises(RecordingLost, match="Speakers: it is gone"):
        recording.read(0)
    recording.close()
    assert fake.instances == 0


def test_an_error_in_the_callback_is_a_loss_and_no_silence(fake: FakePyAudioWPatch) -> None:
    recording = WasapiRecording(default_output=default_is())
    fake.streams[0].deliver(np.zeros(3))  # no whole frames
    with pytest.raises(RecordingLost, match="Speakers failed"):
        recording.read(0)
    recording.close()


def test_what_cannot_be_opened_is_one_sentence(fake: FakePyAudioWPatch) -> None:
    fake.refusal = OSError("Invalid device")
    with pytest.raises(SourceError, match=r"the default output plays cannot be recorded \(Invalid device\)"):
        WasapiRecording(default_output=default_is())
    fake.outputs = []
    with pytest.raises(SourceError, match="there is no output Headset"):
        WasapiRecording("Headset")
    assert list_outputs() == []
    assert fake.instances == 0


def test_the_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudiowpatch", None)
    with pytest.raises(SourceError, match=r"caique\[system-audio-windows\]"):
        list_outputs()


class TestSilence:
    """Nothing plays: no frames come, and the time passes all the same."""

    def setup_method(self) -> None:
        self.clock = SimpleNamespace(now=100.0)
        self.filler = SilenceFiller(1_000, clock=lambda: self.clock.now)

    def block(self, seconds: float) -> Block:
        return Block(np.ones((round(seconds * 1_000), 2), np.float32), self.clock.now)

    def test_is_filled_in_once_frames_are_not_merely_late(self) -> None:
        self.clock.now = 100.15
        assert self.filler.silence(2) is None
        self.clock.now = 100.25
        silence = self.filler.silence(2)
        assert silence is not None
        assert silence.frames.shape == (250, 2)
        assert not silence.frames.any()
        assert self.filler.silence(2) is None

    def test_adds_up_to_the_time_that_passed(self) -> None:
        total = 0
        for step in range(1, 500):
            self.clock.now = 100.0 + step * 0.1
            if silence := self.filler.silence(1):
                total += len(silence.frames)
        assert total == pytest.approx((self.clock.now - 100.0) * 1_000, abs=200)

    def test_before_a_late_block_is_put_in_front_of_it(self) -> None:
        self.clock.now = 101.0
        block = self.filler.heard(self.block(0.1))
        assert block.frames.shape == (1_000, 2)
        assert not block.frames[:899].any()
        assert block.frames[900:].all()

    def test_is_not_put_between_blocks_that_follow_each_other(self) -> None:
        for step in range(1, 20):
            self.clock.now = 100.0 + step * 0.1 + (0.05 if step % 2 else 0.0)
            assert len(self.filler.heard(self.block(0.1)).frames) == 100
