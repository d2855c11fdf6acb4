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
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from training.augment import Augment, AugmentOptions
from training.checkpoint import Average, Progress, load, save
from training.data import Batch, BatchOptions, batches, targets
from training.errors import run
from training.judge import streaming, word_errors
from training.losses import LossWeights, total_loss
from training.model import Carried, Encoder
from training.store import ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, load_teacher


@dataclass(frozen=True, slots=True)
class RunOptions:
    """A run file; its tables are the fields below that are dataclasses themselves."""

    chunks: tuple[int, ...] = (3, 6, 12, 24, 24)
    """Chunk sizes in frames, one drawn for each batch: a size named twice is drawn twice as often."""
    left: int = 168
    """Frames before the chunk that are still seen."""
    learning_rate: float = 8e-5
    warm_steps: int = 100
    cool_from: int = 0
    """Step at which the learning rate begins to fall; 0: never."""
    cool_steps: int = 2000
    average: float = 0.998
    references: bool = False
    """Learn the words that training.labels wrote where the teacher misheard."""
    save_minutes: float = 5.0
    judge_minutes: float = 20.0
    judged_chunks: tuple[int, ...] = (12, 24)
    carried: Carried = field(default_factory=Carried)
    loss: LossWeights = field(default_factory=LossWeights)
    batch: BatchOptions = field(default_factory=BatchOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)


def read_run(path: Path) -> RunOptions:
    """Reads a run file; raises TypeError naming a field that does not exist."""
    tables = {"carried": Carried, "loss": LossWeights, "batch": BatchOptions, "augment": AugmentOptions}
    raw = {k: tuple(v) if isinstance(v, list) else v for k, v in tomllib.loads(path.read_text("utf8")).items()}
    for name, kind in tables.items():
        if name in raw:
            raw[name] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw[name].items()})
    return RunOptions(**raw)


class SupportsBool(Protocol):
    def __bool__(self) -> bool: ...


class Distillation:
    """A run: the student, its teacher's lessons, and everything needed to go on where it stopped."""

    def __init__(self, options: RunOptions, work: Path, teacher: Teacher, folder: Path) -> None:
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


class Log:
    """Means over some steps, appended to `log.jsonl` and, where it is installed, TensorBoard."""

    EVERY = 25

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._sums: dict[str, float] = {}
        self._count = 0
        self._board = _tensorboard(folder)

    def add(self, progress: Progress, parts: dict[str, float]) -> None:
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if progress.step % self.EVERY == 0:
            self.write(progress, **{name: round(value / self._count, 4) for name, value in self._sums.items()})
            self._sums, self._count = {}, 0

    def write(self, progress: Progress, **what: Any) -> None:
        now = {
            "step": progress.step,
            "minutes": round(progress.busy_s / 60, 1),
            "hours": round(progress.audio_s / 3600, 2),
            "x_real_time": round(progress.audio_s / max(1e-9, progress.busy_s), 1),
        }
        line = json.dumps(now | what)
        print(line, flush=True)
        with self._path.open("a", encoding="utf8") as out:
            out.write(line + "\n")
        if self._board:
            for name, value in what.items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, progress.step)


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


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # optional: the log and training.curve say the same
        return None
    return SummaryWriter(str(folder / "board"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("folder", type=Path, help="checkpoint and log")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    distillation = Distillation(read_run(options.run), options.work, load_teacher(options.model_folder), options.folder)
    (options.folder / "run.json").write_text(json.dumps(asdict(distillation.options), indent=1), "utf8")
    distillation.run(Stop(options.minutes))
    distillation.judge()


if __name__ == "__main__":
    run(main)
