"""A CTC head on the streaming encoder: three frames make a step of 72 ms, then layers of its own, then pieces.

72 ms because three frames of 24 ms are a whole number of what the encoder gives: 80 ms would need a resampling that
blurs the chunk's edge. The layers see what the encoder's see: their chunk and four seconds before it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import (
    BLOCK,
    Encoder,
    EncoderLayer,
    EncoderShape,
    Norm,
    rotation,
    window_mask,
    window_plan,
    windowed_attention,
)

STACK = 3


class CtcHead(nn.Module):
    """Frames [batch, T, width] to logits [batch, T / 3, pieces + 1], the blank last."""

    def __init__(self, shape: EncoderShape, layers: int, pieces: int) -> None:
        super().__init__()
        self.rotary = shape.rotary
        self.gather = nn.Linear(STACK * shape.width, shape.width)
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(layers))
        self.norm, self.out = Norm(shape.width), nn.Linear(shape.width, pieces + 1)

    def forward(self, frames: Tensor, chunk: int, left: int) -> Tensor:
        """chunk and left: in frames, multiples of three."""
        steps = frames.shape[1] // STACK
        stacked = frames[:, : steps * STACK].reshape(frames.shape[0], steps, STACK * frames.shape[2])
        x = self.gather(F.pad(stacked, (0, 0, 0, -steps % BLOCK)))
        mask = window_mask(window_plan(x.shape[1], chunk // STACK, 0), chunk // STACK, left // STACK, 0).to(x.dtype)
        turn = rotation(x.shape[1], self.rotary)
        for layer in self.layers:
            x = layer(x, turn, lambda q, k, v: windowed_attention(q, k, v, mask))
        logits: Tensor = self.out(self.norm(x[:, :steps]))
        return logits


class CtcRecognizer(nn.Module):
    """Encoder and head."""

    def __init__(self, encoder: Encoder, layers: int, pieces: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = CtcHead(encoder.shape, layers, pieces)
        self._sizes = {"layers": layers, "pieces": pieces}

    def describe(self) -> dict[str, Any]:
        """What it takes to build the like, as plain values."""
        return self.encoder.describe() | {"head": self._sizes}


def best_path(logits: Tensor) -> list[int]:
    """Greedy CTC of one utterance [steps, pieces + 1]: repeats merged, blanks dropped."""
    blank = logits.shape[1] - 1
    merged = torch.unique_consecutive(logits.argmax(-1)).tolist()
    return [i for i in merged if i != blank]
