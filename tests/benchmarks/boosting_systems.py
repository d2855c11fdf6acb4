"""Ways to hear listed words, each through the streams that users get, in one process a model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process

from app.core import models
from app.core.vocabulary import STRENGTHS
from engine.decoding.guidance import DEFAULT_BEAM, Guidance
from engine.types import SAMPLE_RATE, BoostPhrase, Final, Samples, Update
from tests.benchmarks.boosting_sets import Recording, compile_lists, list_for, phrases, read_sound, room
from tests.benchmarks.word_errors import Errors, count, words_of

PUSH = 1_280
ALIKE = 80.0
"""Similarity, of 100, from which fuzzy replacement takes a word for a name."""


@dataclass(frozen=True)
class System:
    """A search, under a list or not."""

    beam: int
    strength: str | None = None
    fuzzy: bool = False
    """Words of the result that are like a listed one are replaced by it."""

    def __str__(self) -> str:
        search = "greedy" if self.beam == 1 else f"beam {self.beam}"
        if self.fuzzy:
            return f"{search}, fuzzy replacement afterwards"
        return f"{search}, {self.strength}" if self.strength else f"{search}, no list"


WITHOUT = (System(1), System(DEFAULT_BEAM))
NORMAL = tuple(System(beam, "normal") for beam in (1, DEFAULT_BEAM))
EVERY = (
    *WITHOUT,
    System(1, fuzzy=True),
    *(System(beam, strength) for beam in (1, DEFAULT_BEAM) for strength in ("low", "normal", "high")),
)
Case = tuple[int, System]
"""Names on the list that are not said, and a system."""


Heard = tuple[tuple[str, ...], float]
"""The words that are shown in the end, and processor seconds."""


class Bench:
    """One loaded model."""

    def __init__(self, model: Path, names: Sequence[str]) -> None:
        self._recognizer = models.load(model, None, None)
        self._names = names

    @property
    def name(self) -> str:
        return self._recognizer.info.name

    def compare(self, recording: Recording, cases: Sequence[Case]) -> dict[Case, Errors]:
        """A recording under its lists, by each system in turn, so that all of them share what slows the machine."""
        samples = recording.samples()
        heard: dict[System, Heard] = {}
        """Once a system where there is no list."""
        found: dict[Case, Errors] = {}
        for distractors, system in cases:
            listed = list_for(recording, self._names, distractors, seed=len(recording.words))
            unfused = replace(system, fuzzy=False)
            if system.strength or unfused not in heard:
                heard[unfused] = self._hear(samples, unfused, listed)
            said, cost = heard[unfused]
            words = tuple(_replaced(said, listed)) if system.fuzzy else said
            errors = count(words, recording.words, recording.rare, listed)
            found[distractors, system] = replace(errors, seconds=len(samples) / SAMPLE_RATE, cpu=cost)
        return found

    def without_speech(self, paths: Sequence[Path], cases: Sequence[Case]) -> dict[Case, Errors]:
        """Words, and among them names, where nobody speaks; a quiet room where there are no recordings."""
        samples = np.concatenate([read_sound(path) for path in paths]) if paths else room(300.0)
        found: dict[Case, Errors] = {}
        for active, system in cases:
            listed = self._names[:active]
            words, cost = self._hear(samples, system, listed)
            names = sum(word in {name.lower() for name in listed} for word in words)
            found[active, system] = Errors(others=len(words), false=names, seconds=len(samples) / SAMPLE_RATE, cpu=cost)
        return found

    def phases(self, recording: Recording, shifts: Sequence[int], system: System) -> tuple[int, int]:
        """How many hits are the same as at most phases, and how many there are to compare.

        shifts: milliseconds of a quiet room before the recording.
        """
        listed = list_for(recording, self._names, 100, seed=1)
        samples = recording.samples()
        hits = []
        for shift in shifts:
            said, _ = self._hear(np.concatenate([room(shift / 1000), samples]), system, listed)
            hits.append({word for word in recording.rare if word in said})
        usual = {word: Counter(word in found for found in hits).most_common(1)[0][1] for word in recording.rare}
        return sum(usual.values()), len(hits) * len(usual)

    def compile_times(self) -> list[tuple[str, float, float]]:
        """(List, processor seconds, and those after a line was edited), the best of three."""
        found = []
        for name, entries in compile_lists(self._names):
            costs = []
            for turn in range(3):
                middle = len(entries) // 2 + turn
                edited = [*entries[:middle], *phrases(["Xyzzy-42"], 1.0), *entries[middle + 1 :]]
                self._recognizer.compile(())  # so that nothing is remembered
                costs.append((self._compile(entries), self._compile(edited)))
            anew, again = zip(*costs, strict=True)
            found.append((name, min(anew), min(again)))
        return found

    def _compile(self, entries: Sequence[BoostPhrase]) -> float:
        began = time.process_time()
        self._recognizer.compile(entries)
        return time.process_time() - began

    def _hear(self, samples: Samples, system: System, listed: Sequence[str]) -> Heard:
        strength = STRENGTHS[system.strength] if system.strength else 0.0
        boost = self._recognizer.compile(phrases(listed, strength)) if strength else None
        began = time.process_time()
        stream = self._recognizer.stream(Guidance(boost=boost, beam=system.beam))
        updates: list[Update] = []
        for start in range(0, len(samples), PUSH):
            updates += stream.push(samples[start : start + PUSH])
        updates += stream.finish()
        cost = time.process_time() - began
        return words_of(" ".join(update.text for update in updates if isinstance(update, Final))), cost


def _replaced(said: Sequence[str], listed: Sequence[str]) -> Iterator[str]:
    """The words, each pair and each word that is like a listed one replaced by it."""
    known = [word.lower() for word in listed]
    at = 0
    while at < len(said):
        for length in (2, 1):
            words = said[at : at + length]
            best = process.extractOne("".join(words), known, scorer=fuzz.ratio, score_cutoff=ALIKE)
            if best and len(words) == length:
                yield best[0]
                break
        else:
            length = 1
            yield said[at]
        at += length
