"""What a word list finds and what it breaks, on recordings with transcripts, through the streams that users get.

    python -m tests.benchmarks.boosting RECORDINGS NAMES [--model DIR] [--limit N] [--distractors N ...]

RECORDINGS holds manifest.jsonl, an object a line with "path", "text" and "split"; those of the split "dev" are judged.
NAMES is a text file of names that nobody says, one a line. The list of a recording is its own words that are not
ordinary English ones, and names as distractors. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import soundfile
import soxr

from app.core import models
from engine.boosting.weights import common_words
from engine.decoding.guidance import Guidance
from engine.recognizer import Recognizer
from engine.types import SAMPLE_RATE, BoostPhrase, Final, Samples

SHORTEST = 4
"""Letters of a word that is worth listing."""


@dataclass
class Errors:
    """Word errors in the listed words and in the others, and listed words that nobody said."""

    listed: int = 0
    listed_said: int = 0
    others: int = 0
    others_said: int = 0
    false: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def row(self) -> str:
        said = self.listed_said + self.others_said
        return (
            f"{100 * self.listed / self.listed_said:.1f} | {100 * self.others / self.others_said:.1f} | "
            f"{1000 * self.false / said:.1f} | {self.cpu / self.seconds:.2f}"
        )


@dataclass(frozen=True)
class Recording:
    samples: Samples
    words: tuple[str, ...]
    rare: tuple[str, ...]


def words_of(text: str) -> tuple[str, ...]:
    return tuple(re.sub(r"[^a-z' ]", "", text.lower().replace("-", " ").replace("\u2019", "'")).split())


def recordings(folder: Path, limit: int) -> list[Recording]:
    """A random choice of recordings in which a rare word is said, always the same."""
    with (folder / "manifest.jsonl").open() as lines:
        entries = [entry for entry in map(json.loads, lines) if entry["split"] == "dev"]
    random.Random(5).shuffle(entries)
    found: list[Recording] = []
    for entry in entries:
        words = words_of(entry["text"])
        rare = tuple(dict.fromkeys(w for w in words if len(w) >= SHORTEST and w not in common_words()))
        if rare and len(found) < limit:
            sound, rate = soundfile.read(folder / entry["path"], dtype="float32", always_2d=True)
            found.append(Recording(soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE), words, rare))
    return found


def transcribe(recognizer: Recognizer, sound: Samples, guidance: Guidance) -> tuple[str, ...]:
    stream = recognizer.stream(guidance)
    updates = [*stream.push(sound), *stream.finish()]
    return words_of(" ".join(update.text for update in updates if isinstance(update, Final)))


def judge(found: Sequence[str], recording: Recording, listed: Sequence[str], errors: Errors) -> None:
    """Add the errors of one recording: words are aligned, and an inserted word counts where it is listed."""
    rare, known = set(recording.rare), {word.lower() for word in listed}
    aligned = jiwer.process_words(" ".join(recording.words), " ".join(found) or "-").alignments[0]
    for chunk in aligned:
        if chunk.type == "insert":
            inserted = [word in rare for word in found[chunk.hyp_start_idx : chunk.hyp_end_idx]]
            errors.listed += sum(inserted)
            errors.others += len(inserted) - sum(inserted)
            continue
        said = [word in rare for word in recording.words[chunk.ref_start_idx : chunk.ref_end_idx]]
        errors.listed_said += sum(said)
        errors.others_said += len(said) - sum(said)
        if chunk.type != "equal":
            errors.listed += sum(said)
            errors.others += len(said) - sum(said)
    errors.false += sum(word in known and word not in recording.words for word in found)


def measure(
    recognizer: Recognizer,
    found: Sequence[Recording],
    names: Sequence[str],
    distractors: int,
    strength: float,
    beam: int | None,
) -> Errors:
    """All recordings under one strength; 0 is without a list (the names still count as listed)."""
    errors, chosen = Errors(), random.Random(1)
    for recording in found:
        listed = [*recording.rare, *chosen.sample(names, distractors)]
        boost = recognizer.compile([BoostPhrase(word, strength) for word in listed]) if strength else None
        before = time.process_time()
        said = transcribe(recognizer, recording.samples, Guidance(boost=boost, beam=beam))
        errors.cpu += time.process_time() - before
        errors.seconds += len(recording.samples) / SAMPLE_RATE
        judge(said, recording, listed, errors)
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("names", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--distractors", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.6, 1.0, 1.6])
    parser.add_argument("--beams", type=int, nargs="+", default=[1])
    args = parser.parse_args()
    recognizer = models.load(args.model, None, None)
    found, names = recordings(args.recordings, args.limit), args.names.read_text(encoding="utf-8").split()
    print(f"{recognizer.info.name}, {len(found)} recordings.\n")
    print("| distractors | beam | strength | listed words wrong, % | others wrong, % | false in 1,000 | CPU s per s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for distractors in args.distractors:
        for beam in args.beams:
            for strength in args.strengths:
                errors = measure(recognizer, found, names, distractors, strength, beam)
                print(f"| {distractors} | {beam} | {strength or 'no list'} | {errors.row()} |", flush=True)


if __name__ == "__main__":
    main()
