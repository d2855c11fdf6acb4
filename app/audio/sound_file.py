"""Sound from a file: WAV, FLAC, OGG and MP3 by libsndfile, anything else through ffmpeg."""

from __future__ import annotations

import json
import shutil
import subprocess
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


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]
    """Told that it may seek, soundfile seeks after every read, and in MP3 files that garbles what follows."""

    def seekable(self) -> bool:
        return False


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
    if str(path) == "-" or path.is_fifo():
        raise SourceError(f"{path} is no file but a pipe: save the recording first, then name its file.")
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
        file = _ForwardOnly(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless .raw, of which nothing is known
        return _by_ffmpeg(path)
    if file.frames == 0:
        file.close()
        raise _silent(path)
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
    """All chunks; where the file breaks off, what came before is delivered first."""
    cutter = ChunkCutter()
    try:
        for frames in sound.blocks:
            yield from cutter.push(frames, sound.rate, time.monotonic())
    except SourceError:
        yield from cutter.flush()
        raise
    yield from cutter.flush()


@contextmanager
def _by_libsndfile(path: Path, file: soundfile.SoundFile) -> Iterator[OpenSound]:
    with file:
        yield OpenSound(file.frames / file.samplerate, file.samplerate, _sndfile_blocks(path, file))


def _sndfile_blocks(path: Path, file: soundfile.SoundFile) -> Iterator[Samples]:
    size = max(1, int(file.samplerate * _BLOCK_SECONDS))
    heard, numbers = 0, False
    try:
        while len(frames := file.read(size, dtype="float32", always_2d=True)):
            heard += len(frames)
            numbers = numbers or bool(np.isfinite(frames).any())
            yield frames
    except soundfile.LibsndfileError as error:
        raise _damaged(path, heard / file.samplerate) from error
    if not heard:
        raise _silent(path)
    if not numbers:
        raise SourceError(f"{path} holds no sound: none of its samples is a number (NaN); export the recording again.")


def _by_ffmpeg(path: Path) -> AbstractContextManager[OpenSound]:
    """Checks at once that there is sound to decode; the decoding itself starts on entering."""
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        raise SourceError(
            f"{path} is no WAV, FLAC, OGG or MP3 file: install ffmpeg, which reads nearly every other format."
        )
    probe = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-of", "json", "-select_streams", "a:0"),
            *("-show_entries", "stream=channels,sample_rate:format=duration", f"file:{path}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(probe.stdout) if probe.returncode == 0 else {}
    if not answer.get("streams"):
        raise SourceError(f"{path} is no sound file: neither libsndfile nor ffmpeg finds sound in it.")
    stream = answer["streams"][0]
    seconds = answer.get("format", {}).get("duration")
    return _ffmpeg_sound(path, float(seconds) if seconds else None, int(stream["sample_rate"]), int(stream["channels"]))


@contextmanager
def _ffmpeg_sound(path: Path, seconds: float | None, rate: int, channels: int) -> Iterator[OpenSound]:
    """Decodes only: mixed down by ffmpeg, two channels would come out louder than their mean."""
    process = subprocess.Popen(
        [
            *("ffmpeg", "-nostdin", "-v", "quiet", "-i", f"file:{path}", "-map", "a:0"),
            *("-f", "f32le", "-ac", str(channels), "-ar", str(rate), "pipe:1"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        yield OpenSound(seconds, rate, _ffmpeg_blocks(path, process, rate, channels))
    finally:
        process.kill()
        process.communicate()


def _ffmpeg_blocks(path: Path, process: subprocess.Popen[bytes], rate: int, channels: int) -> Iterator[Samples]:
    assert process.stdout is not None
    frame_bytes = channels * np.float32().itemsize
    size = max(1, int(rate * _BLOCK_SECONDS)) * frame_bytes
    heard = 0
    while data := process.stdout.read(size):
        whole = data[: len(data) // frame_bytes * frame_bytes]
        frames = np.frombuffer(whole, np.dtype("<f4")).reshape(-1, channels)
        heard += len(frames)
        yield frames
    if process.wait() != 0:
        raise _damaged(path, heard / rate)
    if not heard:
        raise _silent(path)


def _damaged(path: Path, seconds: float) -> SourceError:
    return SourceError(f"{path} is damaged after {seconds:.1f} s and cannot be read further.")


def _silent(path: Path) -> SourceError:
    return SourceError(f"{path} holds no sound: it is 0 seconds long.")
