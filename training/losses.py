"""How far the student is from the teacher: in its frames, in what the decoder sees of them, in what that then says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data import Batch, Targets
from training.decoder import Decoder


@dataclass(frozen=True, slots=True)
class LossWeights:
    states: float = 1.0
    """Cosine distance and smooth L1 of the frames."""
    memory: float = 0.0
    """The same of the decoder's cross-attention keys and values, which weigh what the decoder reads."""
    tokens: float = 1.0
    """Cross-entropy of the decoder's next tokens on the student's frames against those on the teacher's."""


def state_loss(own: Tensor, target: Tensor) -> Tensor:
    """Frames [N, width] against the teacher's."""
    return (1 - F.cosine_similarity(own, target, -1)).mean() + 0.3 * F.smooth_l1_loss(own, target)


def memory_loss(own: Tensor, target: Tensor, decoder: Decoder) -> Tensor:
    """Projected keys and values [N, layers, 2 width], each layer in units of its own spread."""
    with torch.no_grad():
        wanted = decoder.cross_memory(target[None])[0].float()
        spread = wanted.std((0, 2), keepdim=True)
    return F.smooth_l1_loss(decoder.cross_memory(own[None])[0].float() / spread, wanted / spread)


def token_loss(frames: Tensor, batch: Batch, wanted: Targets, decoder: Decoder) -> Tensor:
    """Cross-entropy a token, in nats, teacher-forced."""
    heard, real = batch.heard(frames)
    states = decoder(wanted.inputs, heard, real)[wanted.steps]
    logits = decoder.logits(states).float()
    log_probs = logits.gather(1, wanted.next_ids) - logits.logsumexp(-1, keepdim=True)
    return -(wanted.next_log_probs.exp() * log_probs).sum(1).mean()


def total_loss(
    frames: Tensor, batch: Batch, wanted: Targets, decoder: Decoder, weights: LossWeights
) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum, and each part for the log. frames: the student's [rows, T, width]."""
    parts: dict[str, Tensor] = {}
    if len(wanted.frames):
        own = batch.own_frames(frames).float()
        if weights.states:
            parts["states"] = state_loss(own, wanted.frames)
        if weights.memory:
            parts["memory"] = memory_loss(own, wanted.frames, decoder)
    if weights.tokens:
        parts["tokens"] = token_loss(frames, batch, wanted, decoder)
    total = sum((getattr(weights, name) * part for name, part in parts.items()), torch.zeros(()))
    return total, {name: part.item() for name, part in parts.items()}
