"""Texts to learn from: the words of the reference in the case and punctuation of the teacher, as Moonshine's tokens.

python -m training.labels WORK MODEL_FOLDER

Optional step after training.teacher. Writes `WORK/teacher/labels.jsonl` and `label_*.npy`: for each clip of the train
split whose words are known and were heard differently, the tokens to learn instead and what the teacher expects at each
of them. A run uses them where its file says `references = true`.
"""

from __future__ import annotations

import argparse
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from training.decoder import BOS, EOS
from training.errors import run
from training.score import words
from training.store import Clip, ClipStore
from training.teacher import KEPT_TOKENS, Lessons, Teacher, load_teacher
from training.weights import text_of

LEAST_AGREEMENT = 0.3
"""Below this share of words heard alike, text and recording are taken not to belong together."""
MARKS = ".,?!;:"
FIRST_BYTE = 3  # the vocabulary begins with three marks and the 256 bytes, which serve where no piece does


def merge(reference: str, heard: str) -> str:
    """The reference's words, written as the teacher writes: `heard` lends case and punctuation where it has the word.

    A reference that has both case and punctuation of its own is returned as it is.
    """
    if reference != reference.lower() and reference != reference.upper():
        return reference if set(reference) & set(MARKS) else _marked(reference.split(), heard.split(), keep_case=True)
    return _marked(reference.lower().split(), heard.split(), keep_case=False)


def agreement(reference: str, heard: str) -> float:
    """Share of words heard alike, 0 to 1."""
    return float(Levenshtein.normalized_similarity(words(reference), words(heard)))


class Pieces:
    """Moonshine's tokens, a byte-pair vocabulary in which a lower id means an earlier merge."""

    def __init__(self, tokens: list[bytes]) -> None:
        self._ids: dict[str, int] = {}
        for n, token in enumerate(tokens[FIRST_BYTE + 256 :], FIRST_BYTE + 256):
            self._ids.setdefault(token.decode("utf8", "replace"), n)

    def encode(self, text: str) -> list[int]:
        """Token ids; characters outside the vocabulary become their bytes."""
        parts = list("\u2581" + text.replace(" ", "\u2581"))
        while pairs := [(self._ids[a + b], n) for n, (a, b) in enumerate(pairwise(parts)) if a + b in self._ids]:
            _, n = min(pairs)
            parts[n : n + 2] = [parts[n] + parts[n + 1]]
        return [i for part in parts for i in self._single(part)]

    def _single(self, part: str) -> list[int]:
        if part in self._ids:
            return [self._ids[part]]
        return [FIRST_BYTE + byte for byte in part.encode()]


def write_labels(
    work: Path, teacher: Teacher, belief: float = 0.5, least_agreement: float = LEAST_AGREEMENT
) -> dict[str, int]:
    """Writes the labels and returns how many clips were heard alike, relabelled and left out."""
    store, lessons = ClipStore(work), Lessons(work / "teacher")
    pieces, counts = Pieces(teacher.tokens), {"alike": 0, "relabelled": 0, "left out": 0}
    rows: list[dict[str, Any]] = []
    relabelled: list[tuple[Clip, str]] = []
    for clip in store.select("speech", split="train"):
        if clip.id not in lessons or not clip.text:
            continue
        heard = text_of(teacher.tokens, lessons.ids(clip.id))
        if words(clip.text) == words(heard):
            counts["alike"] += 1
        elif agreement(clip.text, heard) < least_agreement:
            counts["left out"] += 1
            rows.append({"id": clip.id, "ids": None, "first_step": 0, "text": ""})
        else:
            counts["relabelled"] += 1
            relabelled.append((clip, merge(clip.text, heard)))
    best_ids, best_log_probs, step = [], [], 0
    for clip, text in relabelled:
        ids = pieces.encode(text)
        kept = soften(expected(teacher, lessons.frames(clip), ids), [*ids, EOS], belief)
        best_ids.append(kept[0])
        best_log_probs.append(kept[1])
        rows.append({"id": clip.id, "ids": ids, "first_step": step, "text": text})
        step += len(ids) + 1
    folder = work / "teacher"
    np.save(folder / "label_ids.npy", torch.cat(best_ids or [torch.zeros(0, KEPT_TOKENS)]).int().numpy())
    np.save(folder / "label_log_probs.npy", torch.cat(best_log_probs or [torch.zeros(0, KEPT_TOKENS)]).half().numpy())
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (folder / "labels.jsonl").write_text(lines, "utf8")
    return counts


@torch.no_grad()
def expected(teacher: Teacher, frames: Tensor, ids: list[int]) -> Tensor:
    """What the teacher expects at every step of a given text: log-probabilities [len(ids) + 1, pieces]."""
    with torch.autocast("cpu", torch.bfloat16):
        given = torch.tensor([[BOS, *ids]])
        states = teacher.decoder(given, frames[None], torch.ones(1, len(frames), dtype=torch.bool))
        return teacher.decoder.logits(states)[0].float().log_softmax(-1)


def soften(log_probs: Tensor, ids: list[int], belief: float = 0.5) -> tuple[Tensor, Tensor]:
    """So much of the belief goes to the reference; the rest stays where the teacher has it.

    log_probs: [steps, pieces]; ids: [steps]. Returns the likeliest pieces and their log-probabilities [steps, kept].
    What else could have been meant is worth learning too: the reference alone made other corpora worse.
    """
    mixed = (1 - belief) * log_probs.exp()
    mixed[torch.arange(len(ids)), torch.tensor(ids)] += belief
    best = mixed.topk(min(KEPT_TOKENS, mixed.shape[1]))
    return best.indices, best.values.log()


def _marked(reference: list[str], heard: list[str], keep_case: bool) -> str:
    """Aligns the words and dresses each of the reference's in what its partner wears."""
    plain = ["".join(words(w)) for w in heard]
    dressed = list(reference)
    for step in Levenshtein.opcodes(["".join(words(w)) for w in reference], plain):
        if step.tag in ("equal", "replace"):
            for n, m in zip(range(step.src_start, step.src_end), range(step.dest_start, step.dest_end), strict=True):
                dressed[n] = _dress(reference[n], heard[m], keep_case)
    return " ".join(w for w in dressed if w)


def _dress(word: str, model: str, keep_case: bool) -> str:
    """A word with the capital and the marks of its partner."""
    before, body, after = re.fullmatch(r"(\W*)(.*?)(\W*)", model, re.DOTALL).groups()
    bare = word.strip(MARKS)
    if not keep_case and body[:1].isupper():
        bare = bare[:1].upper() + bare[1:]
    if not keep_case and body.lower() == bare.lower():
        bare = body
    return before + bare + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    options = parser.parse_args()
    for what, count in write_labels(options.work, load_teacher(options.model_folder)).items():
        print(f"{what:11} {count:6}")


if __name__ == "__main__":
    run(main)
