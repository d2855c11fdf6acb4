"""Third step: train the streaming encoder to hear what the whole-utterance one hears. Run again to resume.

python -m training.distil training/runs/streaming-encoder.toml WORK MODEL_FOLDER RUN_FOLDER

RUN_FOLDER gets `checkpoint.pt` and `log.jsonl` (and TensorBoard's files where it is installed).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data import Batch, targets
from training.errors import run
from training.graph_weights import opened
from training.judge import encoding, latency, word_errors
from training.losses import total_loss
from training.model import Encoder
from training.run_file import RunOptions, read_run
from training.store import ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, load_teacher
from training.trainer import Stop, Trainer


class Distillation:
    """The task: frames of the streaming encoder from which Moonshine's decoder reads what it would have read."""

    def __init__(self, options: RunOptions, work: Path, teacher: Teacher, start: Path | None = None) -> None:
        """`start`: a checkpoint whose encoder to begin with, in place of the teacher's."""
        self.options, self.teacher = options, teacher
        self.store, self.lessons = ClipStore(work), Lessons(work / "teacher", options.references)
        speech = self.store.select("speech", split="train", longest_s=LONGEST_S)
        self.clips = [c for c in speech if c.id in self.lessons and c.corpus not in options.without]
        self.module = student(opened(start) if start else teacher.encoder, options, work).train()

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.module.parameters()), "lr": learning_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        frames = self.module.encode(batch.sound, batch.row_frames(), chunk, self.options.left, look_ahead)
        return total_loss(frames, batch, targets(batch, self.lessons), self.teacher.decoder, self.options.loss)

    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors on the dev split as Moonshine's decoder reads the frames, by chunk size and corpus."""
        encoder = Encoder(self.module.shape, self.module.carried).eval()
        encoder.load_state_dict(weights)
        clips = self.store.select("speech", split="dev", longest_s=LONGEST_S)
        return {
            latency(chunk, ahead): word_errors(
                clips, self.store, encoding(encoder, chunk, self.options.left, ahead), self.teacher
            )
            for chunk, ahead in self.options.judged_chunks
        }

    def describe(self) -> dict[str, Any]:
        return self.module.describe()


def student(weights: Encoder, options: RunOptions, work: Path) -> Encoder:
    """The streaming form of these weights, streams beginning with the statistics of the training speech."""
    encoder = Encoder(weights.shape, options.carried)
    encoder.load_state_dict(weights.state_dict())
    encoder.prior.copy_(torch.from_numpy(np.load(work / "teacher" / "prior.npy")))
    return encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("folder", type=Path, help="checkpoint and log")
    parser.add_argument("--start", type=Path, help="a checkpoint, an exported encoder or a model folder to begin with")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    settings = read_run(options.run)
    task = Distillation(settings, options.work, load_teacher(options.model_folder), options.start)
    trainer = Trainer(task, settings, options.folder)
    (options.folder / "run.json").write_text(json.dumps(asdict(settings), indent=1), "utf8")
    trainer.run(Stop(options.minutes))
    trainer.judge()


if __name__ == "__main__":
    run(main)
