"""Moonshine's decoder learns along: it reads the frames of encoders that are finished. Run again to resume.

python -m training.reading training/runs/decoder.toml WORK MODEL_FOLDER RUN_FOLDER --whole ENCODER --streaming ENCODER

Batches whose chunk is `WHOLE` are encoded by the first encoder, all others by the second; each is a checkpoint, an
exported encoder or a model folder, and stays as it is. What learns is the decoder's layers; its embedding, which is its
output layer too, keeps the words that these recordings never have.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.data import Batch, targets
from training.decoder import Decoder
from training.errors import run
from training.graph_weights import opened
from training.judge import encoding, latency, word_errors
from training.losses import token_loss
from training.model import WHOLE, Encoder
from training.run_file import RunOptions, read_run
from training.store import ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, load_teacher
from training.trainer import Stop, Trainer


class Reading:
    """The task: next tokens of a decoder that reads the frames of frozen encoders."""

    def __init__(self, options: RunOptions, work: Path, teacher: Teacher, whole: Encoder, streaming: Encoder) -> None:
        self.options, self.teacher = options, teacher
        self.store, self.lessons = ClipStore(work), Lessons(work / "teacher", options.references)
        speech = self.store.select("speech", split="train", longest_s=LONGEST_S)
        self.clips = [c for c in speech if c.id in self.lessons and c.corpus not in options.without]
        self._whole, self._streaming = whole.requires_grad_(False), streaming.requires_grad_(False)
        self.module = Decoder(teacher.decoder.shape).train()
        self.module.load_state_dict(teacher.decoder.state_dict())
        self.module.embedding.requires_grad_(False)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [w for w in self.module.parameters() if w.requires_grad], "lr": learning_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            encoder = self._encoder(chunk)
            frames = encoder.encode(batch.sound, batch.row_frames(), chunk, self.options.left, look_ahead)
        loss = token_loss(frames, batch, targets(batch, self.lessons), self.module)
        return loss, {"tokens": loss.item()}

    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors on the dev split as these weights read the frames, by chunk size and corpus."""
        decoder = Decoder(self.module.shape).eval()
        decoder.load_state_dict(weights)
        clips = self.store.select("speech", split="dev", longest_s=LONGEST_S)
        reader = replace(self.teacher, decoder=decoder)
        return {
            latency(chunk, ahead): word_errors(
                clips, self.store, encoding(self._encoder(chunk), chunk, self.options.left, ahead), reader
            )
            for chunk, ahead in self.options.judged_chunks
        }

    def describe(self) -> dict[str, Any]:
        return {"decoder": asdict(self.module.shape)}

    def _encoder(self, chunk: int) -> Encoder:
        return self._whole if chunk == WHOLE else self._streaming


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("folder", type=Path, help="checkpoint and log")
    parser.add_argument("--whole", type=Path, required=True, help="the encoder of whole windows")
    parser.add_argument("--streaming", type=Path, required=True, help="the encoder of chunks")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    settings = read_run(options.run)
    encoders = opened(options.whole), opened(options.streaming)
    task = Reading(settings, options.work, load_teacher(options.model_folder), *encoders)
    trainer = Trainer(task, settings, options.folder)
    trainer.run(Stop(options.minutes))
    trainer.judge()


if __name__ == "__main__":
    run(main)
