"""One step of the streaming encoder as exported: a chunk of sound and caches in, frames and caches out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import (
    CONV1_HISTORY,
    CONV1_PER_FRAME,
    CONV1_STRIDE,
    CONV1_TAPS,
    FRAME,
    NORM_EPSILON,
    Encoder,
    frame_moments,
    later_convs,
    later_matrices,
    rotate,
    rotation,
    standardise,
)

CACHES = ("cache_audio", "cache_conv", "cache_stat", "cache_kv", "cache_len")
INPUTS = ("audio", "look_ahead", *CACHES)
OUTPUTS = ("frames", *(f"{name}_next" for name in CACHES))
LONGEST_STEP = 512  # frames that one call may bring: the length of the graph's tables


class StreamingStep(nn.Module):
    """The encoder over one chunk of any whole number of frames; every call is one chunk.

    The last `look_ahead` frames of a call are provisional: they lend the others what comes after them, and the caches
    forget them. The host gives their sound again at the beginning of the next call.

    Caches: the last 63 samples; the last 7 outputs of conv1 after the group norm; the group norm's running count, sum
    and sum of squares; keys (not yet rotated) and values of the left context; how many of its frames are real.
    """

    turn: Tensor
    decay: Tensor
    kernel2: Tensor
    bias2: Tensor
    kernel3: Tensor
    bias3: Tensor

    def __init__(self, encoder: Encoder, left: int) -> None:
        super().__init__()
        self.encoder, self.left = encoder, left
        for name, matrix in zip(("kernel2", "bias2", "kernel3", "bias3"), later_matrices(encoder), strict=True):
            self.register_buffer(name, matrix.detach())
        self.register_buffer("turn", rotation(left + LONGEST_STEP, encoder.shape.rotary))
        self.register_buffer("decay", encoder.decay() ** torch.arange(1.0, LONGEST_STEP + 1)[:, None])

    def forward(
        self,
        audio: Tensor,
        look_ahead: Tensor,
        cache_audio: Tensor,
        cache_conv: Tensor,
        cache_stat: Tensor,
        cache_kv: Tensor,
        cache_len: Tensor,
    ) -> tuple[Tensor, ...]:
        """audio: float32 [batch, 384 T]; look_ahead: int64 [1], below T -> frames [batch, T, width], next caches."""
        sound = torch.cat([cache_audio, audio], 1)
        own = torch.tanh(F.conv1d(sound[:, None], self.encoder.conv1.weight, stride=CONV1_STRIDE)).transpose(1, 2)
        sums = self._running_sums(frame_moments(own), cache_stat)
        moments = (sums[..., 1:] / sums[..., :1]).repeat_interleave(CONV1_PER_FRAME, 1)
        convolved = torch.cat([cache_conv, standardise(own, moments)], 1)
        x = later_convs((self.kernel2, self.bias2, self.kernel3, self.bias3), convolved)
        unseen = (torch.arange(self.left) < self.left - cache_len[:, None]).to(x.dtype)
        mask = F.pad(unseen * -1e4, (0, x.shape[1]))[:, None, None]
        kept = []
        for n, layer in enumerate(self.encoder.layers):
            x, memory = layer_step(layer, x, cache_kv[:, n], mask, self.turn)
            kept.append(_last(memory, self.left, look_ahead))
        length = (cache_len + x.shape[1] - look_ahead).clamp(max=self.left)
        return (
            self.encoder.norm(x),
            _last(sound, CONV1_TAPS - CONV1_STRIDE, look_ahead * FRAME),
            _last(convolved, CONV1_HISTORY, look_ahead * CONV1_PER_FRAME),
            _last(sums, 1, look_ahead)[:, 0],
            torch.stack(kept, 1),
            length,
        )

    def _running_sums(self, moments: Tensor, before: Tensor) -> Tensor:
        """[batch, T, 2] -> count, sum and sum of squares with forgetting after each frame [batch, T, 3]."""
        decay = self.decay[: moments.shape[1]]
        counted = F.pad(moments, (1, 0), value=1.0)
        return decay * (before[:, None] + torch.cumsum(counted / decay, 1))


def layer_step(layer: nn.Module, x: Tensor, past: Tensor, mask: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """An `EncoderLayer` over new frames x [batch, T, width]; past [batch, left, 2 width]: older keys and values.

    mask: added to the scores over all of them; turn: `rotation` of at least as many positions.
    Returns the frames [batch, T, width], and all keys (not yet rotated) and values [batch, left + T, 2 width].
    """
    q, k, v = layer.qkv(layer.norm1(x)).chunk(3, -1)
    memory = torch.cat([past, torch.cat([k, v], -1)], 1)
    keys, values = (layer.split(y) for y in memory.chunk(2, -1))
    turn = turn[:, : memory.shape[1]]
    scaled = layer.split(q) * (x.shape[2] // layer.heads) ** -0.5
    scores = rotate(scaled, turn[:, past.shape[1] :]) @ rotate(keys, turn).transpose(-1, -2)
    seen = (scores + mask).softmax(-1) @ values
    return layer.feed_forward(x + layer.out(seen.transpose(1, 2).flatten(-2))), memory


def _last(x: Tensor, count: int, forgotten: Tensor) -> Tensor:
    """The last `count` of axis 1, when the very last `forgotten` (int64 [1]) are left out."""
    return x.index_select(1, torch.arange(count) + (x.shape[1] - count - forgotten))


def initial_caches(encoder: Encoder, left: int) -> dict[str, Tensor]:
    """What a stream starts from, batch of one: silence before the first sample, the training speech's statistics."""
    shape = encoder.shape
    mean, square = encoder.prior
    silence = -mean * (square - mean.square() + NORM_EPSILON).rsqrt()
    return {
        "cache_audio": torch.zeros(1, CONV1_TAPS - CONV1_STRIDE),
        "cache_conv": silence.expand(1, CONV1_HISTORY, shape.width).contiguous(),
        "cache_stat": encoder.prior_frames() * torch.stack([torch.ones(()), mean, square])[None],
        "cache_kv": torch.zeros(1, shape.layers, left, 2 * shape.width),
        "cache_len": torch.zeros(1, dtype=torch.int64),
    }
