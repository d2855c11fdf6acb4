"""The decoder that learns along: its layers do, nothing else does, and what it learned is written with its share."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import torch

from engine.models.decoder_layers import FILE
from training.augment import Augment
from training.checkpoint import load
from training.data import BatchOptions, batches
from training.decoder_file import grids, read_layers
from training.finetune import packaged
from training.model import WHOLE, Carried, Encoder
from training.reading import Reading
from training.run_file import RunOptions
from training.teacher import Teacher, load_teacher
from training.trainer import Trainer
from training.weights import decoder_weights

OPTIONS = RunOptions(
    chunks=((WHOLE, 0), (12, 12)),
    judged_chunks=((WHOLE, 0), (12, 12)),
    learning_rate=1e-3,
    warm_steps=1,
    batch=BatchOptions(batch_seconds=4.0, row_seconds=3.0, empty_chance=0.0),
)


class StopAt:
    def __init__(self, run: Trainer, step: int) -> None:
        self._run, self._step = run, step

    def __bool__(self) -> bool:
        return self._run.progress.step >= self._step


def made_deaf(encoder: Encoder) -> Encoder:
    """An encoder that says the same of everything."""
    deaf = Encoder(encoder.shape, Carried())
    deaf.load_state_dict(encoder.state_dict())
    torch.nn.init.zeros_(deaf.norm.weight)
    return deaf.eval()


def test_layers_learn_and_embedding_and_encoders_stay(work: Path, teacher: Teacher, tmp_path: Path) -> None:
    encoders = [copy.deepcopy(teacher.encoder) for _ in range(2)]
    task = Reading(OPTIONS, work, teacher, *encoders)
    run = Trainer(task, OPTIONS, tmp_path)
    run.run(StopAt(run, 6))
    still = {name for name, w in task.module.state_dict().items() if torch.equal(w, teacher.decoder.state_dict()[name])}
    assert still == {"embedding.weight"}
    assert all(torch.equal(w, teacher.encoder.state_dict()[n]) for e in encoders for n, w in e.state_dict().items())
    assert set(run.judge()) == {"whole utterance", "576 ms (288 + 288)"}
    assert load(tmp_path / "checkpoint.pt")["decoder"]["width"] == teacher.decoder.shape.width


@pytest.mark.parametrize("chunk", [(WHOLE, 0), (12, 12)])
def test_each_form_is_read_from_its_own_encoder(work: Path, teacher: Teacher, chunk: tuple[int, int]) -> None:
    """The loss hangs on the encoder of the batch's form and not on the other."""
    pairs = {name: [teacher.encoder, teacher.encoder] for name in ("both", "this deaf", "other deaf")}
    this = 0 if chunk[0] == WHOLE else 1
    pairs["this deaf"][this] = pairs["other deaf"][1 - this] = made_deaf(teacher.encoder)
    losses = {}
    for name, pair in pairs.items():
        task = Reading(OPTIONS, work, teacher, *pair)
        batch = next(batches(task.clips, task.store, Augment(task.store, OPTIONS.augment), OPTIONS.batch, seed=0))
        losses[name] = task.loss(batch, *chunk)[0].item()
    assert losses["other deaf"] == losses["both"] != losses["this deaf"]


def test_a_share_of_what_was_learned_is_written(tmp_path: Path) -> None:
    if find_spec("moonshine_voice") is None:
        pytest.skip("needs the weights in the package moonshine-voice")
    published = decoder_weights(packaged() / "decoder_model_merged.ort")
    learned = {name: w + (name != "embedding.weight") * 0.02 * torch.randn_like(w) for name, w in published.items()}
    torch.save({"decoder": {}, "average": learned}, tmp_path / "checkpoint.pt")
    command = [sys.executable, "-m", "training.export_decoder", tmp_path / "checkpoint.pt", packaged(), tmp_path]
    subprocess.run([*map(str, command), "--share", "0.25"], check=True, env=os.environ)
    found = read_layers(tmp_path / FILE, packaged())
    wanted = {name: 0.75 * published[name] + 0.25 * learned[name] for name in found}
    for name, (step, _) in grids(wanted).items():
        assert ((found[name] - wanted[name]).abs() <= 0.51 * step).all(), name
    assert load_teacher(packaged()).decoder.load_state_dict(found, strict=False).unexpected_keys == []
