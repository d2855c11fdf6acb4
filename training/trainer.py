"""The loop that every run shares: batches, learning rate, average, checkpoint, log; what is learned is a `Task`."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from training.augment import Augment
from training.checkpoint import Average, Progress, load, save
from training.data import Batch, batches
from training.log import Log
from training.run_file import RunOptions
from training.store import Clip, ClipStore


class SupportsBool(Protocol):
    def __bool__(self) -> bool: ...


class Task(Protocol):
    """What a run learns."""

    store: ClipStore
    clips: list[Clip]
    """What it learns from."""

    @property
    def module(self) -> nn.Module:
        """What learns; its parameters that require no gradient stay as they are."""

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The optimiser's groups of parameters."""

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        """What to reduce, and its parts for the log. chunk, look_ahead: frames."""

    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """How good these weights of the module are on the dev split."""

    def describe(self) -> dict[str, Any]:
        """Sizes and settings without which the weights cannot be read, for the checkpoint."""


class Trainer:
    """A run of a task, with everything needed to go on where it stopped."""

    def __init__(self, task: Task, options: RunOptions, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.task, self.options, self.checkpoint = task, options, folder / "checkpoint.pt"
        self.progress, self.log = Progress(), Log(folder)
        self.average = Average(task.module, options.average)
        self.optimiser = torch.optim.AdamW(
            task.groups(options.learning_rate), betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._augment = Augment(task.store, options.augment)
        if self.checkpoint.is_file():
            self._resume()

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
            if stop:
                return
            if self.progress.busy_s - judged > 60 * self.options.judge_minutes:
                self.judge()
                judged = self.progress.busy_s

    def judge(self) -> dict[str, Any]:
        """Judges the averaged weights and writes the figures to the log."""
        found = self.task.judge(self.average.weights)
        self.log.write(self.progress, wer=found)
        return found

    def _batches(self) -> Iterator[Batch]:
        progress, task = self.progress, self.task
        while True:
            for batch in batches(
                task.clips,
                task.store,
                self._augment,
                self.options.batch,
                seed=progress.epoch,
                skip=progress.batch_of_epoch,
            ):
                progress.batch_of_epoch += 1
                yield batch
            progress.epoch, progress.batch_of_epoch = progress.epoch + 1, 0

    def _learn(self, batch: Batch) -> dict[str, float]:
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * self._share_of_rate()
        chunk, look_ahead = random.Random(self.progress.step).choice(self.options.chunks)
        with torch.autocast("cpu", torch.bfloat16):
            loss, parts = self.task.loss(batch, chunk, look_ahead)
        self.optimiser.zero_grad()
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_(self.task.module.parameters(), 5.0)
        if size.isfinite():
            self.optimiser.step()
        self.progress.step += 1
        self.progress.audio_s += batch.seconds
        self.average.update(self.task.module, self.progress.step)
        return parts | {"gradient": size.item()}

    def _share_of_rate(self) -> float:
        """Rises while warming up; falls in a straight line once cooling has begun."""
        step, options = self.progress.step, self.options
        share = min(1.0, (step + 1) / options.warm_steps)
        if options.cool_from and step > options.cool_from:
            share *= max(0.02, 1 - (step - options.cool_from) / options.cool_steps)
        return share

    def _save(self) -> None:
        save(self.checkpoint, self.task.describe(), self.task.module, self.average, self.optimiser, self.progress)

    def _resume(self) -> None:
        state = load(self.checkpoint)
        self.task.module.load_state_dict(state["model"])
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
