"""Moonshine tiny's encoder in two forms on one set of weights: whole-utterance (teacher) and streaming (student).

Time grid at 16 kHz: conv1 (127 taps, stride 64), conv2 (7, 3) and conv3 (3, 2) give one frame for 384 samples (24 ms).
A waveform gets `PAD` zeros in front, so 384 n samples give n frames and frame i needs no sample after 384 (i + 1):
the streaming form has no look-ahead beyond its chunk.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLE_RATE = 16_000
FRAME = 384  # samples a frame
PAD = 511  # zeros in front: the 895 samples that frame 0 sees, less its own 384
CONV1_TAPS, CONV1_STRIDE = 127, 64
CONV1_PER_FRAME = FRAME // CONV1_STRIDE  # new conv1 outputs a frame
CONV1_HISTORY = 7  # conv1 outputs that the first frame sees before its own six
NORM_EPSILON = 1e-5
BLOCK = 48  # frames whose attention is computed at once
WHOLE = 0  # in place of a chunk's frames: all sound at once, in the teacher's form


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of an encoder; the defaults are Moonshine tiny's."""

    width: int = 288
    heads: int = 8
    layers: int = 6
    rotary: int = 32
    """Dimensions of a head that are rotated, in interleaved pairs; the others carry no position."""

    @property
    def head_width(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Carried:
    """How the group norm's statistics are carried along a stream, in place of those of the whole utterance."""

    decay_s: float = 6.0
    """Time constant of the exponential forgetting."""
    prior_s: float = 1.0
    """Seconds of sound that the training speech's statistics are worth when a stream begins."""


def rotation(length: int, rotary: int) -> Tensor:
    """Cosines and sines of positions 0 to length - 1: [2, length, rotary / 2]."""
    rates = 10_000.0 ** (-torch.arange(0, rotary, 2) / rotary)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.cos(), angles.sin()])


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Applies `rotation` to x [batch, heads, time, head width]."""
    rotary = 2 * turn.shape[-1]
    cos, sin = turn[0], turn[1]
    first, second = x[..., :rotary:2], x[..., 1:rotary:2]
    turned = torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)
    return torch.cat([turned.to(x.dtype), x[..., rotary:]], -1)


class Norm(nn.Module):
    """Layer norm with a gain and no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, None, NORM_EPSILON)


Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values [batch, heads, time, head width] to what the queries read, in the same shape."""


class EncoderLayer(nn.Module):
    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def split(self, x: Tensor) -> Tensor:
        """[batch, time, width] -> [batch, heads, time, head width]."""
        return x.reshape(x.shape[0], -1, self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def forward(self, x: Tensor, turn: Tensor, attend: Attend) -> Tensor:
        """x: [batch, time, width]."""
        q, k, v = (self.split(y) for y in self.qkv(self.norm1(x)).chunk(3, -1))
        seen = attend(rotate(q, turn), rotate(k, turn), v)
        return self.feed_forward(x + self.out(seen.transpose(1, 2).flatten(-2)))

    def feed_forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Encoder(nn.Module):
    """Raw sound to frames [batch, time, width], one every 24 ms."""

    prior: Tensor

    def __init__(self, shape: EncoderShape | None = None, carried: Carried | None = None) -> None:
        super().__init__()
        self.shape, self.carried = shape or EncoderShape(), carried or Carried()
        width = self.shape.width
        self.conv1 = nn.Conv1d(1, width, CONV1_TAPS, CONV1_STRIDE, bias=False)
        self.conv2, self.conv3 = nn.Conv1d(width, 2 * width, 7, 3), nn.Conv1d(2 * width, width, 3, 2)
        self.norm_gain, self.norm_bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(EncoderLayer(self.shape) for _ in range(self.shape.layers))
        self.norm = Norm(width)
        # mean and mean square of conv1's outputs over training speech: what a stream starts from
        self.register_buffer("prior", torch.tensor([0.0, 0.1]))

    def whole(self, sound: Tensor, frames: Tensor) -> Tensor:
        """The teacher's form: full attention, statistics of the whole utterance.

        sound: [batch, N] without the padding in front, zeros after each row's end; frames: how many frames of each row
        are its own, int64 [batch].
        """
        own = first_conv(self, F.pad(sound, (PAD, 0)))
        real = torch.arange(own.shape[1]) < (CONV1_PER_FRAME * frames + CONV1_HISTORY)[:, None]
        count = real.sum(1) * own.shape[2]
        moments = torch.stack([(y * real[..., None]).sum((1, 2)) / count for y in (own, own.square())], -1)
        x = later_convs(later_matrices(self), standardise(own, moments[:, None]))
        mask = (torch.arange(x.shape[1]) < frames[:, None])[:, None, None]
        turn = rotation(x.shape[1], self.shape.rotary)
        return self._layers(x, turn, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask))

    def streaming(self, sound: Tensor, chunk: int, left: int, look_ahead: int = 0) -> Tensor:
        """The student's form over whole rows at once, equal to encoding them chunk by chunk.

        sound: [batch, N], N a multiple of `BLOCK` frames; chunk, left, look_ahead: frames, chunk a divisor of `BLOCK`.
        With look-ahead each chunk's window also holds the frames after it: provisional ones, which only that window
        sees and which are computed again, for good, in the next.
        """
        stem = self.streaming_stem(F.pad(sound, (0, look_ahead * FRAME)))
        plan = window_plan(sound.shape[1] // FRAME, chunk, look_ahead)
        mask = window_mask(plan, chunk, left, look_ahead).to(self._half(stem))
        turn = rotation(stem.shape[1], self.shape.rotary)[:, plan.flatten()]
        x = self._layers(stem[:, plan.flatten()], turn, lambda q, k, v: windowed_attention(q, k, v, mask))
        return x.reshape(x.shape[0], *plan.shape, x.shape[2])[:, :, :BLOCK].flatten(1, 2)

    def encode(self, sound: Tensor, frames: Tensor, chunk: int, left: int, look_ahead: int = 0) -> Tensor:
        """The student's form, or the teacher's where the chunk is `WHOLE`; sound and frames as they take them."""
        return self.whole(sound, frames) if chunk == WHOLE else self.streaming(sound, chunk, left, look_ahead)

    def streaming_stem(self, sound: Tensor) -> Tensor:
        """Convolutions with carried statistics: [batch, N] -> [batch, N / 384, width]."""
        own = first_conv(self, F.pad(sound, (PAD, 0)))
        moments = self._carried_moments(frame_moments(own[:, CONV1_HISTORY:]))
        before = self.prior.expand(len(own), CONV1_HISTORY, 2)
        each = torch.cat([before, moments.repeat_interleave(CONV1_PER_FRAME, 1)], 1)
        return later_convs(later_matrices(self), standardise(own, each))

    def describe(self) -> dict[str, Any]:
        """What it takes to build the like, as plain values."""
        return {"shape": asdict(self.shape), "carried": asdict(self.carried)}

    def decay(self) -> float:
        """What one frame leaves of the older statistics."""
        return math.exp(-FRAME / SAMPLE_RATE / self.carried.decay_s)

    def prior_frames(self) -> float:
        """Frames that the prior is worth."""
        return self.carried.prior_s * SAMPLE_RATE / FRAME

    def _carried_moments(self, moments: Tensor) -> Tensor:
        """Mean and mean square of each frame -> the same over all frames so far with forgetting, prior included."""
        steps = torch.arange(moments.shape[1])
        age = (steps[:, None] - steps).float()
        weights = torch.where(age >= 0, self.decay() ** age.clamp(min=0), torch.zeros(()))
        prior = self.prior_frames() * self.decay() ** (steps + 1.0)
        return (weights @ moments + prior[:, None] * self.prior) / (weights.sum(1) + prior)[:, None]

    def _layers(self, x: Tensor, turn: Tensor, attend: Attend) -> Tensor:
        for layer in self.layers:
            x = layer(x, turn, attend)
        return self.norm(x)

    @staticmethod
    def _half(x: Tensor) -> torch.dtype:
        """The type that matrix products have here."""
        return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def first_conv(encoder: Encoder, padded: Tensor) -> Tensor:
    """conv1 and its tanh as one matrix product: [batch, N] -> [batch, time, width]."""
    return torch.tanh(F.linear(padded.unfold(-1, CONV1_TAPS, CONV1_STRIDE), encoder.conv1.weight[:, 0]))


def standardise(own: Tensor, moments: Tensor) -> Tensor:
    """The group norm without its gain and bias: conv1's outputs by the given mean and mean square [..., 2]."""
    mean, square = moments[..., :1], moments[..., 1:]
    scale = (square - mean.square() + NORM_EPSILON).rsqrt()
    return own * scale.to(own.dtype) - (mean * scale).to(own.dtype)


