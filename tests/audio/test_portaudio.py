"""Microphones through PortAudio: with a stand-in for sounddevice, and with the real one on a private server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app.audio import portaudio
from app.audio.live_source import LiveSource
from app.audio.portaudio import MicrophoneRecording, list_microphones
from app.audio.recording import RecordingLost
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, Lost, Opened, SourceKind
from tests.helpers.sound import Receiver
from tests.helpers.sound_server import SoundServer, wait_until


class FakeStream:
    def __init__(self, **options: object) -> None:
        self.options = options
        self.closed = False

    def start(self) -> None:
        pass

    def abort(self, ignore_errors: bool) -> None:
        pass

    def close(self, ignore_errors: bool) -> None:
        self.closed = True

    def deliver(self, frames: np.ndarray, overflow: bool = False) -> None:
        """As PortAudio calls back: the buffer is overwritten afterwards."""
        self.options["callback"](frames, len(frames), None, SimpleNamespace(input_overflow=overflow))
        frames[:] = 9.0


class FakeSounddevice(SimpleNamespace):
    """Two host APIs that show the same microphones, as on Windows."""

    class PortAudioError(Exception):
        pass

    def __init__(self, microphones: tuple[str, ...] = ("Desk", "Headset")) -> None:
        self.restarts = 0
        self.streams: list[FakeStream] = []
        self.refusal = ""
        self.microphones = microphones
        self.default = SimpleNamespace(hostapi=0)

    def _terminate(self) -> None:
        self.restarts += 1

    def _initialize(self) -> None:
        pass

    def query_hostapis(self) -> tuple[dict[str, object], ...]:
        count = len(self.microphones)
        default = count if count else -1
        return (
            {"name": "MME", "devices": [0, *range(1, count + 1)], "default_input_device": default},
            {"name": "DirectSound", "devices": list(range(1, count + 1)), "default_input_device": 1},
        )

    def query_devices(self, index: int) -> dict[str, object]:
        if index == 0:
            return {"name": "Speakers", "index": 0, "max_input_channels": 0, "default_samplerate": 48_000.0}
        name = self.microphones[index - 1]
        return {"name": name, "index": index, "max_input_channels": 32, "default_samplerate": 44_100.0}

    def InputStream(self, **options: object) -> FakeStream:  # noqa: N802, sounddevice's name
        if self.refusal:
            raise self.PortAudioError(self.refusal)
        self.streams.append(FakeStream(**options))
        return self.streams[-1]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSounddevice:
    module = FakeSounddevice()
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


@pytest.fixture
def recording(fake: FakeSounddevice) -> Iterator[MicrophoneRecording]:
    opened = MicrophoneRecording()
    yield opened
    opened.close()


def test_each_microphone_is_listed_once(fake: FakeSounddevice) -> None:
    assert list_microphones() == [
        DeviceInfo("Desk", "Desk", SourceKind.MICROPHONE, is_default=False),
        DeviceInfo("Headset", "Headset", SourceKind.MICROPHONE, is_default=True),
    ]


def test_the_default_microphone_is_opened_at_its_own_rate(
    fake: FakeSounddevice, recording: MicrophoneRecording
) -> None:
    assert recording.device == "Headset"
    assert recording.rate == 44_100
    options = fake.streams[0].options
    assert (options["device"], options["samplerate"], options["channels"]) == (2, 44_100, 2)


def test_a_microphone_is_found_by_name(fake: FakeSounddevice) -> None:
    recording = MicrophoneRecording("Desk")
    recording.close()
    assert recording.device == "Desk"
    with pytest.raises(SourceError, match="The microphone Attic is not there"):
        MicrophoneRecording("Attic")


def test_the_callback_copies_and_passes_on_overflows(fake: FakeSounddevice, recording: MicrophoneRecording) -> None:
    fake.streams[0].deliver(np.full((441, 2), 0.25, np.float32))
    fake.streams[0].deliver(np.full((441, 2), 0.5, np.float32), overflow=True)
    first, second = recording.read(0), recording.read(0)
    assert first is not None
    assert second is not None
    assert (first.frames == 0.25).all()
    assert (second.frames == 0.5).all()
    assert (first.overflowed, second.overflowed) == (False, True)
    assert recording.read(0) is None


def test_an_error_in_the_callback_is_a_loss_and_no_silence(
    fake: FakeSounddevice, recording: MicrophoneRecording
) -> None:
    fake.streams[0].options["callback"](None, 0, None, SimpleNamespace(input_overflow=False))
    with pytest.raises(RecordingLost, match="Headset failed"):
        recording.read(0)


def test_portaudio_is_restarted_only_while_no_stream_is_open(fake: FakeSounddevice) -> None:
    first = MicrophoneRecording()
    second = MicrophoneRecording("Desk")
    assert fake.restarts == 1
    first.close()
    list_microphones()
    assert fake.restarts == 1
    second.close()
    fake.microphones = ("Desk", "Headset", "New")
    assert [device.name for device in list_microphones()] == ["Desk", "Headset", "New"]
    assert fake.restarts == 2


def test_a_microphone_whose_callbacks_stop_is_reopened(fake: FakeSounddevice) -> None:
    receiver = Receiver()
    source = LiveSource(SourceKind.MICROPHONE, "Microphone", MicrophoneRecording, no_block_limit=0.05)
    source.start(receiver)
    fake.streams[0].deliver(np.zeros((441, 2), np.float32))
    receiver.wait_for_event(Lost)
    wait_until(lambda: len(fake.streams) == 2, "a second stream is opened")
    fake.streams[1].deliver(np.zeros((441, 2), np.float32))
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert fake.streams[0].closed
    assert fake.restarts == 2


def test_no_microphone_and_one_in_use_are_told_apart(fake: FakeSounddevice) -> None:
    fake.refusal = "Device unavailable [PaErrorCode -9985]"
    with pytest.raises(SourceError, match=r"Headset cannot be opened \(Device unavailable"):
        MicrophoneRecording()
    fake.microphones = ()
    with pytest.raises(SourceError, match="There is no microphone"):
        MicrophoneRecording()
    assert list_microphones() == []


def test_missing_portaudio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceError, match=r"PortAudio is missing: install it .*libportaudio2"):
        MicrophoneRecording()


@pytest.mark.sound_server
def test_the_real_portaudio_hears_and_notices_the_loss(sound_server: SoundServer, tmp_path: Path) -> None:
    """ALSA reaches the private server, where its plug-in is installed (libasound2-plugins)."""
    pytest.importorskip("sounddevice", exc_type=OSError)
    if not list_microphones():
        pytest.skip("PortAudio sees no input: sudo apt install libasound2-plugins")
    receiver = Receiver()
    source = LiveSource(SourceKind.MICROPHONE, "Microphone", MicrophoneRecording)
    source.start(receiver)
    receiver.wait_for_event(Opened)
    receiver.wait_for_sound(0.5)
    killed = time.monotonic()
    sound_server.kill()
    lost = receiver.wait_for_event(Lost)
    assert 0.9 < receiver.time_of(lost) - killed < 2.5
    sound_server.start()
    receiver.wait_for_event(Opened, 2)
    source.stop()
    assert portaudio._portaudio._open == 0
