"""What boosting is judged on: recordings with rare words, ordinary speech, sound without speech, and lists for them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
import soxr

from engine.boosting.weights import common_words
from engine.types import SAMPLE_RATE, BoostPhrase, Samples
from tests.benchmarks.word_errors import words_of

SHORTEST = 4
"""Letters of a word that is worth listing."""
READING = "ljspeech"
"""The corpus whose recordings come from LibriVox, as LibriSpeech's do."""
STRETCH = 120.0
"""Seconds of sound without speech that go through one stream."""
ROOM = 5e-4
"""Amplitude of the noise of a quiet room, -66 dB."""


Stretch = tuple[str, tuple[Path, ...]]
"""A kind of sound without speech, and recordings of it that follow each other at once."""


@dataclass(frozen=True)
class Recording:
    """A recording and what is said in it."""

    path: Path
    words: tuple[str, ...]

    @cached_property
    def rare(self) -> tuple[str, ...]:
        """Its words that are not among the 5,000 most common ones: those that a user would list."""
        rare = (word for word in self.words if len(word) >= SHORTEST and word not in common_words())
        return tuple(dict.fromkeys(rare))

    def samples(self) -> Samples:
        return read_sound(self.path)


def read_sound(path: Path) -> Samples:
    """Any sound file, mono, 16 kHz."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    resampled: Samples = soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)
    return resampled


@dataclass(frozen=True)
class Sets:
    """Recordings by what they are for, in an order that is random and always the same."""

    rare: tuple[Recording, ...]
    """Of the dev split, with rare words in them."""
    ordinary: tuple[Recording, ...]
    """Of the dev split, without any."""
    reading: tuple[Recording, ...]
    """People reading books aloud, with rare words."""


def speech(folder: Path, limit: int | None, reading: int) -> Sets:
    """At most `limit` recordings of each kind, `reading` of the last one."""
    entries = _manifest(folder)
    random.Random(5).shuffle(entries)
    dev = [_recording(folder, entry) for entry in entries if entry["split"] == "dev"]
    books = [_recording(folder, entry) for entry in entries if entry["corpus"] == READING]
    rare = tuple(recording for recording in dev if recording.rare)
    ordinary = tuple(recording for recording in dev if not recording.rare)
    read = tuple(recording for recording in books if recording.rare)
    return Sets(rare[:limit], ordinary[:limit], read[: min(reading, limit or reading)])


def without_speech(folder: Path, limit: int | None) -> list[Stretch]:
    """Noise, music and babble."""
    found: list[Stretch] = []
    left: dict[str, float] = {}
    for entry in sorted(_manifest(folder), key=lambda entry: entry["kind"]):
        kind, path = entry["kind"], folder / entry["path"]
        if kind == "rir":
            continue
        if left.get(kind, 0.0) <= 0:
            found.append((kind, ()))
            left[kind] = STRETCH
        found[-1] = (kind, (*found[-1][1], path))
        left[kind] -= soundfile.info(path).duration
    kinds = dict.fromkeys(kind for kind, _ in found)
    return [stretch for kind in kinds for stretch in [one for one in found if one[0] == kind][:limit]]


def room(seconds: float) -> Samples:
    """A quiet room."""
    quiet: Samples = np.random.default_rng(0).normal(0, ROOM, int(seconds * SAMPLE_RATE)).astype(np.float32)
    return quiet


def list_for(recording: Recording, names: Sequence[str], distractors: int, seed: int) -> tuple[str, ...]:
    """The rare words of a recording and names that are not said in it, plural or possessive included."""
    said = {word.removesuffix("'s").removesuffix("s") for word in recording.words} | set(recording.words)
    chosen = random.Random(seed).sample(names, min(distractors + 100, len(names)))
    others = [name for name in chosen if name.lower() not in said]
    return (*recording.rare, *others[:distractors])


def phrases(listed: Sequence[str], strength: float) -> list[BoostPhrase]:
    return [BoostPhrase(word, strength) for word in listed]


def compile_lists(names: Sequence[str]) -> Iterator[tuple[str, list[BoostPhrase]]]:
    """Lists that people might have, by what is to be said of them."""
    chosen = random.Random(7)

    def full_name() -> str:
        return f"{chosen.choice(names)} {chosen.choice(names)}"

    def product() -> str:
        one, other, number = chosen.choice(names), chosen.choice(names), chosen.randint(1, 999)
        forms = (f"{one}-{other}", f"{one} {number}", f"{one[:2].upper()}-{number}", f"{one}{number % 100}")
        return chosen.choice(forms)

    yield "1,000 names", phrases([chosen.choice(names) for _ in range(1000)], 1.0)
    yield "1,000 with hyphens or digits", phrases([product() for _ in range(1000)], 1.0)
    yield "20,000 names of two words", phrases([full_name() for _ in range(20_000)], 1.0)
    yield "20,000 with hyphens or digits", phrases([product() for _ in range(20_000)], 1.0)


def _recording(folder: Path, entry: dict[str, str]) -> Recording:
    return Recording(folder / entry["path"], words_of(entry["text"]))


def _manifest(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
