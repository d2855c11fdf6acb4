"""Pieces at their steps: alignment, targets, and the head in miniature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.align import character_frames, path
from training.ctc import CtcTraining, ctc_loss, step_loss, steps_of
from training.ctc_model import CtcHead, CtcRecognizer, TokenOutput, best_path
from training.ctc_tokens import TimedTokens, TokenTraining
from training.distil import student
from training.model import EncoderShape
from training.pieces import TimedPieces, make_pieces
from training.run_file import CtcOptions, RunOptions, TdtOptions
from training.tdt import TdtTraining
from training.teacher import Lessons, Teacher
from training.trainer import Trainer

SMALL = EncoderShape(width=32, heads=2, layers=2, rotary=8)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=12))
def test_steps_spell_the_pieces_under_ctc(pieces: list[tuple[int, int]]) -> None:
    ids, frames = [i for i, _ in pieces], sorted(f for _, f in pieces)
    steps = steps_of(ids, frames, delay=1)
    logits = torch.zeros(max(steps) + 1, 5)
    logits[:, 4] = 1.0
    for i, step in zip(ids, steps, strict=True):
        logits[step] = torch.nn.functional.one_hot(torch.tensor(i), 5).float()
    assert best_path(logits) == ids
    assert all(step >= frame // 3 + 1 for step, frame in zip(steps, frames, strict=True))


def test_the_path_never_goes_back_and_beats_every_other() -> None:
    attention = np.random.default_rng(4).random((4, 6))
    found = path(attention)
    every = [p for p in np.ndindex(6, 6, 6, 6) if list(p) == sorted(p)]
    best = max(every, key=lambda p: np.log(attention[range(4), p] + 1e-6).sum())
    assert tuple(found) == best


def test_characters_take_their_tokens_frames() -> None:
    tokens = ["\u2581He".encode(), b"y", b"\xc3"]
    assert character_frames(tokens, [0, 1, 0], np.array([3, 5, 9])) == ("Hey He", [3, 3, 5, 9, 9, 9])
    assert character_frames(tokens, [2], np.array([1])) is None


def test_pieces_are_heard_where_their_last_character_is(tmp_path: Path) -> None:
    texts = ["It's here.", "He is there, they say.", "Here they are."] * 9
    make_pieces(texts, 40, tmp_path / "pieces.model")
    (tmp_path / "teacher").mkdir()
    row = {"id": "a", "text": "He is here.", "frames": list(range(10, 21))}
    (tmp_path / "teacher" / "times.jsonl").write_text(json.dumps(row) + "\n", "utf8")
    pieces = TimedPieces(tmp_path)
    ids, frames = pieces.of("a")
    assert pieces.text(ids) == "He is here."
    assert frames[-1] == 20
    assert frames == sorted(frames)


def test_losses_are_least_where_the_pieces_are() -> None:
    rows = [([1, 2], [0, 9]), ([], [])]
    right = torch.full((2, 6, 4), -9.0)
    right[:, :, 3] = 9.0
    for step, piece in ((1, 1), (4, 2)):
        right[0, step, 3], right[0, step, piece] = -9.0, 9.0
    wrong = right.roll(1, -1)
    assert step_loss(right, rows, delay=1) < 1e-4 < step_loss(wrong, rows, delay=1)
    assert ctc_loss(right, rows) < 1e-4 < ctc_loss(wrong, rows)


def test_the_head_does_not_look_beyond_its_chunk() -> None:
    torch.manual_seed(0)
    head = CtcHead(SMALL, layers=2, pieces=5).eval()
    frames = torch.randn(1, 96, 32)
    changed = frames.clone()
    changed[:, 48:] += 1.0
    with torch.no_grad():
        before, after = (head(f, chunk=12, left=48) for f in (frames, changed))
    assert torch.allclose(before[:, :16], after[:, :16], atol=1e-5)
    assert not torch.allclose(before[:, 16:], after[:, 16:], atol=1e-2)


def test_tokens_are_heard_where_their_last_character_is(spoken_work: Path, teacher: Teacher) -> None:
    lessons = Lessons(spoken_work / "teacher")
    tokens = [b"\xe2\x96\x81one", b"\xe2\x96\x81t", b"wo"]
    lessons.ids = lambda clip_id: [0, 1, 2]  # type: ignore[method-assign]
    timed = TimedTokens(spoken_work, lessons, tokens)
    assert timed.of("3") == ([0, 1, 2], [6, 20, 22])
    assert timed.text([0, 1, 2]) == "one two"


def test_moonshines_embedding_reads_the_states_that_its_decoder_has() -> None:
    torch.manual_seed(0)
    output, embedding = TokenOutput(16, 40), torch.randn(40, 16)
    output.embedding.copy_(embedding)
    with torch.no_grad():
        scores = output(embedding[[7, 3]])
    assert scores.shape == (2, 41)
    assert torch.allclose(scores[:, :40], embedding[[7, 3]] @ embedding.T, atol=1e-5)


@pytest.mark.parametrize("task", [CtcTraining, TdtTraining, TokenTraining])
@pytest.mark.parametrize("stored", [False, True])
def test_a_run_trains_stops_and_goes_on(
    spoken_work: Path, teacher: Teacher, tmp_path: Path, task: type[CtcTraining], stored: bool
) -> None:
    options = RunOptions(
        learning_rate=1e-3,
        warm_steps=1,
        ctc=CtcOptions(layers=1, stored=stored),
        tdt=TdtOptions(width=16),
        judged_chunks=((12, 0),),
    )
    encoder, tied = student(teacher.encoder, options, spoken_work), task is TokenTraining

    def run(steps: int) -> Trainer:
        start = CtcRecognizer(encoder, 1, len(teacher.tokens) if tied else TimedPieces(spoken_work).size, tied)
        trainer = Trainer(task(options, spoken_work, teacher, start), options, tmp_path)
        asked = iter(range(1000))
        trainer.run(type("Stop", (), {"__bool__": lambda _: next(asked) >= 2 * steps - 2})())
        return trainer

    before = encoder.conv1.weight.clone()
    run(2)
    trainer = run(3)
    assert trainer.progress.step == 5
    assert set(trainer.judge()["288 ms (288 + 0)"]) == {"made-up"}
    assert torch.equal(trainer.average.weights["encoder.conv1.weight"], before) == stored
