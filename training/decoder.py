"""Moonshine tiny's own decoder in PyTorch: reads frames, spells text. Frozen, it is what training listens to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import Norm, rotate, rotation

BOS, EOS = 1, 2
TOKENS_A_SECOND = 6.5  # Moonshine's own limit on the length of its output


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """Sizes of a decoder; the defaults are Moonshine tiny's."""

    width: int = 288
    heads: int = 8
    layers: int = 6
    rotary: int = 32
    vocabulary: int = 32_768


class Attention(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q, self.k, self.v, self.o = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))

    def split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1, self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, time, width] -> keys and values [batch, heads, time, head width]."""
        return self.split(self.k(x)), self.split(self.v(x))

    def read(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool = False) -> Tensor:
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        out: Tensor = self.o(seen.transpose(1, 2).flatten(-2))
        return out


class DecoderLayer(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        width = shape.width
        self.self_attention, self.cross_attention = Attention(shape), Attention(shape)
        self.norm1, self.norm2, self.norm3 = Norm(width), Norm(width), Norm(width)
        self.fc1, self.fc2 = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def remember(self, x: Tensor, turn: Tensor) -> Tensor:
        """Adds what the tokens before say."""
        own, y = self.self_attention, self.norm1(x)
        k, v = own.keys_values(y)
        return x + own.read(rotate(own.split(own.q(y)), turn), rotate(k, turn), v, None, causal=True)

    def query(self, x: Tensor) -> Tensor:
        """What the layer asks the frames."""
        return self.cross_attention.split(self.cross_attention.q(self.norm2(x)))

    def listen(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """Adds what the frames say."""
        return x + self.cross_attention.read(self.query(x), k, v, mask)

    def feed_forward(self, x: Tensor) -> Tensor:
        value, gate = self.fc1(self.norm3(x)).chunk(2, -1)
        return x + self.fc2(value * F.silu(gate))


class Decoder(nn.Module):
    """Token ids and frames to logits of the next token."""

    def __init__(self, shape: DecoderShape | None = None) -> None:
        super().__init__()
        self.shape = shape or DecoderShape()
        self.embedding = nn.Embedding(self.shape.vocabulary, self.shape.width)
        self.layers = nn.ModuleList(DecoderLayer(self.shape) for _ in range(self.shape.layers))
        self.norm = Norm(self.shape.width)

    def forward(self, ids: Tensor, frames: Tensor, seen: Tensor) -> Tensor:
        """Teacher-forced states before the output layer: [batch, length, width].

        ids: int64 [batch, length]; frames: [batch, T, width]; seen: boolean [batch, T], the frames that may be read.
        """
        x, turn, mask = self.embedding(ids), rotation(ids.shape[1], self.shape.rotary), seen[:, None, None]
        for layer in self.layers:
            x = layer.remember(x, turn)
            x = layer.feed_forward(layer.listen(x, *layer.cross_attention.keys_values(frames), mask))
        return self.norm(x)

    def attention(self, ids: Tensor, frames: Tensor, seen: Tensor) -> Tensor:
        """Where each layer and head looks for the token after each id: [batch, layers, heads, length, T]."""
        x, turn, mask = self.embedding(ids), rotation(ids.shape[1], self.shape.rotary), seen[:, None, None]
        found = []
        for layer in self.layers:
            x = layer.remember(x, turn)
            k, v = layer.cross_attention.keys_values(frames)
            scores = layer.query(x) @ k.transpose(-1, -2) * k.shape[-1] ** -0.5
            found.append(scores.masked_fill(~mask, float("-inf")).softmax(-1))
            x = layer.feed_forward(layer.listen(x, k, v, mask))
        return torch.stack(found, 1)

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embedding.weight)

    def cross_memory(self, frames: Tensor) -> Tensor:
        """All that the decoder sees of the frames, keys and values of every layer: [batch, T, layers, 2 width]."""
        readers = [layer.cross_attention for layer in self.layers]
        return torch.stack([torch.cat([reader.k(frames), reader.v(frames)], -1) for reader in readers], 2)


@dataclass(slots=True)
class Transcribed:
    """What greedy decoding found in one utterance; `ids` without beginning and end marks."""

    ids: list[int]
    best_ids: Tensor
    """int32 [len(ids) + 1, k]: the likeliest next tokens at every step, the end mark's step included."""
    best_log_probs: Tensor
    """float16 [len(ids) + 1, k]."""


@torch.no_grad()
def greedy(decoder: Decoder, frames: Tensor, lengths: Tensor, keep: int = 1) -> list[Transcribed]:
    """Decodes a batch of utterances. frames: [batch, T, width]; lengths: int64 [batch] frames of each row."""
    limits = (lengths * 0.024 * TOKENS_A_SECOND).long() + 6
    seen = torch.arange(frames.shape[1]) < lengths[:, None]
    memory = [layer.cross_attention.keys_values(frames) for layer in decoder.layers]
    past: list[tuple[Tensor, Tensor]] = []
    turn = rotation(int(limits.max()) + 1, decoder.shape.rotary)
    ids, running = torch.full((len(frames), 1), BOS), torch.ones(len(frames), dtype=torch.bool)
    ranked = []
    for step in range(int(limits.max()) + 1):
        states, past = _step(decoder, ids[:, -1:], turn[:, step : step + 1], past, memory, seen)
        best = decoder.logits(states)[:, 0].float().log_softmax(-1).topk(keep)
        ranked.append(best)
        chosen = torch.where(running & (step < limits), best.indices[:, 0], EOS)
        ids = torch.cat([ids, chosen[:, None]], 1)
        running = running & (chosen != EOS)
        if not running.any():
            break
    lengths_out = (ids[:, 1:] == EOS).int().argmax(1) + torch.where((ids[:, 1:] == EOS).any(1), 0, ids.shape[1] - 1)
    best_ids = torch.stack([r.indices for r in ranked], 1).int()
    best_log_probs = torch.stack([r.values for r in ranked], 1).half()
    return [
        Transcribed(row[1 : 1 + n].tolist(), b[: n + 1], p[: n + 1])
        for row, n, b, p in zip(ids, lengths_out.tolist(), best_ids, best_log_probs, strict=True)
    ]


def _step(
    decoder: Decoder,
    ids: Tensor,
    turn: Tensor,
    past: list[tuple[Tensor, Tensor]],
    memory: list[tuple[Tensor, Tensor]],
    seen: Tensor,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """One token for every row -> states [batch, 1, width] and the grown keys and values."""
    x, grown = decoder.embedding(ids), []
    for n, layer in enumerate(decoder.layers):
        own = layer.self_attention
        y = layer.norm1(x)
        k, v = own.keys_values(y)
        k = rotate(k, turn)
        if past:
            k, v = torch.cat([past[n][0], k], 2), torch.cat([past[n][1], v], 2)
        grown.append((k, v))
        x = x + own.read(rotate(own.split(own.q(y)), turn), k, v, None)
        x = layer.feed_forward(layer.listen(x, *memory[n], seen[:, None, None]))
    return decoder.norm(x), grown
