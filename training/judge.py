"""Word errors of frames read by Moonshine's own decoder, in PyTorch: quick enough to follow a run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from training.decoder import greedy
from training.model import BLOCK, FRAME, WHOLE, Encoder
from training.score import WordErrors
from training.store import Clip, ClipStore
from training.teacher import Teacher, batches
from training.weights import text_of

Encode = Callable[[Tensor, Tensor], Tensor]
"""Sound [batch, N] and frames of each row [batch] to frames [batch, T, width]."""


def latency(chunk: int, look_ahead: int) -> str:
    """What a chunk size and look-ahead are called: the longest a frame waits, and how it is made up."""
    if chunk == WHOLE:
        return "whole utterance"
    return f"{24 * (chunk + look_ahead)} ms ({24 * chunk} + {24 * look_ahead})"


def encoding(encoder: Encoder, chunk: int, left: int, look_ahead: int = 0) -> Encode:
    """As `Encoder.encode` does; the last chunk is filled up with zeros, as at the end of a recording."""

    def encode(sound: Tensor, lengths: Tensor) -> Tensor:
        short = -sound.shape[1] % (BLOCK * FRAME)
        return encoder.encode(torch.nn.functional.pad(sound, (0, short)), lengths, chunk, left, look_ahead)

    return encode


@torch.no_grad()
def word_errors(clips: list[Clip], store: ClipStore, encode: Encode, teacher: Teacher) -> dict[str, float]:
    """Word error rate in percent by corpus, utterance by utterance."""
    found: dict[str, WordErrors] = {}
    for batch in batches(clips, 120.0):
        sound = torch.nn.utils.rnn.pad_sequence([store.read(c) for c in batch], batch_first=True)
        lengths = torch.tensor([c.frames for c in batch])
        with torch.autocast("cpu", torch.bfloat16):
            heard = greedy(teacher.decoder, encode(sound, lengths), lengths)
        for clip, h in zip(batch, heard, strict=True):
            found.setdefault(clip.corpus, WordErrors()).add(clip.text, text_of(teacher.tokens, h.ids))
    return {corpus: round(e.percent, 1) for corpus, e in sorted(found.items())}
