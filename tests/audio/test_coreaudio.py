"""The Core Audio tap with a stand-in for catap that follows its documentation."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from app.audio import coreaudio
from app.audio.coreaudio import TapRecording
from app.audio.recording import NothingComesThrough, RecordingLost
from app.audio.watchdog import Watchdog
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind

FLOAT_STEREO = SimpleNamespace(
    sample_rate=48_000.0, num_channels=2, bits_per_sample=32, bytes_per_sample=4, is_float=True
)
INT_MONO = SimpleNamespace(sample_rate=48_000.0, num_channels=1, bits_per_sample=16, bytes_per_sample=2, is_float=False)


class FakeCatap(SimpleNamespace):
    """The module, and the one session it hands out."""

    def __init__(self) -> None:
        super().__init__(stream_format=FLOAT_STEREO, capture_failed=False, playing=True, closed=0, refusal=None)

    def record_system_audio(self, on_buffer: object) -> FakeCatap:
        self.on_buffer = on_buffer
        return self

    def start(self) -> None:
        if self.refusal:
            raise self.refusal

    def close(self) -> None:
        self.closed += 1

    def list_audio_processes(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(is_outputting=False), SimpleNamespace(is_outputting=self.playing)]

    def deliver(self, samples: np.ndarray, layout: SimpleNamespace = FLOAT_STEREO) -> None:
        self.on_buffer(SimpleNamespace(data=samples.tobytes(), format=layout))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCatap:
    module = FakeCatap()
    monkeypatch.setitem(sys.modules, "catap", module)
    return module


def test_there_is_one_output_the_mix(fake: FakeCatap) -> None:
    assert coreaudio.list_outputs() == [
        DeviceInfo("coreaudio-system", "Mac system sound", SourceKind.SYSTEM, is_default=True)
    ]


def test_float_and_integer_buffers_come_through(fake: FakeCatap) -> None:
    recording = TapRecording()
    assert recording.rate == 48_000
    fake.deliver(np.array([[0.25, -0.5]] * 480, np.float32))
    fake.deliver(np.array([16_384, -32_768], np.int16), INT_MONO)
    first, second = recording.read(0), recording.read(0)
    assert first is not None
    assert second is not None
    assert first.frames.shape == (480, 2)
    np.testing.assert_array_equal(first.frames[0], [0.25, -0.5])
    np.testing.assert_array_equal(second.frames[:, 0], [0.5, -1.0])
    recording.close()
    assert fake.closed == 1


class TestDeniedPermission:
    """macOS delivers zeros and no error."""

    ZEROS = np.zeros((480, 2), np.float32)

    def setup_method(self) -> None:
        self.now = 0.0

    def recording(self) -> TapRecording:
        return TapRecording(Watchdog(5.0, clock=lambda: self.now))

    def read_zeros(self, fake: FakeCatap, recording: TapRecording) -> None:
        fake.deliver(self.ZEROS)
        recording.read(0)

    def test_zeros_while_a_program_plays_are_told_once(self, fake: FakeCatap) -> None:
        recording = self.recording()
        self.now = 4.9
        self.read_zeros(fake, recording)
        self.now = 5.0
        with pytest.raises(NothingComesThrough, match=r"although sound plays: allow this program.*System Audio"):
            self.read_zeros(fake, recording)
        self.now = 60.0
        self.read_zeros(fake, recording)

    def test_zeros_while_nothing_plays_are_silence(self, fake: FakeCatap) -> None:
        recording = self.recording()
        fake.playing = False
        for self.now in np.arange(0.0, 60.0):
            self.read_zeros(fake, recording)

    def test_whoever_was_heard_once_has_the_permission(self, fake: FakeCatap) -> None:
        recording = self.recording()
        fake.deliver(self.ZEROS + 0.1)
        recording.read(0)
        for self.now in np.arange(0.0, 60.0):
            self.read_zeros(fake, recording)


def test_a_failed_capture_and_a_failed_callback_are_losses(fake: FakeCatap) -> None:
    recording = TapRecording()
    fake.capture_failed = True
    with pytest.raises(RecordingLost, match="macOS ended the recording"):
        recording.read(0)
    recording = TapRecording()
    fake.capture_failed = False
    fake.deliver(np.zeros(3, np.float32))  # no whole frames
    with pytest.raises(RecordingLost, match="Mac system sound failed"):
        recording.read(0)


def test_a_tap_that_cannot_be_made_says_what_to_allow(fake: FakeCatap) -> None:
    fake.refusal = OSError("tap refused")
    with pytest.raises(SourceError, match=r"cannot be recorded \(tap refused\): allow this program"):
        TapRecording()


def test_the_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catap", None)
    with pytest.raises(SourceError, match=r"macOS 14\.2 or later and the package catap"):
        coreaudio.list_outputs()
