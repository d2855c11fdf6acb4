"""What a model learned and what it forgot: two model folders through the program's engine, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from engine.recognizer import Recognizer
from engine.types import Final
from training.score import WordErrors, words
from training.store import Clip, ClipStore


@dataclass(slots=True)
class Watched:
    """How often certain words and phrases were said, and how often each was heard where it was said."""

    phrases: tuple[tuple[str, ...], ...]
    said: int = 0
    missed: int = 0
    invented: int = 0
    """Heard where it was not said."""
    missed_by_phrase: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Watched:
        return cls(tuple(spelled for spelled in (tuple(words(p)) for p in phrases) if spelled))

    def add(self, reference: str, heard: str) -> None:
        wanted, found = words(reference), words(heard)
        for phrase in self.phrases:
            said, there = count(phrase, wanted), count(phrase, found)
            self.said += said
            self.missed += max(0, said - there)
            self.invented += max(0, there - said)
            if said > there:
                name = " ".join(phrase)
                self.missed_by_phrase[name] = self.missed_by_phrase.get(name, 0) + said - there


def count(phrase: tuple[str, ...], text: list[str]) -> int:
    """How often the words of a phrase follow each other in a text."""
    return sum(tuple(text[n : n + len(phrase)]) == phrase for n in range(len(text) - len(phrase) + 1))


def judge_folders(
    folders: tuple[Path, Path], store: ClipStore, own: list[Clip], kept: list[Clip], phrases: list[str]
) -> dict[str, Any]:
    """Word errors and watched words before and after, on the customer's recordings and on the replay's; prints them."""
    report: dict[str, Any] = {"watched": phrases}
    for (when, folder), (what, clips) in product(
        zip(("before", "after"), folders, strict=True), (("learned", own), ("kept", kept))
    ):
        print(f"hearing {len(clips)} recordings: {what}, {when}", flush=True)
        report.setdefault(what, {})[when] = judged(folder, store, clips, phrases)
    show(report)
    return report


def judged(folder: Path, store: ClipStore, clips: list[Clip], phrases: list[str]) -> dict[str, Any]:
    """Word errors by corpus in percent, the watched words, and every text that was heard."""
    recognizer, watched = Recognizer.load(folder), Watched.of(phrases)
    errors: dict[str, WordErrors] = {}
    heard: dict[str, str] = {}
    for clip in clips:
        stream = recognizer.stream()
        updates = stream.push(store.read(clip).numpy()) + stream.finish()
        heard[clip.id] = " ".join(u.text for u in updates if isinstance(u, Final))
        errors.setdefault(clip.corpus, WordErrors()).add(clip.text, heard[clip.id])
        watched.add(clip.text, heard[clip.id])
    return {
        "word errors": {corpus: round(e.percent, 1) for corpus, e in sorted(errors.items())},
        "watched said": watched.said,
        "watched missed": watched.missed,
        "watched invented": watched.invented,
        "missed": dict(sorted(watched.missed_by_phrase.items())),
        "heard": heard,
    }


def show(report: dict[str, Any]) -> None:
    for what, title in (("learned", "What was to be learned"), ("kept", "What was to be kept")):
        before, after = report[what]["before"], report[what]["after"]
        print(f"{title}, word errors in percent before -> after:")
        for corpus, percent in before["word errors"].items():
            print(f"  {corpus:20} {percent:5.1f} -> {after['word errors'][corpus]:5.1f}")
        missed, invented = "watched missed", "watched invented"
        print(f"  watched words missed {before[missed]} -> {after[missed]} of {before['watched said']}, ", end="")
        print(f"heard where they were not said {before[invented]} -> {after[invented]}")
