"""One step of encoder and head as exported, in the tensors of NeMo's streaming graphs.

In: `audio_signal` float32 [B, 384, T], samples, a column for each frame; `length` int64 [B], how many of these frames
are the chunk (a multiple of three), the rest being look-ahead that the next call has again; and NeMo's three caches,
zero when a stream begins. Out: log-probabilities or states of every 72 ms, how many, and the next caches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.ctc_model import STACK, CtcRecognizer
from training.model import rotation
from training.stream_graph import CACHES, LONGEST_STEP, StreamingStep, initial_caches, layer_step

INPUTS = ("audio_signal", "length", "cache_last_channel", "cache_last_time", "cache_last_channel_len")
CACHES_NEXT = ("cache_last_channel_next", "cache_last_time_next", "cache_last_channel_next_len")
_CONVOLVED = CACHES[:3]
"""The encoder's caches that become `cache_last_time`: one row, each after the other, less their first values."""


class HeadStep(nn.Module):
    """Encoder and head over one chunk.

    `cache_last_channel` holds the keys and values of all layers, those of the encoder before those of the head:
    [B, 1, rows, 2 width].
    """

    first: Tensor
    turn: Tensor

    def __init__(self, recognizer: CtcRecognizer, left: int, scores: bool) -> None:
        """scores: give log-probabilities [B, steps, pieces + 1] in place of states [B, width, steps]."""
        super().__init__()
        self.encoder_step = StreamingStep(recognizer.encoder, left)
        self.head, self.left, self.scores = recognizer.head, left, scores
        first = initial_caches(recognizer.encoder, left)
        self.shapes = [tuple(first[name].shape[1:]) for name in _CONVOLVED]
        self.register_buffer("first", torch.cat([first[name].flatten(1) for name in _CONVOLVED], 1).detach())
        self.register_buffer("turn", rotation((left + LONGEST_STEP) // STACK, recognizer.head.rotary))

    def caches(self) -> tuple[Tensor, Tensor, Tensor]:
        """What a stream begins with, batch of one."""
        shape = self.encoder_step.encoder.shape
        rows = shape.layers * self.left + len(self.head.layers) * (self.left // STACK)
        channel = torch.zeros(1, 1, rows, 2 * shape.width)
        return channel, torch.zeros(1, 1, 1, self.first.shape[1]), torch.zeros(1, dtype=torch.int64)

    def forward(
        self, sound: Tensor, length: Tensor, channel: Tensor, time: Tensor, cached: Tensor
    ) -> tuple[Tensor, ...]:
        batch, layers = sound.shape[0], len(self.encoder_step.encoder.layers)
        look_ahead = sound.shape[2] - length[:1]
        audio = sound.transpose(1, 2).flatten(1)
        whole = (time[:, 0, 0] + self.first).split([torch.Size(s).numel() for s in self.shapes], 1)
        convolved = (x.reshape(batch, *s) for x, s in zip(whole, self.shapes, strict=True))
        own, others = channel[:, 0, : layers * self.left], channel[:, 0, layers * self.left :]
        memory = own.reshape(batch, layers, self.left, -1)
        frames, *after, own, known = self.encoder_step(audio, look_ahead, *convolved, memory, cached)
        final = frames[:, : length[0]]
        states, others = self._head(final, others, cached)
        time = torch.cat([x.flatten(1) for x in after], 1) - self.first
        channel = torch.cat([own.flatten(1, 2), others], 1)[:, None]
        given = self.head.out(states).log_softmax(-1) if self.scores else states.transpose(1, 2)
        return given, length // STACK, channel, time[:, None, None], known

    def _head(self, frames: Tensor, past: Tensor, cached: Tensor) -> tuple[Tensor, Tensor]:
        """States [B, steps, width], and the next keys and values of all its layers [B, layers * left, 2 width]."""
        left = self.left // STACK
        x = self.head.gather(frames.reshape(frames.shape[0], -1, STACK * frames.shape[2]))
        unseen = (torch.arange(left) < left - cached[:, None] // STACK).to(x.dtype)
        mask = F.pad(unseen * -1e4, (0, x.shape[1]))[:, None, None]
        kept = []
        for layer, before in zip(self.head.layers, past.split(left, 1), strict=True):
            x, memory = layer_step(layer, x, before, mask, self.turn)
            kept.append(memory[:, -left:])
        return self.head.norm(x), torch.cat(kept, 1)
