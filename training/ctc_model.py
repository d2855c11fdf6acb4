"""A CTC head on the streaming encoder: three frames make a step of 72 ms, then layers of its own, then pieces.

72 ms because three frames of 24 ms are a whole number of what the encoder gives: 80 ms would need a resampling that
blurs the chunk's edge. The layers see what the encoder's see: their chunk and four seconds before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.checkpoint import averaged_encoder, load
from training.model import (
    BLOCK,
    Carried,
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


class TokenOutput(nn.Module):
    """Moonshine's embedding read backwards, as its decoder does: logits of its tokens, and of a blank after them."""

    embedding: Tensor

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.out_features = tokens + 1
        self.state, self.blank = nn.Linear(width, width), nn.Linear(width, 1)
        nn.init.eye_(self.state.weight)
        nn.init.zeros_(self.state.bias)
        self.register_buffer("embedding", torch.zeros(tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.linear(self.state(x), self.embedding), self.blank(x)], -1)


class CtcHead(nn.Module):
    """Frames [batch, T, width] to logits [batch, T / 3, pieces + 1], the blank last.

    tied: the pieces are Moonshine's tokens, and its embedding is the output layer.
    """

    def __init__(self, shape: EncoderShape, layers: int, pieces: int, tied: bool = False) -> None:
        super().__init__()
        self.rotary = shape.rotary
        self.gather = nn.Linear(STACK * shape.width, shape.width)
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(layers))
        self.norm = Norm(shape.width)
        self.out = TokenOutput(shape.width, pieces) if tied else nn.Linear(shape.width, pieces + 1)

    def states(self, frames: Tensor, chunk: int, left: int) -> Tensor:
        """What pieces are read from: [batch, T / 3, width]. chunk and left: in frames, multiples of three."""
        steps = frames.shape[1] // STACK
        stacked = frames[:, : steps * STACK].reshape(frames.shape[0], steps, STACK * frames.shape[2])
        x = self.gather(F.pad(stacked, (0, 0, 0, -steps % BLOCK)))
        mask = window_mask(window_plan(x.shape[1], chunk // STACK, 0), chunk // STACK, left // STACK, 0).to(x.dtype)
        turn = rotation(x.shape[1], self.rotary)
        for layer in self.layers:
            x = layer(x, turn, lambda q, k, v: windowed_attention(q, k, v, mask))
        return self.norm(x[:, :steps])

    def forward(self, frames: Tensor, chunk: int, left: int) -> Tensor:
        logits: Tensor = self.out(self.states(frames, chunk, left))
        return logits


class CtcRecognizer(nn.Module):
    """Encoder and head."""

    def __init__(self, encoder: Encoder, layers: int, pieces: int, tied: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = CtcHead(encoder.shape, layers, pieces, tied)
        self._sizes = {"layers": layers, "pieces": pieces, "tied": tied}

    def describe(self) -> dict[str, Any]:
        """What it takes to build the like, as plain values."""
        return self.encoder.describe() | {"head": self._sizes}


def bare_encoder(description: dict[str, Any]) -> Encoder:
    """An encoder of the size that `describe` told, with weights of its own."""
    return Encoder(EncoderShape(**description["shape"]), Carried(**description["carried"]))


def begin(checkpoint: Path, layers: int, pieces: int, tied: bool = False) -> CtcRecognizer:
    """A checkpoint's averaged weights: of its encoder under a fresh head, or of both where it has a head."""
    state = load(checkpoint)
    if "head" not in state:
        return CtcRecognizer(averaged_encoder(checkpoint), layers, pieces, tied)
    recognizer = CtcRecognizer(bare_encoder(state), **state["head"])
    recognizer.load_state_dict(state["average"], strict=False)  # a transducer's has more
    return recognizer


def best_path(logits: Tensor) -> list[int]:
    """Greedy CTC of one utterance [steps, pieces + 1]: repeats merged, blanks dropped."""
    blank = logits.shape[1] - 1
    merged = torch.unique_consecutive(logits.argmax(-1)).tolist()
    return [i for i in merged if i != blank]
