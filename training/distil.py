"""Third step: train the streaming encoder to hear what the whole-utterance one hears. Run again to resume.

python -m training.distil training/runs/streaming-encoder.toml WORK MODEL_FOLDER RUN_FOLDER

RUN_FOLDER gets `checkpoint.pt` and `log.jsonl` (and TensorBoard's files where it is installed).
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from training.augment import Augment
from training.checkpoint import Average, Progress, averaged_encoder, load, save
from training.data import Batch, batches, targets
from training.errors import run
from training.judge import streaming, word_errors
from training.log import Log
from training.losses import total_loss
from training.model import Encoder
from training.run_file import RunOptions, read_run
from training.store import ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, load_teacher


class SupportsBool(Protocol):
    def __bool__(self) -> bool: ...


class Distillation:
    """A run: the student, its teacher's lessons, and everything needed to go on where it stopped."""

    def __init__(
        self, options: RunOptions, work: Path, teacher: Teacher, folder: Path, start: Path | None = None
    ) -> None:
        self.options, self.folder = options, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.store, self.lessons = ClipStore(work), Lessons(work / "teacher", options.references)
        speech = self.store.select("speech", split="train", longest_s=LONGEST_S)
        self.clips = [c for c in speech if c.id in self.lessons]
        self.judged = self.store.select("speech", split="dev", longest_s=LONGEST_S)
        self.augment = Augment(self.store, options.augment)
        self.teacher = teacher
        self.student = Encoder(teacher.encoder.shape, options.carried)
        self.student.load_state_dict(teacher.encoder.state_dict())
        self.student.prior.copy_(torch.from_numpy(np.load(work / "teacher" / "prior.npy")))
        if start:
            self.student.load_state_dict(averaged_encoder(start).state_dict())
        self.average = Average(self.student, options.average)
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(), options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.progress = Progress()
        self.log = Log(folder)
        if self.checkpoint.is_file():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def run(self, stop: SupportsBool) -> None:
        """Trains until told to stop, saving and judging at their intervals."""
        saved, judged = time.monotonic(), self.progress.busy_s
        for batch in self._batches():
            begun = time.monotonic()
            parts = self._learn(batch)
            self.progress.busy_s += time.monotonic() - begun
            self.log.add(self.progress, parts)
            if stop or time.monotonic() - saved > 60 * self.options.save_minutes:
                self._save()
                saved = time.monotonic()
            if self.progress.busy_s - judged > 60 * self.options.judge_minutes:
                self.judge()
                judged = self.progress.busy_s
            if stop:
                return

    def judge(self) -> dict[str, Any]:
        """Word errors of the averaged weights on the dev split, chunk size by chunk size."""
        encoder = Encoder(self.student.shape, self.options.carried).eval()
        encoder.load_state_dict(self.average.weights)
        found = {
            f"{24 * chunk} ms": word_errors(
                self.judged, self.store, streaming(encoder, chunk, self.options.left), self.teacher
            )
            for chunk in self.options.judged_chunks
        }
        self.log.write(self.progress, wer=found)
        return found

    def _batches(self) -> Iterator[Batch]:
        while True:
            epoch = batches(self.clips, self.store, self.augment, self.options.batch, seed=self.progress.epoch)
            for n, batch in enumerate(epoch):
                if n < self.progress.batch_of_epoch:
                    continue
                self.progress.batch_of_epoch = n + 1
                yield batch
            self.progress.epoch, self.progress.batch_of_epoch = self.progress.epoch + 1, 0

    def _learn(self, batch: Batch) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        chunk = random.Random(self.progress.step).choice(self.options.chunks)
        with torch.autocast("cpu", torch.bfloat16):
            frames = self.student.streaming(batch.sound, chunk, self.options.left)
            wanted = targets(batch, self.lessons)
            loss, parts = total_loss(frames, batch, wanted, self.teacher.decoder, self.options.loss)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        if size.isfinite():
            self.optimiser.step()
        self.progress.step += 1
        self.progress.audio_s += batch.seconds
        self.average.update(self.student, self.progress.step)
        return parts | {"gradient": size.item()}

    def _rate(self) -> float:
        step, options = self.progress.step, self.options
        rate = options.learning_rate * min(1.0, (step + 1) / options.warm_steps)
        if options.cool_from and step > options.cool_from:
            rate *= max(0.02, 1 - (step - options.cool_from) / options.cool_steps)
        return rate

    def _save(self) -> None:
        save(self.checkpoint, self.student, self.average, self.optimiser, self.progress)

    def _resume(self) -> None:
        state = load(self.checkpoint)
        self.student.load_state_dict(state["model"])
        self.average.weights = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])


class Stop:
    """True once the process was asked to end (Ctrl+C or SIGTERM): the run then saves and returns."""

    def __init__(self, minutes: float = float("inf")) -> None:
        self._asked = False
        self._end = time.monotonic() + 60 * minutes
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def __bool__(self) -> bool:
        return self._asked or time.monotonic() > self._end

    def _on_signal(self, *_: object) -> None:
        self._asked = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("folder", type=Path, help="checkpoint and log")
    parser.add_argument("--start", type=Path, help="another run's checkpoint to begin with")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    teacher = load_teacher(options.model_folder)
    distillation = Distillation(read_run(options.run), options.work, teacher, options.folder, options.start)
    (options.folder / "run.json").write_text(json.dumps(asdict(distillation.options), indent=1), "utf8")
    distillation.run(Stop(options.minutes))
    distillation.judge()


if __name__ == "__main__":
    run(main)
