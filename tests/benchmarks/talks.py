"""Recordings in a row, as live sound, through the streams that users get; and the same recordings decoded whole.

A talk is recordings with pauses between them. A `Listener` lives in a process of its own, so that processor time and
memory are those of one stream.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

from engine.decoding.attention import Search, Spoken, beam, greedy
from engine.decoding.guidance import DEFAULT_BEAM, Guidance
from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.stability import Steadiness
from engine.text.words import spans, surface
from engine.types import SAMPLE_RATE, Final, Partial, Samples, Token, Update
from engine.vad import BLOCK, BLOCK_SECONDS, SileroVoice, packaged_model
from tests.benchmarks.word_errors import words_of

PUSH = 1_280
QUIET = 5e-4
"""Amplitude of the noise of a quiet room, -66 dB."""
VOICED = 0.5


@dataclass(frozen=True)
class Talk:
    """Recordings one after the other."""

    name: str
    """The corpus, or the kind of noise."""
    recordings: tuple[Path, ...]
    texts: tuple[str, ...]
    pauses: tuple[float, ...]
    """Seconds of quiet before each recording, and one after the last."""


@dataclass(frozen=True)
class Said:
    """A word that was said, all times in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Shown:
    """A word that captions showed."""

    text: str
    start: float
    first: float
    """How much had been heard when it was first shown, ..."""
    settled: float
    """... and when it could no longer change."""


@dataclass
class Heard:
    """What a stream made of a talk."""

    name: str
    words: list[Shown] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    """What stood there in the end, utterance by utterance."""
    withdrawn: int = 0
    """Words that were shown and left again with nothing in their place."""
    unstable: int = 0
    """Words that stood there in one update and stood otherwise, or not at all, in the next."""
    seconds: float = 0.0
    pushes: list[float] = field(default_factory=list)
    """Processor seconds of each push."""
    memory: int = 0
    """Megabytes: the most that the process ever held."""


@dataclass(frozen=True)
class Whole:
    """A talk whose recordings were decoded one by one, each as a whole."""

    greedy: tuple[str, ...]
    beam: tuple[str, ...]
    said: tuple[Said, ...]
    """The words of the greedy decoding, in the talk's time."""


def talk(name: str, entries: Sequence[tuple[Path, str]], pauses: tuple[float, float], seed: int) -> Talk:
    """A talk with pauses of random lengths, always the same for a seed."""
    chosen = random.Random(seed)
    quiet = [chosen.uniform(*pauses) for _ in entries]
    return Talk(name, tuple(p for p, _ in entries), tuple(t for _, t in entries), (*quiet, 1.5))


class Listener:
    """The model in one process."""

    def __init__(self, folder: Path, options: ModelOptions | None = None) -> None:
        self._folder, self._options = folder, options
        self._recognizer = Recognizer.load(folder, options)

    def hear(self, talk: Talk, mode: Steadiness = Steadiness.BALANCED) -> Heard:
        """Push a talk through a stream, 80 ms at a time."""
        stream = self._recognizer.stream(Guidance(steadiness=mode))
        heard, follow = Heard(talk.name), _Follower()
        sound = np.concatenate(list(parts(talk)))
        for start in range(0, len(sound), PUSH):
            began = time.process_time()
            updates = stream.push(sound[start : start + PUSH])
            heard.pushes.append(time.process_time() - began)
            follow.read(updates)
        follow.read(stream.finish())
        heard.words, heard.withdrawn, heard.unstable = follow.words, follow.withdrawn, follow.unstable
        heard.text = follow.text
        heard.seconds = len(sound) / SAMPLE_RATE
        heard.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return heard

    def decode_whole(self, talk: Talk) -> Whole:
        """Decode each recording of a talk in one piece, and find where its words end."""
        bundle = open_bundle(self._folder, self._options)
        assert isinstance(bundle, AttentionBundle), "checked before any process started"
        model = bundle.model
        texts: tuple[list[str], list[str]] = ([], [])
        said: list[Said] = []
        position = 0
        for k, part in enumerate(parts(talk)):
            if k % 2:
                frames, search = model.encode(part), Search(seconds=len(part) / SAMPLE_RATE)
                tokens = _tokens(bundle, greedy(model, frames, search))
                texts[0].extend(words_of(surface([token.text for token in tokens])))
                wide = _tokens(bundle, beam(model, frames, search, DEFAULT_BEAM))
                texts[1].extend(words_of(surface([token.text for token in wide])))
                said += _said(tokens, _voiced(part), position / SAMPLE_RATE)
            position += len(part)
        return Whole(tuple(texts[0]), tuple(texts[1]), tuple(said))