Matrices = tuple[Tensor, Tensor, Tensor, Tensor | None]


def later_matrices(encoder: Encoder) -> Matrices:
    """conv2 and conv3 as matrices [out, taps * width] and biases, the group norm's gain and bias folded into conv2."""
    kernel = encoder.conv2.weight * encoder.norm_gain[:, None]
    bias = encoder.conv2.bias + encoder.conv2.weight.sum(-1) @ encoder.norm_bias
    return (
        kernel.transpose(1, 2).flatten(1),
        bias,
        encoder.conv3.weight.transpose(1, 2).flatten(1),
        encoder.conv3.bias,
    )


def later_convs(matrices: Matrices, x: Tensor) -> Tensor:
    """conv2 and conv3, much faster as matrix products on a CPU: [batch, 6 T + 7, width] -> [batch, T, width]."""
    kernel2, bias2, kernel3, bias3 = matrices
    x = F.gelu(F.linear(windows(x, 7, 3), kernel2, bias2))
    return F.gelu(F.linear(windows(x, 3, 2), kernel3, bias3))


def windows(x: Tensor, taps: int, stride: int) -> Tensor:
    """[batch, time, width] -> [batch, windows, taps * width]; taps = a multiple of the stride and one more."""
    count, whole = (x.shape[1] - taps) // stride + 1, taps // stride
    blocks = x[:, : stride * (count + whole - 1)].reshape(x.shape[0], -1, stride * x.shape[2])
    last = x[:, taps - 1 : taps + stride * (count - 1) : stride]
    return torch.cat([*(blocks[:, k : k + count] for k in range(whole)), last], -1)


