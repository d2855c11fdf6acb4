"""A token-and-duration transducer on the streaming encoder: the CTC head's layers, a predictor and a joint.

The CTC output stays and is trained along, as in NeMo's hybrids, so that one encoder serves both decoders.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from training.ctc_model import CtcRecognizer, bare_encoder
from training.errors import TrainingError
from training.model import Encoder

DURATIONS = (0, 1, 2, 3, 4)
"""Steps of 72 ms that a token may skip."""
MOST_SYMBOLS = 10
"""Pieces that greedy decoding may emit at one step, NeMo's default."""


class Predictor(nn.Module):
    """Pieces so far to what the joint reads: [B, U] -> [B, U, width]. A stream begins with the blank, which is zero."""

    def __init__(self, pieces: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(pieces + 1, width, padding_idx=pieces)
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, ids: Tensor, states: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """states: as the last call gave them, [1, B, width] each; None begins anew."""
        outputs, states = self.lstm(self.embedding(ids), states)
        return outputs, states


class Joint(nn.Module):
    """Every step with every prediction: logits [B, T, U, pieces + 1 + durations]."""

    def __init__(self, frames: int, predicted: int, width: int, outputs: int) -> None:
        super().__init__()
        self.of_frames, self.of_predicted = nn.Linear(frames, width), nn.Linear(predicted, width)
        self.out = nn.Linear(width, outputs)

    def forward(self, frames: Tensor, predicted: Tensor) -> Tensor:
        """frames: [B, T, frames]; predicted: [B, U, predicted]."""
        both = self.of_frames(frames)[:, :, None] + self.of_predicted(predicted)[:, None]
        logits: Tensor = self.out(both.relu())
        return logits


class TdtRecognizer(CtcRecognizer):
    """Encoder, head, predictor and joint."""

    def __init__(self, encoder: Encoder, layers: int, pieces: int, width: int, tied: bool = False) -> None:
        if tied:
            raise TrainingError("A transducer joins every step with every piece: give it a head of few pieces.")
        super().__init__(encoder, layers, pieces)
        self.predictor = Predictor(pieces, width)
        self.joint = Joint(encoder.shape.width, width, width, pieces + 1 + len(DURATIONS))

    @classmethod
    def build(cls, description: dict[str, Any]) -> TdtRecognizer:
        """One as `describe` described it, with weights of its own."""
        return cls(bare_encoder(description), **description["head"], **description["transducer"])

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"transducer": {"width": self.predictor.lstm.hidden_size}}

    @torch.no_grad()
    def greedy(self, states: Tensor) -> list[int]:
        """Pieces of one utterance's head states [steps, width]."""
        blank, at, here = self.head.out.out_features - 1, 0, 0
        ids: list[int] = []
        predicted, memory = self.predictor(torch.tensor([[blank]]))
        while at < len(states):
            logits = self.joint(states[None, at : at + 1], predicted)[0, 0, 0]
            token = int(logits[: blank + 1].argmax())
            duration = DURATIONS[int(logits[blank + 1 :].argmax())]
            if token == blank:
                duration = max(1, duration)
            else:
                ids.append(token)
                predicted, memory = self.predictor(torch.tensor([[token]]), memory)
                here += 1
                if here == MOST_SYMBOLS:
                    duration = max(1, duration)
            at, here = at + duration, 0 if duration else here
        return ids
