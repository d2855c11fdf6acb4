"""Trains a CTC head, and the encoder under it, to write cased and punctuated pieces. Again to resume.

python -m training.ctc training/runs/streaming-ctc.toml WORK MODEL_FOLDER RUN_FOLDER --start ENCODER_CHECKPOINT

The decoder's cross-attention says where each piece is heard (training.align), which gives a target for every step long
before CTC would find it; CTC is free to move it; distillation keeps the frames readable for Moonshine's decoder.
"""

from __future__ import annotations

import argparse
import json
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.ctc_model import STACK, CtcRecognizer, begin, best_path
from training.data import Batch, targets
from training.errors import run
from training.judge import latency
from training.losses import total_loss
from training.model import BLOCK, FRAME
from training.pieces import Timed, TimedPieces
from training.run_file import RunOptions, read_run
from training.score import WordErrors
from training.store import ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, batches, load_teacher
from training.trainer import Stop, Trainer

Rows = list[tuple[list[int], list[int]]]
"""Of each row of a batch, its pieces' ids and the frames of the row at which they are heard."""


class CtcTraining:
    """The task: pieces from the streaming encoder, with the frames kept readable for Moonshine's decoder."""

    def __init__(self, options: RunOptions, work: Path, teacher: Teacher, start: CtcRecognizer) -> None:
        self.options, self.teacher, self.module = options, teacher, start
        self.store, self.lessons = ClipStore(work), Lessons(work / "teacher", options.references)
        self.pieces = self.vocabulary(work)
        speech = self.store.select("speech", split="train", longest_s=LONGEST_S)
        spoken = [c for c in speech if c.id in self.lessons and c.id in self.pieces]
        self.clips = [c for c in spoken if c.corpus not in options.without]

    def vocabulary(self, work: Path) -> Timed:
        """What the head writes."""
        return TimedPieces(work)

    @staticmethod
    def begin(checkpoint: Path, options: RunOptions, work: Path, teacher: Teacher) -> CtcRecognizer:  # noqa: ARG004
        """The module of a checkpoint, with a fresh head where it has none."""
        return begin(checkpoint, options.ctc.layers, TimedPieces(work).size)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        encoder, options = self.module.encoder.requires_grad_(not self.options.ctc.stored), self.options.ctc
        own = [] if options.stored else [{"params": list(encoder.parameters()), "lr": learning_rate}]
        return [*own, {"params": list(self.module.head.parameters()), "lr": learning_rate * options.head_rate}]

    def loss(self, batch: Batch, chunk: int, look_ahead: int) -> tuple[Tensor, dict[str, float]]:
        options = self.options
        if options.ctc.stored:
            frames = with_gaps(stored_frames(batch, self.lessons, self.module.encoder.shape.width))
            return self.head_loss(self.module.head.states(frames, chunk, options.left), batch)
        frames = self.module.encoder.streaming(batch.sound, chunk, options.left, look_ahead)
        total, parts = self.head_loss(self.module.head.states(frames, chunk, options.left), batch)
        readable, more = total_loss(frames, batch, targets(batch, self.lessons), self.teacher.decoder, options.loss)
        return total + readable, parts | more

    def head_loss(self, states: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """What the head is to learn. states: its own [rows, steps, width]."""
        options, logits, rows = self.options.ctc, self.module.head.out(states).float(), piece_rows(batch, self.pieces)
        ctc, placed = ctc_loss(logits, rows), step_loss(logits, rows, options.delay_steps)
        return options.ctc * ctc + options.placed * placed, {"ctc": ctc.item(), "placed": placed.item()}

    @torch.no_grad()
    def judge(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        """Word errors of greedy decoding on the dev split, by chunk size and corpus."""
        module = deepcopy(self.module).eval()
        module.load_state_dict(weights)
        return {latency(*judged): self._word_errors(module, *judged) for judged in self.options.judged_chunks}

    def _word_errors(self, module: CtcRecognizer, chunk: int, look_ahead: int) -> dict[str, float]:
        found: dict[str, WordErrors] = {}
        for batch in batches(self.store.select("speech", split="dev", longest_s=LONGEST_S), 120.0):
            sound = torch.nn.utils.rnn.pad_sequence([self.store.read(c) for c in batch], batch_first=True)
            # half a second more, for what is written after it is heard
            sound = F.pad(sound, (0, 24 * FRAME))
            sound = F.pad(sound, (0, -sound.shape[1] % (BLOCK * FRAME)))
            with torch.autocast("cpu", torch.bfloat16):
                frames = module.encoder.streaming(sound, chunk, self.options.left, look_ahead)
                states = module.head.states(frames, chunk, self.options.left).float()
            for clip, row in zip(batch, states, strict=True):
                ids = self.spell(module, row[: clip.frames // STACK + 8])
                found.setdefault(clip.corpus, WordErrors()).add(clip.text, self.pieces.text(ids))
        return {corpus: round(e.percent, 1) for corpus, e in sorted(found.items())}

    @staticmethod
    def spell(module: CtcRecognizer, states: Tensor) -> list[int]:
        """The pieces of one utterance's head states [steps, width]."""
        return best_path(module.head.out(states))

    def describe(self) -> dict[str, Any]:
        return self.module.describe()


def piece_rows(batch: Batch, pieces: Timed) -> Rows:
    rows: Rows = [([], []) for _ in range(len(batch.sound))]
    for segment in batch.segments:
        if segment.clip:
            ids, frames = pieces.of(segment.clip.id)
            rows[segment.row][0].extend(ids)
            rows[segment.row][1].extend(segment.first + f for f in frames)
    return rows


def stored_frames(batch: Batch, lessons: Lessons, width: int) -> Tensor:
    """The teacher's frames of each row's utterances where they lie, zeros between: [rows, T, width]."""
    frames = torch.zeros(len(batch.sound), batch.sound.shape[1] // FRAME, width)
    for segment in batch.segments:
        if segment.clip:
            frames[segment.row, segment.first : segment.first + segment.frames] = lessons.frames(segment.clip)
    return frames


def with_gaps(frames: Tensor, longest: int = 20) -> Tensor:
    """Two spans of each row zeroed, up to half a second each: so few hours of frames would be learned by heart."""
    at = torch.arange(frames.shape[1])
    kept = torch.ones(frames.shape[:2], dtype=torch.bool)
    for _ in range(2):
        begin = torch.randint(0, frames.shape[1], (len(frames), 1))
        kept &= (at < begin) | (at >= begin + torch.randint(0, longest, (len(frames), 1)))
    return frames * kept[..., None]


def ctc_loss(logits: Tensor, rows: Rows) -> Tensor:
    """A piece's share of the CTC loss, in nats. logits: float32 [rows, steps, pieces + 1]."""
    ids = [i for row, _ in rows for i in row]
    lengths = torch.tensor([len(row) for row, _ in rows])
    steps = torch.full((len(rows),), logits.shape[1])
    log_probs = logits.log_softmax(-1).transpose(0, 1)
    blank = logits.shape[2] - 1
    summed = F.ctc_loss(log_probs, torch.tensor(ids), steps, lengths, blank=blank, reduction="sum", zero_infinity=True)
    return summed / max(1, len(ids))


def step_loss(logits: Tensor, rows: Rows, delay: int) -> Tensor:
    """Cross-entropy with each piece at its step and blanks between; pieces and blanks weigh the same in sum."""
    blank = logits.shape[2] - 1
    wanted = torch.full(logits.shape[:2], blank)
    for n, (ids, frames) in enumerate(rows):
        for i, step in zip(ids, steps_of(ids, frames, delay), strict=True):
            if step < wanted.shape[1]:
                wanted[n, step] = i
    each = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
    spoken = wanted.flatten() != blank
    if not spoken.any():
        return each.mean()
    return 0.5 * (each[spoken].mean() + each[~spoken].mean())


def steps_of(ids: list[int], frames: list[int], delay: int) -> list[int]:
    """A step for each piece: where it is heard or, where that is taken, the next; a blank parts equal neighbours."""
    steps: list[int] = []
    for n, (i, frame) in enumerate(zip(ids, frames, strict=True)):
        free = steps[-1] + (2 if ids[n - 1] == i else 1) if steps else 0
        steps.append(max(free, frame // STACK + delay))
    return steps


def train(task: type[CtcTraining], about: str | None) -> None:
    """The command line of a head's run."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a file of training/runs")
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("folder", type=Path, help="checkpoint and log")
    parser.add_argument("--start", type=Path, required=True, help="checkpoint of the streaming encoder, or of a head")
    parser.add_argument("--head", type=Path, help="another run's checkpoint to take the head from")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop by itself after so long")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    settings = read_run(options.run)
    teacher = load_teacher(options.model_folder)
    start = task.begin(options.start, settings, options.work, teacher)
    if options.head:
        start.head = task.begin(options.head, settings, options.work, teacher).head
    trainer = Trainer(task(settings, options.work, teacher, start), settings, options.folder)
    (options.folder / "run.json").write_text(json.dumps(asdict(settings), indent=1), "utf8")
    trainer.run(Stop(options.minutes))
    trainer.judge()


if __name__ == "__main__":
    run(lambda: train(CtcTraining, __doc__))
