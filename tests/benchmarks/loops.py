"""Live caption loops of others and ours behind one call, each in a process of its own.

A loop takes in 80 ms of sound at a time and says how the lines it shows read now. What is counted beside the words is
processor time, all threads included; a word is shown when its push is done, and a push waits for the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.types import SAMPLE_RATE, Final, Partial, Samples, Update
from engine.vad import BLOCK, SileroVoice, packaged_model
from tests.benchmarks.talks import PUSH, Shown, Talk, parts
from tests.benchmarks.word_errors import words_of

PAUSE = 0.6
"""Seconds of silence that end a line of the loop around Whisper, ..."""
LONGEST = 20.0
"""... seconds of sound after which it ends without one, ..."""
STEP = 0.5
"""... and how much new sound it waits for; the default of Moonshine's own loop."""


@dataclass(frozen=True)
class Line:
    """A line as it reads now. Lines are told in order; the last one told may still change."""

    number: int
    text: str
    start: float
    """Seconds of sound."""


class Loop(Protocol):
    """One way to caption live sound."""

    def push(self, samples: Samples) -> list[Line]:
        """80 ms of sound; the lines that read differently now."""
        ...

    def finish(self) -> list[Line]: ...


class OurLoop:
    """The streams that users get."""

    def __init__(self, model: str) -> None:
        from app.core import models

        self._stream = models.load(Path(model), None, None).stream()

    def push(self, samples: Samples) -> list[Line]:
        return self._lines(self._stream.push(samples))

    def finish(self) -> list[Line]:
        return self._lines(self._stream.finish())

    def _lines(self, updates: Sequence[Update]) -> list[Line]:
        told = [update for update in updates if isinstance(update, Partial | Final)]
        return [Line(update.utterance, update.text, update.words[0].start if update.words else 0.0) for update in told]


class MoonshineLoop:
    """The stream of moonshine-voice with its default settings: voice activity and passes every half second inside."""

    def __init__(self, folder: str) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import LineTextChanged, Transcriber

        self._transcriber = Transcriber(folder, ModelArch.TINY)
        self._stream = self._transcriber.create_stream()
        self._changed: list[Line] = []
        self._numbers: dict[int, int] = {}

        def listen(event: object) -> None:
            if isinstance(event, LineTextChanged):
                number = self._numbers.setdefault(event.line.line_id, len(self._numbers))
                self._changed.append(Line(number, event.line.text, event.line.start_time))

        self._stream.add_listener(listen)
        self._stream.start()

    def push(self, samples: Samples) -> list[Line]:
        self._stream.add_audio(samples.tolist(), SAMPLE_RATE)
        return self._take()

    def finish(self) -> list[Line]:
        self._stream.stop()
        return self._take()

    def _take(self) -> list[Line]:
        changed, self._changed = self._changed, []
        return changed


class WhisperLoop:
    """faster-whisper in the usual loop: what was said since the last pause is decoded again every half second.

    One thread, int8, greedy, and the Silero model that we use ourselves finds the pauses.
    """

    def __init__(self, folder: str) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)
        self._voice = SileroVoice(packaged_model())
        self._blocks: Samples = np.zeros(0, np.float32)
        self._line: list[Samples] = []
        self._heard = self._silent = self._decoded = self._number = 0
        self._start = 0
        self._spoken = False

    def push(self, samples: Samples) -> list[Line]:
        self._heard += len(samples)
        self._line.append(samples)
        self._blocks = np.concatenate([self._blocks, samples])
        while len(self._blocks) >= BLOCK:
            speaks = self._voice.probability(self._blocks[:BLOCK]) > 0.5
            self._blocks = self._blocks[BLOCK:]
            self._silent = 0 if speaks else self._silent + BLOCK
            self._spoken |= speaks
        if not self._spoken:
            self._line = self._line[-6:]  # half a second in front of the first speech belongs to the line
            self._start = self._heard - sum(map(len, self._line))
            return []
        if self._silent >= PAUSE * SAMPLE_RATE or self._heard - self._start > LONGEST * SAMPLE_RATE:
            return self._end()
        if self._heard - self._decoded >= STEP * SAMPLE_RATE:
            return [self._decode()]
        return []

    def finish(self) -> list[Line]:
        return self._end() if self._spoken else []

    def _end(self) -> list[Line]:
        line = self._decode()
        self._number, self._line, self._spoken, self._silent = self._number + 1, [], False, 0
        self._start = self._heard
        return [line]

    def _decode(self) -> Line:
        self._decoded = self._heard
        segments, _ = self._model.transcribe(
            np.concatenate(self._line),
            language="en",
            beam_size=1,
            without_timestamps=True,
            condition_on_previous_text=False,
        )
        return Line(self._number, " ".join(segment.text.strip() for segment in segments), self._start / SAMPLE_RATE)


LOOPS: dict[str, Callable[[str], Loop]] = {"ours": OurLoop, "moonshine": MoonshineLoop, "whisper": WhisperLoop}


@dataclass
class Looped:
    """What a loop made of a talk."""

    words: list[Shown] = field(default_factory=list)
    cpu: float = 0.0
    seconds: float = 0.0


class _Reader:
    """Reads the lines as a viewer would: when did each word first stand there as it reads in the end?"""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[Line, list[tuple[str, float]]]] = {}

    def read(self, line: Line, now: float) -> None:
        before = self._lines.get(line.number, (line, []))[1]
        words = words_of(line.text)
        kept = [before[k][1] if before[k : k + 1] and before[k][0] == word else now for k, word in enumerate(words)]
        self._lines[line.number] = (line, list(zip(words, kept, strict=True)))

    def words(self) -> list[Shown]:
        return [Shown(text, line.start, at, at) for line, words in self._lines.values() for text, at in words]


def run(kind: str, model: str, talks: list[Talk]) -> list[Looped]:
    """Every talk through a loop of its own, in this process."""
    return [_run(LOOPS[kind](model), talk) for talk in talks]


def _run(loop: Loop, talk: Talk) -> Looped:
    sound, reader, result = np.concatenate(parts(talk)), _Reader(), Looped()
    done = 0.0
    for start in range(0, len(sound) - PUSH + 1, PUSH):
        arrived = (start + PUSH) / SAMPLE_RATE
        began = time.process_time()
        lines = loop.push(sound[start : start + PUSH])
        taken = time.process_time() - began
        done = max(done, arrived) + taken
        result.cpu += taken
        for line in lines:
            reader.read(line, done)
    for line in loop.finish():
        reader.read(line, done)
    result.words, result.seconds = reader.words(), len(sound) / SAMPLE_RATE
    return result
