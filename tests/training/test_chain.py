"""The whole chain in miniature: prepare, teach, train, stop, resume, export, compare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import torch

from training.augment import AugmentOptions
from training.checkpoint import averaged_encoder, load
from training.data import BatchOptions
from training.distil import Distillation
from training.export import OnnxEncoder, compare, export
from training.losses import LossWeights
from training.run_file import RunOptions, read_run
from training.store import ClipStore
from training.teacher import Teacher
from training.trainer import Trainer

OPTIONS = RunOptions(
    learning_rate=3e-4,
    warm_steps=1,
    loss=LossWeights(states=1.0, memory=0.1, tokens=0.1),
    batch=BatchOptions(batch_seconds=4.0, row_seconds=3.0, empty_chance=0.0),
    augment=AugmentOptions(gain_chance=0.0, room_chance=0.0, telephone_chance=0.0, noise_chance=0.0),
)


class StopAt:
    """True once the run has come to a step."""

    def __init__(self, run: Trainer, step: int) -> None:
        self._run, self._step = run, step

    def __bool__(self) -> bool:
        return self._run.progress.step >= self._step


def distance(task: Distillation) -> float:
    """How far the student's frames of one clip are from the teacher's."""
    clip = task.clips[0]
    sound = torch.nn.functional.pad(task.store.read(clip), (0, -clip.frames * 384 % (48 * 384)))
    with torch.no_grad():
        own = task.module.streaming(sound[None], 12, task.options.left)[0, : clip.frames]
    return float((own - task.lessons.frames(clip)).abs().mean())


@pytest.fixture(scope="module")
def trained(work: Path, teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float, float]:
    """Run folder, and the distance from the teacher before and after twelve steps with a stop between."""
    folder = tmp_path_factory.mktemp("run")
    task = Distillation(OPTIONS, work, teacher)
    before = distance(task)
    first = Trainer(task, OPTIONS, folder)
    first.run(StopAt(first, 6))
    task = Distillation(OPTIONS, work, teacher)
    second = Trainer(task, OPTIONS, folder)
    assert second.progress == first.progress
    second.run(StopAt(second, 12))
    return folder, before, distance(task)


def test_training_brings_the_student_nearer_to_the_teacher(trained: tuple[Path, float, float]) -> None:
    _, before, after = trained
    assert after < before


def test_a_resumed_run_counts_on(trained: tuple[Path, float, float]) -> None:
    assert load(trained[0] / "checkpoint.pt")["progress"]["step"] == 12


def test_judging_writes_word_errors_of_the_dev_split(
    trained: tuple[Path, float, float], work: Path, teacher: Teacher
) -> None:
    Trainer(Distillation(OPTIONS, work, teacher), OPTIONS, trained[0]).judge()
    last = json.loads((trained[0] / "log.jsonl").read_text("utf8").splitlines()[-1])
    assert set(last["wer"]) == {"288 ms", "576 ms"}
    assert set(last["wer"]["576 ms"]) == {"made-up"}


@pytest.mark.parametrize("chunk", [3, 6, 12, 24])
def test_the_exported_graph_equals_pytorch_chunk_by_chunk(
    trained: tuple[Path, float, float], work: Path, tmp_path: Path, chunk: int
) -> None:
    encoder = averaged_encoder(trained[0] / "checkpoint.pt")
    # a left context shorter than the recording, so that the caches roll over
    plain, small = export(encoder, left=48, folder=tmp_path)
    sound = longest_sound(work)
    assert compare(encoder, 48, plain, sound, chunk)["largest difference"] < 1e-4
    assert compare(encoder, 48, small, sound, chunk)["mean cosine"] > 0.99


def test_frames_never_change_with_later_sound(trained: tuple[Path, float, float], work: Path, tmp_path: Path) -> None:
    plain, _ = export(averaged_encoder(trained[0] / "checkpoint.pt"), left=48, folder=tmp_path)
    sound = longest_sound(work)
    whole, begun = (OnnxEncoder(plain).encode(s, 12) for s in (sound, sound[: 60 * 384]))
    np.testing.assert_array_equal(whole[:60], begun)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "training" / "runs").glob("*.toml")), ids=lambda p: p.stem
)
def test_every_run_file_can_be_read(path: Path) -> None:
    assert read_run(path).chunks


def longest_sound(work: Path) -> np.ndarray:
    store = ClipStore(work)
    return store.read(max(store.select("speech"), key=lambda c: c.samples)).numpy()
