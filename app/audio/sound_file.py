"""Sound from a file: WAV, FLAC, OGG and MP3 by libsndfile, anything else through ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from app.audio.chunks import ChunkCutter
from app.core.errors import SourceError
from app.core.ports import AudioChunk, Broken, Ended, Opened, SourceEvent, SourceKind
from engine.types import SAMPLE_RATE, Samples

_BLOCK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class OpenSound:
    """A file that has turned out to be sound."""

    duration: float | None
    """Seconds; None when the file does not say."""
    rate: int
    blocks: Iterator[Samples]
    """float32 [N, channels], about half a second each; raises SourceError where the file breaks off."""


def open_sound(path: Path) -> AbstractContextManager[OpenSound]:
    """Opens `path` in whichever way can read it. Raises SourceError, naming the file and what to do."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist: check the name.") from error
    except IsADirectoryError as error:
        raise SourceError(f"{path} is a folder: name the sound files in it.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if empty:
        raise SourceError(f"{path} is empty: there is no sound in it.")
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless .raw, of which nothing is known
        return _by_ffmpeg(path)
    if file.frames == 0:
        file.close()
        raise SourceError(f"{path} holds no sound: it is 0 seconds long.")
    return _by_libsndfile(path, file)


def read_chunks(path: Path) -> Iterator[AudioChunk]:
    """The whole file as fast as it is asked for; nothing is read ahead. Raises SourceError.

    The last chunk may be shorter; the lengths add up to the file's duration.
    """
    with open_sound(path) as sound:
        yield from _chunks(sound)


def duration(path: Path) -> float | None:
    """Seconds of sound in the file, None when it does not say. Raises SourceError."""
    with open_sound(path) as sound:
        return sound.duration


class FileSource:
    """A file as a `Source`: in real time by the clock, like a device.

    With `paced=False` chunks come as fast as they are decoded, for receivers that keep up with any speed;
    what takes its own time reads `read_chunks` instead, which waits for it.
    """

    def __init__(self, path: Path, *, paced: bool = True) -> None:
        self._path = path
        self._paced = paced
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def kind(self) -> SourceKind:
        return SourceKind.FILE

    @property
    def name(self) -> str:
        return self._path.name

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        """Raises SourceError when the file cannot be read as sound."""
        opened = open_sound(self._path)
        self._thread = threading.Thread(
            target=self._run, args=(opened, deliver), name=f"sound from {self.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, opened: AbstractContextManager[OpenSound], deliver: Callable[[SourceEvent], None]) -> None:
        try:
            with opened as sound:
                deliver(Opened(self.name))
                started = time.monotonic()
                for chunk in _chunks(sound):
                    due = started + (chunk.start_sample + len(chunk.samples)) / SAMPLE_RATE
                    if self._paced:
                        self._stopping.wait(max(0.0, due - time.monotonic()))
                    if self._stopping.is_set():
                        return
                    deliver(replace(chunk, captured_at=time.monotonic()))
        except SourceError as error:
            deliver(Broken(self.name, str(error)))
        else:
            deliver(Ended())


def _chunks(sound: OpenSound) -> Iterator[AudioChunk]:
    cutter = ChunkCutter()
    for frames in sound.blocks:
        yield from cutter.push(frames, sound.rate, time.monotonic())
    yield from cutter.flush()


@contextmanager
def _by_libsndfile(path: Path, file: soundfile.SoundFile) -> Iterator[OpenSound]:
    with file:
        yield OpenSound(file.frames / file.samplerate, file.samplerate, _sndfile_blocks(path, file))


def _sndfile_blocks(path: Path, file: soundfile.SoundFile) -> Iterator[Samples]:
    size = max(1, int(file.samplerate * _BLOCK_SECONDS))
    heard = 0
    try:
        while len(frames := file.read(size, dtype="float32", always_2d=True)):
            heard += len(frames)
            yield frames
    except soundfile.LibsndfileError as error:
        raise SourceError(
            f"{path} is damaged after {heard / file.samplerate:.1f} s and cannot be read further."
        ) from error
    if not heard:
        raise SourceError(f"{path} holds no sound: it is 0 seconds long.")


def _by_ffmpeg(path: Path) -> AbstractContextManager[OpenSound]:
    """Checks at once that there is sound to decode; the decoding itself starts on entering."""
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        raise SourceError(
            f"{path} is no WAV, FLAC, OGG or MP3 file: install ffmpeg, which reads nearly every other format."
        )
    probe = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "a:0", "-of", "default=nokey=1:noprint_wrappers=1"),
            *("-show_entries", "stream=codec_type:format=duration", f"file:{path}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    answers = probe.stdout.split()
    if probe.returncode != 0 or "audio" not in answers:
        raise SourceError(f"{path} is no sound file: neither libsndfile nor ffmpeg finds sound in it.")
    seconds = [float(answer) for answer in answers if answer.replace(".", "", 1).isdigit()]
    return _ffmpeg_sound(path, seconds[0] if seconds else None)


@contextmanager
def _ffmpeg_sound(path: Path, seconds: float | None) -> Iterator[OpenSound]:
    with tempfile.TemporaryFile() as complaints:  # a file, because a full pipe would stop ffmpeg
        process = subprocess.Popen(
            [
                *("ffmpeg", "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "a:0"),
                *("-f", "f32le", "-ac", "1", "-ar", str(SAMPLE_RATE), "pipe:1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        try:
            yield OpenSound(seconds, SAMPLE_RATE, _ffmpeg_blocks(path, process))
        finally:
            process.kill()
            process.communicate()


def _ffmpeg_blocks(path: Path, process: subprocess.Popen[bytes]) -> Iterator[Samples]:
    assert process.stdout is not None
    size = int(SAMPLE_RATE * _BLOCK_SECONDS) * 4
    heard = 0
    while data := process.stdout.read(size):
        frames = np.frombuffer(data[: len(data) // 4 * 4], np.dtype("<f4"))
        heard += len(frames)
        yield frames
    if process.wait() != 0:
        raise SourceError(f"{path} is damaged after {heard / SAMPLE_RATE:.1f} s and cannot be read further.")
    if not heard:
        raise SourceError(f"{path} holds no sound: it is 0 seconds long.")