class _Follower:
    """Reads the updates of a stream as a viewer would."""

    def __init__(self) -> None:
        self.words: list[Shown] = []
        self.text: list[str] = []
        self.withdrawn = 0
        self.unstable = 0
        self._settled: list[float] = []
        self._shown: list[str] = []

    def read(self, updates: Sequence[Update]) -> None:
        for update in updates:
            if isinstance(update, Partial):
                self._settle(update.settled, update.heard)
                words = [_bare(word.text) for word in update.words]
                self.withdrawn += max(0, len(self._shown) - len(words))
                self.unstable += unstable(self._shown, words)
                self._shown = words
            elif isinstance(update, Final):
                self.text.append(update.text)
                self._settle(len(update.words), update.heard)
                for word, settled in zip(update.words, self._settled, strict=True):
                    self.words += [Shown(t, word.start, word.emitted, settled) for t in words_of(word.text)]
                words = [_bare(word.text) for word in update.words]
                self.unstable += unstable(self._shown[: len(words)], words)
                # A long utterance may end before its last words; the next one begins with them.
                self._settled, self._shown = [], self._shown[len(words) :]

    def _settle(self, words: int, heard: float) -> None:
        self._settled += [heard] * (words - len(self._settled))


def unstable(before: Sequence[str], after: Sequence[str]) -> int:
    """Words of one update that the next one shows otherwise: all from the first difference on, as Shangguan et al.
    (2020) count them for the unstable partial word ratio. A last word that has only grown longer is no difference.
    """
    same = next((i for i, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
    if same is None:
        return max(0, len(before) - len(after))
    grown = same == len(before) - 1 and after[same].startswith(before[same])
    return 0 if grown else len(before) - same


def _bare(text: str) -> str:
    """A word as it is compared, or as it is shown where nothing would be left of it."""
    return " ".join(words_of(text)) or text


def parts(talk: Talk) -> list[Samples]:
    """Quiet and recordings in turns, quiet first and last."""
    generator = np.random.default_rng(0)
    pieces: list[Samples] = []
    for k, pause in enumerate(talk.pauses):
        pieces.append(generator.normal(0, QUIET, int(pause * SAMPLE_RATE)).astype(np.float32))
        if k < len(talk.recordings):
            sound, rate = soundfile.read(talk.recordings[k], dtype="float32", always_2d=True)
            pieces.append(soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE))
    return pieces


def _tokens(bundle: AttentionBundle, found: Sequence[Spoken]) -> list[Token]:
    """Tokens at the places that the decoder looked at, which never run backwards."""
    frames = np.maximum.accumulate([spoken.frame or 0 for spoken in found] or [0])
    pieces, frame = bundle.model.pieces, bundle.model.frame
    return [
        Token(spoken.id, pieces[spoken.id], float(at) * frame, spoken.confidence)
        for spoken, at in zip(found, frames, strict=False)
    ]


def _voiced(sound: Samples) -> list[float]:
    """Where each block ends that holds a voice, in seconds."""
    voice = SileroVoice(packaged_model())
    whole = range(0, len(sound) - BLOCK + 1, BLOCK)
    return [(s + BLOCK) / SAMPLE_RATE for s in whole if voice.probability(sound[s : s + BLOCK]) > VOICED]


def _said(tokens: Sequence[Token], voiced: Sequence[float], offset: float) -> list[Said]:
    """Words with their ends: the last voice before the decoder looks for the next word, or that look if earlier."""
    groups = list(spans(tokens))
    said: list[Said] = []
    for k, (first, end) in enumerate(groups):
        start = tokens[first].time
        after = tokens[groups[k + 1][0]].time if k + 1 < len(groups) else max([start, *voiced[-1:]])
        own = [at for at in voiced if start < at <= after + BLOCK_SECONDS]
        stop = min(after, own[-1]) if own else after
        text = surface([token.text for token in tokens[first:end]])
        said += [Said(word, offset + start, offset + stop) for word in words_of(text)]
    return said
