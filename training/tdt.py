"""Trains a token-and-duration transducer on a CTC run's encoder and head. Again to resume.

python -m training.tdt training/runs/streaming-tdt.toml WORK MODEL_FOLDER RUN_FOLDER --start CTC_CHECKPOINT
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.ctc import CtcTraining, Rows, piece_rows, train
from training.ctc_model import CtcRecognizer
from training.data import Batch
from training.errors import run
from training.run_file import RunOptions
from training.tdt_loss import tdt_loss
from training.tdt_model import DURATIONS, TdtRecognizer
from training.teacher import Teacher


class TdtTraining(CtcTraining):
    """The task: pieces and how long each lasts, beside the CTC head's own losses."""

    module: TdtRecognizer

    def __init__(self, options: RunOptions, work: Path, teacher: Teacher, start: CtcRecognizer) -> None:
        super().__init__(options, work, teacher, start)
        description = start.describe() | {"transducer": {"width": options.tdt.width}}
        self.module = start if isinstance(start, TdtRecognizer) else TdtRecognizer.build(description)
        self.module.load_state_dict(start.state_dict(), strict=False)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        own = [*self.module.predictor.parameters(), *self.module.joint.parameters()]
        return [*super().groups(learning_rate), {"params": own, "lr": learning_rate * self.options.ctc.head_rate}]

    def head_loss(self, states: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        total, parts = super().head_loss(states, batch)
        found = transducer_loss(self.module, states, piece_rows(batch, self.pieces), self.options.tdt.sigma)
        return total + self.options.tdt.weight * found, parts | {"tdt": found.item()}

    @staticmethod
    def spell(module: CtcRecognizer, states: Tensor) -> list[int]:
        assert isinstance(module, TdtRecognizer)
        return module.greedy(states)


def transducer_loss(module: TdtRecognizer, states: Tensor, rows: Rows, sigma: float) -> Tensor:
    """A piece's share of the TDT loss, in nats. states: the head's [rows, steps, width]."""
    blank = module.head.out.out_features - 1
    lengths = torch.tensor([len(ids) for ids, _ in rows])
    labels = torch.full((len(rows), int(lengths.max())), 0)
    for n, (ids, _) in enumerate(rows):
        labels[n, : len(ids)] = torch.tensor(ids, dtype=torch.int64)
    begun = torch.cat([torch.full((len(rows), 1), blank), labels], 1)
    logits = module.joint(states, module.predictor(begun)[0]).float()
    steps = torch.full((len(rows),), states.shape[1])
    return tdt_loss(logits, labels, steps, lengths, DURATIONS, sigma).sum() / max(1, int(lengths.sum()))


if __name__ == "__main__":
    run(lambda: train(TdtTraining, __doc__))
