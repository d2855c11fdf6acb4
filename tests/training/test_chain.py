"""The whole chain in miniature: prepare, teach, train, stop, resume, export, compare."""

from __future__ import annotations

import json
from dataclasses import replace
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
from training.judge import encoding
from training.losses import LossWeights
from training.model import FRAME, WHOLE, Encoder, rotate, rotation
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


def distance(task: Distillation, chunk: int = 12) -> float:
    """How far the student's frames of one clip are from the teacher's."""
    clip = task.clips[0]
    with torch.no_grad():
        encode = encoding(task.module, chunk, task.options.left)
        own = encode(task.store.read(clip)[None], torch.tensor([clip.frames]))[0, : clip.frames]
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
    assert set(last["wer"]) == {"288 ms (144 + 144)", "576 ms (288 + 288)"}
    assert set(last["wer"]["576 ms (288 + 288)"]) == {"made-up"}


def test_encoders_of_whole_windows_can_be_trained(work: Path, teacher: Teacher, tmp_path: Path) -> None:
    options = replace(OPTIONS, chunks=((WHOLE, 0),), judged_chunks=((WHOLE, 0),))
    task = Distillation(options, work, teacher)
    torch.manual_seed(2)
    with torch.no_grad():  # the teacher itself, as which it begins, has nothing to learn in this form
        for weight in task.module.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    before = distance(task, WHOLE)
    run = Trainer(task, options, tmp_path)
    run.run(StopAt(run, 12))
    assert distance(task, WHOLE) < before
    assert set(run.judge()) == {"whole utterance"}


@pytest.mark.parametrize("profile", [(3, 3), (6, 6), (6, 12), (12, 12), (24, 0)])
def test_the_exported_graph_equals_pytorch_chunk_by_chunk(
    trained: tuple[Path, float, float], work: Path, tmp_path: Path, profile: tuple[int, int]
) -> None:
    encoder = averaged_encoder(trained[0] / "checkpoint.pt")
    # a left context shorter than the recording, so that the caches roll over
    plain, small = export(encoder, left=48, folder=tmp_path)
    sound = longest_sound(work)
    assert compare(encoder, 48, plain, sound, *profile)["largest difference"] < 1e-4
    assert compare(encoder, 48, small, sound, *profile)["mean cosine"] > 0.99


def test_look_ahead_lends_the_chunk_what_comes_after_it(
    trained: tuple[Path, float, float], work: Path, tmp_path: Path
) -> None:
    encoder = averaged_encoder(trained[0] / "checkpoint.pt")
    runner = OnnxEncoder(export(encoder, left=48, folder=tmp_path)[0])
    sound = longest_sound(work)
    large, ahead, small = runner.encode(sound, 24), runner.encode(sound, 12, look_ahead=12), runner.encode(sound, 12)
    # the first chunk is the first half of a chunk twice as long
    np.testing.assert_allclose(ahead[:12], large[:12], atol=1e-5)
    assert np.abs(ahead[12:24] - large[12:24]).max() > 1e-3
    # what the caches keep of provisional frames is nothing: convolutions and statistics go on as without them
    assert np.abs(ahead - small).mean() < np.abs(small).mean()
    reference = stepwise(encoder, sound, chunk=12, look_ahead=12)
    np.testing.assert_allclose(ahead, reference, atol=1e-4)


@torch.no_grad()
def stepwise(encoder: Encoder, sound: np.ndarray, chunk: int, look_ahead: int) -> np.ndarray:
    """Look-ahead by its definition: keys and values of every chunk from a window of chunk and look-ahead, left 48."""
    frames = len(sound) // FRAME
    stem = encoder.streaming_stem(torch.nn.functional.pad(torch.from_numpy(sound), (0, 99 * FRAME))[None])[0]
    past: list[list[torch.Tensor]] = [[] for _ in encoder.layers]
    out = []
    for start in range(0, frames, chunk):
        x = stem[None, start : start + chunk + look_ahead]
        for layer, memory in zip(encoder.layers, past, strict=True):
            q, k, v = layer.qkv(layer.norm1(x)).chunk(3, -1)
            seen = torch.cat([*memory, torch.cat([k, v], -1)], 1)
            memory[:] = [seen[:, : seen.shape[1] - look_ahead][:, -48:]]
            keys, values = (layer.split(y) for y in seen.chunk(2, -1))
            turn = rotation(keys.shape[2], encoder.shape.rotary)
            own = rotate(layer.split(q), turn[:, keys.shape[2] - x.shape[1] :])
            read = torch.nn.functional.scaled_dot_product_attention(own, rotate(keys, turn), values)
            x = layer.feed_forward(x + layer.out(read.transpose(1, 2).flatten(-2)))
        out.append(encoder.norm(x)[0, :chunk])
    return torch.cat(out)[:frames].numpy()


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
