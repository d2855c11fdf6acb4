"""A customer's recordings and words, prepared for training.finetune, and the mixture with what was learned before."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from training.errors import TrainingError
from training.labels import write_labels
from training.prepare import listed
from training.score import words
from training.store import Clip, ClipStore, write_store
from training.teacher import Lessons, Teacher, teach

SHARE_JUDGED = 4
"""Every so manieth sentence is kept for judging where the recordings do not say which."""
BELIEF = 0.9
"""How much of the belief goes to the customer's words: the teacher has never heard of them."""
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


def decode(recordings: Path, work: Path) -> ClipStore:
    """Decodes the recordings into a store with something to learn from and something to judge on."""
    found = list(apart(_rows(recordings)))
    for split, purpose in (("train", "learn from"), ("dev", "judge on")):
        if not any(clip.split == split for clip, _ in found):
            raise TrainingError(f"{recordings} holds nothing to {purpose}; add recordings of other sentences")
    write_store(work, found)
    return ClipStore(work)


def let_hear(work: Path, teacher: Teacher) -> None:
    """Lets the teacher hear a store and writes what is to be learned where it misheard."""
    teach(work, teacher)
    # a text that the teacher heard nothing of may be a single name: the customer's texts are taken at their word
    write_labels(work, teacher, BELIEF, least_agreement=0.0)


def apart(rows: Iterable[tuple[Clip, Path]]) -> Iterator[tuple[Clip, Path]]:
    """Sets some sentences aside for judging, all recordings of each, unless the manifest did."""
    rows = [(replace(clip, id=f"customer/{clip.id}", corpus=clip.corpus or "customer"), path) for clip, path in rows]
    for clip, path in rows:
        if not clip.text.strip():
            raise TrainingError(f"{path} has no transcript; write what is said in it beside it, or leave it out")
    if any(clip.split == "dev" for clip, _ in rows):
        yield from rows
        return
    sentences = sorted({" ".join(words(clip.text)) for clip, _ in rows})
    judged = set(sentences[SHARE_JUDGED - 1 :: SHARE_JUDGED])
    for clip, path in rows:
        yield replace(clip, split="dev" if " ".join(words(clip.text)) in judged else "train"), path


def _rows(folder: Path) -> Iterator[tuple[Clip, Path]]:
    """A folder with a manifest as training.prepare reads it, or with a .txt beside each recording."""
    if (folder / "manifest.jsonl").is_file():
        yield from listed([folder])
        return
    pairs = [(path, path.with_suffix(".txt")) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUNDS]
    if not any(text.is_file() for _, text in pairs):
        raise TrainingError(f"{folder} holds neither a manifest.jsonl nor recordings with a .txt of the same name")
    for path, text in pairs:
        if text.is_file():
            name = str(path.relative_to(folder).with_suffix(""))
            yield Clip(name, "speech", "customer", "train", " ".join(text.read_text("utf8").split())), path


class Mixture:
    """The lessons of several prepared folders as one."""

    def __init__(self, *parts: Lessons) -> None:
        self._parts = parts

    def __contains__(self, clip_id: str) -> bool:
        return any(clip_id in part for part in self._parts)

    def ids(self, clip_id: str) -> list[int]:
        return self._of(clip_id).ids(clip_id)

    def frames(self, clip: Clip) -> Tensor:
        return self._of(clip.id).frames(clip)

    def next_tokens(self, clip_id: str) -> tuple[Tensor, Tensor]:
        return self._of(clip_id).next_tokens(clip_id)

    @property
    def nothing(self) -> tuple[Tensor, Tensor]:
        return self._parts[0].nothing

    def _of(self, clip_id: str) -> Lessons:
        return next(part for part in self._parts if clip_id in part)


def mixed(customer: list[Clip], replay: list[Clip], share: float, longest_s: float = 7200.0) -> list[Clip]:
    """What a pass goes through: some of the replay, and the customer's clips so often that they make up `share`."""
    picked, total = [], 0.0
    for clip in random.Random(0).sample(replay, len(replay)):
        if total >= longest_s:
            break
        picked.append(clip)
        total += clip.seconds
    times = round(share / (1 - share) * total / sum(c.seconds for c in customer))
    return picked + customer * max(1, times)


def new_words(customer: Iterable[str], known: Iterable[str]) -> list[str]:
    """The words of the customer's texts that the known texts never hold."""
    before = {w for text in known for w in words(text)}
    return sorted({w for text in customer for w in words(text)} - before)


def read_words(path: Path) -> list[str]:
    """Words or phrases, one a line."""
    if not path.is_file():
        raise TrainingError(f"{path} does not exist; it should hold the words to judge by, one a line")
    return [line.strip() for line in path.read_text("utf8").splitlines() if line.strip()]


def describe(store: ClipStore) -> str:
    """How much there is of each split, in one line."""
    parts = []
    for split in ("train", "dev"):
        clips = store.select("speech", split=split)
        parts.append(f"{len(clips)} recordings ({sum(c.seconds for c in clips) / 60:.1f} min) {split}")
    return ", ".join(parts)
