"""Texts to learn from: whose words, whose commas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.labels import Pieces, agreement, merge, soften
from training.score import words
from training.teacher import Lessons

WORDS = st.lists(st.sampled_from(["one", "two", "red", "o'clock", "it's", "half"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("reference", "heard", "merged"),
    [
        ("i saw john he left", "I saw Jon. He left!", "I saw John. He left!"),
        ("BLESSING ON A NEW YEAR", "Passing on New Year.", "Blessing on a New Year."),
        ("Don't you see, I hate you.", "dont you see i hate you", "Don't you see, I hate you."),
        ("the mp3 player", "The MP3 player.", "The MP3 player."),
        ("no", "", "no"),
    ],
)
def test_words_from_the_reference_and_looks_from_the_teacher(reference: str, heard: str, merged: str) -> None:
    assert merge(reference, heard) == merged


@given(reference=WORDS, heard=WORDS)
def test_no_word_of_the_reference_is_lost(reference: str, heard: str) -> None:
    assert words(merge(reference, heard.title() + ".")) == words(reference)


def test_a_text_of_another_recording_does_not_agree() -> None:
    assert agreement("the cat sat", "The cat sat.") == 1.0
    assert agreement("the cat sat", "Seven, please.") == 0.0


def test_pieces_merge_earliest_first_and_fall_back_to_bytes() -> None:
    marks_and_bytes = [b""] * (3 + 256)
    pieces = Pieces([*marks_and_bytes, b"ab", "\u2581a".encode(), b"bc", "\u2581".encode(), b"a", b"b", b"c"])
    assert pieces.encode("abc") == [262, 259, 265]  # ab is older than bc and than a with its space
    assert pieces.encode("c!") == [262, 265, 3 + ord("!")]


def test_half_the_belief_goes_to_the_reference() -> None:
    beliefs = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    ids, log_probs = soften(beliefs.log(), [1, 2])
    assert ids[:, 0].tolist() == [1, 2]
    assert torch.allclose(log_probs.exp()[0], torch.tensor([0.6, 0.35, 0.05]))
    assert torch.allclose(log_probs.exp().sum(1), torch.ones(2))


def test_lessons_take_the_reference_where_asked(work: Path) -> None:
    folder = work / "teacher"
    rows = [{"id": "3", "ids": [7, 8], "first_step": 0}, {"id": "4", "ids": None, "first_step": 0}]
    (folder / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf8")
    ids, log_probs = soften(torch.full((3, 48), 1 / 48).log(), [7, 8, 2])
    np.save(folder / "label_ids.npy", ids.int().numpy())
    np.save(folder / "label_log_probs.npy", log_probs.half().numpy())
    own, corrected = Lessons(folder), Lessons(folder, references=True)
    assert "4" in own
    assert "4" not in corrected
    assert own.ids("3") != [7, 8] == corrected.ids("3")
    next_ids, next_log_probs = corrected.next_tokens("3")
    assert next_ids[next_log_probs.exp() > 0.5].tolist() == [7, 8, 2]
