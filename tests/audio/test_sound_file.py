"""Files: every usual format in, whole and in time; anything else is one sentence that names the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio.sound_file import FileSource, duration, read_chunks
from app.core.errors import SourceError
from app.core.ports import AudioChunk, Broken, Ended, Opened
from tests.helpers.sound import Receiver, check_chunks

SECONDS = 1.3
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def tone(rate: int, channels: int = 1, seconds: float = SECONDS) -> np.ndarray:
    """440 Hz at half of full scale, the same on every channel."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def read(path: Path) -> np.ndarray:
    chunks = list(read_chunks(path))
    check_chunks(chunks)
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize(
    ("name", "subtype", "rate", "channels", "tolerance"),
    [
        ("8-bit.wav", "PCM_U8", 16_000, 1, 0.01),
        ("16-bit.wav", "PCM_16", 8_000, 1, 0.001),
        ("24-bit.wav", "PCM_24", 44_100, 2, 0.001),
        ("32-bit.wav", "PCM_32", 22_050, 2, 0.001),
        ("float.wav", "FLOAT", 48_000, 2, 0.001),
        ("double.wav", "DOUBLE", 16_000, 1, 0.001),
        ("96kHz.wav", "PCM_24", 96_000, 1, 0.001),
        ("surround.wav", "PCM_16", 48_000, 6, 0.001),
        ("telephone.wav", "ULAW", 8_000, 1, 0.03),
        ("speech.flac", "PCM_16", 44_100, 2, 0.001),
        ("speech.ogg", "VORBIS", 44_100, 1, 0.05),
        ("speech.mp3", "MPEG_LAYER_III", 44_100, 2, 0.05),
    ],
)
def test_formats_are_read_whole(
    tmp_path: Path, name: str, subtype: str, rate: int, channels: int, tolerance: float
) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(rate, channels), rate, subtype=subtype)

    heard = read(path)

    expected = tone(16_000)[:, 0]
    padding = 2_000 if name.endswith("mp3") else 2  # an encoder's own padding
    assert len(expected) - 2 <= len(heard) <= len(expected) + padding
    assert duration(path) == pytest.approx(len(heard) / 16_000, abs=0.001)
    inner = slice(2_400, 16_000)
    if name.endswith("mp3"):  # shifted by that padding: compare the strength of the tone
        spectrum = np.abs(np.fft.rfft(heard[2_400:18_400])) / 8_000
        assert spectrum[440] == pytest.approx(0.5, abs=tolerance)
    else:
        np.testing.assert_allclose(heard[inner], expected[inner], atol=tolerance)


@needs_ffmpeg
def test_other_formats_are_read_through_ffmpeg(tmp_path: Path) -> None:
    plain, video = tmp_path / "plain.wav", tmp_path / "- talk: one.mkv"
    soundfile.write(plain, tone(48_000, 2), 48_000)
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=32x32:rate=5:duration=1.3"),
            *("-i", plain, "-c:a", "pcm_s16le", f"file:{video}"),
        ],
        check=True,
    )
    heard = read(video)
    assert duration(video) == pytest.approx(SECONDS, abs=0.2)
    assert len(heard) == pytest.approx(SECONDS * 16_000, abs=2)
    np.testing.assert_allclose(heard[2_400:16_000], tone(16_000)[2_400:16_000, 0], atol=0.005)


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    path = tmp_path / "broken-mixer.wav"
    samples = np.full(16_000, 0.25, np.float32)
    samples[5_000:6_000] = np.nan
    samples[7_000] = np.inf
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    heard = read(path)
    assert not heard[5_000:6_000].any()
    assert heard[7_000] == 0
    assert (heard[:5_000] == 0.25).all()


def test_a_short_rest_is_delivered_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.full(1_281, 0.5), 16_000)
    assert [len(chunk.samples) for chunk in read_chunks(path)] == [1_280, 1]


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(16_000 * 60), 16_000)
    chunks = read_chunks(path)
    assert next(chunks).start_sample == 0
    chunks.close()  # type: ignore[attr-defined]
    assert threading.active_count() == 1


def write_text(path: Path) -> None:
    path.write_text("This is a letter, not a recording.\n" * 50)


def write_header_only(path: Path) -> None:
    soundfile.write(path, np.zeros(0), 16_000)


def make_unreadable(path: Path) -> None:
    path.symlink_to(path)  # also root cannot read a link to itself


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("letter.wav", write_text, "is no sound file"),
        ("letter.raw", write_text, "is no sound file"),
        ("nothing.wav", Path.touch, "is empty"),
        ("header.wav", write_header_only, "holds no sound"),
        ("folder.wav", Path.mkdir, "is a folder"),
        ("loop.wav", make_unreadable, "cannot be read"),
        ("missing.wav", lambda path: None, "does not exist"),
    ],
)
@needs_ffmpeg
def test_what_is_no_sound_is_one_sentence(tmp_path: Path, name: str, write: object, sentence: str) -> None:
    path = tmp_path / name
    write(path)  # type: ignore[operator]
    for attempt in (lambda: list(read_chunks(path)), lambda: FileSource(path).start(print)):
        with pytest.raises(SourceError, match=sentence) as error:
            attempt()
        assert str(path) in str(error.value)
        assert str(error.value).endswith(".")
        assert "\n" not in str(error.value)


def test_without_ffmpeg_an_unknown_format_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "talk.m4a"
    write_text(path)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(SourceError, match=r"talk\.m4a is no WAV, FLAC, OGG or MP3 file: install ffmpeg"):
        list(read_chunks(path))


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    soundfile.write(path, np.random.default_rng(1).uniform(-0.5, 0.5, 48_000), 16_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    receiver = Receiver()
    source = FileSource(path, paced=False)
    source.start(receiver)
    receiver.wait_for(lambda: bool(receiver.of(Broken) or receiver.of(Ended)), "the file's end")
    source.stop()
    assert 16_000 <= len(receiver.sound()) < 32_000
    for broken in receiver.of(Broken):
        assert "damaged after 1." in broken.reason


def test_a_file_comes_in_real_time_without_drift(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(16_000, seconds=1.0), 16_000)
    receiver = Receiver()
    source = FileSource(path)
    source.start(receiver)
    receiver.wait_for_event(Ended)
    source.stop()
    assert receiver.told() == [Opened("tone.wav"), Ended()]
    opened = receiver.times[0]
    for time, event in zip(receiver.times, receiver.events, strict=True):
        if isinstance(event, AudioChunk):
            assert time - opened >= (event.start_sample + len(event.samples)) / 16_000 - 1e-3
            assert event.captured_at <= time
    assert receiver.times[-1] - opened < 1.5


def test_a_file_can_be_stopped_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(16_000 * 600), 16_000)
    receiver = Receiver()
    source = FileSource(path)
    source.start(receiver)
    receiver.wait_for_event(AudioChunk)
    source.stop()
    source.stop()
    assert receiver.of(Ended) == []
    assert len(receiver.sound()) < 16_000 * 60


def test_unpaced_a_file_comes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(16_000 * 60), 16_000)
    receiver = Receiver()
    source = FileSource(path, paced=False)
    source.start(receiver)
    receiver.wait_for_event(Ended)
    source.stop()
    assert len(receiver.sound()) == 16_000 * 60
    assert receiver.times[-1] - receiver.times[0] < 30