def frame_moments(own: Tensor) -> Tensor:
    """Mean and mean square of each frame's six new conv1 outputs: [batch, 6 T, width] -> [batch, T, 2]."""
    blocks = own.reshape(own.shape[0], -1, CONV1_PER_FRAME * own.shape[2])
    return torch.stack([blocks.mean(-1, dtype=torch.float32), blocks.float().square().mean(-1)], -1)


def window_plan(length: int, chunk: int, look_ahead: int) -> Tensor:
    """Which frame stands where in attention: int64 [blocks, BLOCK + provisional].

    A row holds the frames of a block of chunks and, after them, the provisional frames of each of these chunks.
    """
    starts = torch.arange(0, length, chunk)
    ahead = (starts[:, None] + chunk + torch.arange(look_ahead)).reshape(length // BLOCK, -1)
    return torch.cat([torch.arange(length).reshape(-1, BLOCK), ahead], 1)


def window_mask(plan: Tensor, chunk: int, left: int, look_ahead: int) -> Tensor:
    """What `windowed_attention` adds to its scores: 0 where a frame may look, -10,000 elsewhere.

    A frame sees its chunk, `left` frames before it, and its chunk's provisional frames. Returns float32 [blocks,
    queries, left + queries]; keys count from `left` frames before the block and end with its provisional frames.
    """
    own = torch.arange(BLOCK) // chunk
    ahead = torch.arange(plan.shape[1] - BLOCK) // max(1, look_ahead)
    of = torch.cat([own, ahead])[:, None]  # the chunk whose window a query is in
    key = torch.arange(left + BLOCK)
    near = (key >= of * chunk) & (key < of * chunk + left + chunk)
    exists = key >= left - BLOCK * torch.arange(len(plan))[:, None]
    provisional = (ahead == of).expand(len(plan), -1, -1)
    return torch.where(torch.cat([near & exists[:, None], provisional], -1), 0.0, -1e4)


def windowed_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention that computes only the keys near each block of queries: half the time of the full square at 10 s.

    q, k, v: [batch, heads, blocks * queries, head width], in the order of `window_plan`.
    """
    blocks, queries, keys = mask.shape
    scores = (q * q.shape[-1] ** -0.5).unflatten(2, (blocks, queries)) @ _near(k, blocks, keys - queries)
    seen = (scores + mask).softmax(-1) @ _near(v, blocks, keys - queries).transpose(-1, -2)
    return seen.flatten(2, 3)


def _near(x: Tensor, blocks: int, left: int) -> Tensor:
    """Keys or values that each block sees: [batch, heads, blocks, head width, left + queries]."""
    each = x.unflatten(2, (blocks, -1))
    final = F.pad(each[:, :, :, :BLOCK].flatten(2, 3), (0, 0, left, 0)).unfold(2, left + BLOCK, BLOCK)
    return torch.cat([final, each[:, :, :, BLOCK:].transpose(-1, -2)], -1)
