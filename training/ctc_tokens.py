"""Trains a CTC head that writes Moonshine's own tokens: its decoder lends the output layer and says what to aim at.

python -m training.ctc_tokens training/runs/streaming-ctc-tokens.toml WORK MODEL_FOLDER RUN_FOLDER --start CHECKPOINT

At the step where a token is heard the head's state is drawn to the state in which the decoder says that token, and read
through the decoder's embedding. With so few hours that is worth more than all else: see training/README.md.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.ctc import CtcTraining, piece_rows, steps_of, train
from training.ctc_model import CtcRecognizer, TokenOutput, begin
from training.data import Batch
from training.decoder import BOS
from training.errors import run
from training.losses import state_loss
from training.pieces import Timed, read_times
from training.run_file import RunOptions
from training.teacher import Lessons, Teacher
from training.weights import text_of


class TimedTokens:
    """Every clip's Moonshine tokens and their frames."""

    def __init__(self, work: Path, lessons: Lessons, tokens: Sequence[bytes]) -> None:
        self._lessons, self._tokens = lessons, list(tokens)
        self._frames = {r["id"]: r["frames"] for r in read_times(work)}

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._frames

    @property
    def size(self) -> int:
        """Tokens; the blank comes after them."""
        return len(self._tokens)

    def of(self, clip_id: str) -> tuple[list[int], list[int]]:
        """Ids of the clip's tokens and the frame at which each one's last character is heard."""
        ids, frames = self._lessons.ids(clip_id), self._frames[clip_id]
        spelled, at = "", []
        for i in ids:
            spelled = (spelled + self._tokens[i].decode("utf8", "replace").replace("\u2581", " ")).lstrip()
            at.append(frames[min(max(len(spelled), 1), len(frames)) - 1])
        return ids, at

    def text(self, ids: list[int]) -> str:
        return text_of(self._tokens, ids)


class TokenTraining(CtcTraining):
    """The task: at each token's step the decoder's state and token, at as many others the blank."""

    def vocabulary(self, work: Path) -> Timed:
        return TimedTokens(work, self.lessons, self.teacher.tokens)

    @staticmethod
    def begin(checkpoint: Path, options: RunOptions, work: Path, teacher: Teacher) -> CtcRecognizer:  # noqa: ARG004
        """The module of a checkpoint, with a fresh head where it has none."""
        embedding = teacher.decoder.embedding.weight
        recognizer = begin(checkpoint, options.ctc.layers, len(embedding), tied=True)
        recognizer.head.out.embedding.copy_(embedding)
        return recognizer

    def head_loss(self, states: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """states: the head's own [rows, steps, width]."""
        output, said = self.module.head.out, self._said(batch)
        assert isinstance(output, TokenOutput)
        places, ids, wanted = [], [], []
        for n, (row, frames) in enumerate(piece_rows(batch, self.pieces)):
            steps = [min(s, states.shape[1] - 1) for s in steps_of(row, frames, self.options.ctc.delay_steps)]
            places += [(n, step) for step in steps]
            ids += row
            wanted += said[n]
            # all blanks would cost ten times the products, and be all that is learned at first
            free = sorted(set(range(states.shape[1])) - set(steps))
            quiet = random.sample(free, min(len(free), max(len(steps), 1)))
            places += [(n, step) for step in quiet]
            ids += [output.out_features - 1] * len(quiet)
        row_of, step_of = torch.tensor(places).unbind(1)
        own, labels = states[row_of, step_of], torch.tensor(ids)
        placed = F.cross_entropy(output(own).float(), labels)
        total, parts = self.options.ctc.placed * placed, {"placed": placed.item()}
        if wanted:
            near = state_loss(output.state(own[labels < output.out_features - 1]).float(), torch.stack(wanted).float())
            total, parts = total + self.options.ctc.dense * near, parts | {"dense": near.item()}
        return total, parts

    @torch.no_grad()
    def _said(self, batch: Batch) -> list[list[Tensor]]:
        """The decoder's state as it says each token of each row, from the whole-utterance frames."""
        rows: list[list[Tensor]] = [[] for _ in batch.sound]
        spoken = [(s.row, s.clip) for s in batch.segments if s.clip]
        if not spoken:
            return rows
        ids = [torch.tensor([BOS, *self.lessons.ids(clip.id)]) for _, clip in spoken]
        frames = [self.lessons.frames(clip) for _, clip in spoken]
        lengths = torch.tensor([len(f) for f in frames])
        states = self.teacher.decoder(
            torch.nn.utils.rnn.pad_sequence(ids, batch_first=True),
            torch.nn.utils.rnn.pad_sequence(frames, batch_first=True),
            torch.arange(int(lengths.max())) < lengths[:, None],
        )
        for (row, _), tokens, said in zip(spoken, ids, states, strict=True):
            rows[row] += said[: len(tokens) - 1].unbind(0)
        return rows


if __name__ == "__main__":
    run(lambda: train(TokenTraining, __doc__))
