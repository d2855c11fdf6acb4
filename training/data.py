"""Batches for training: rows of joined utterances with pauses between them, and where each utterance lies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from training.augment import Augment
from training.decoder import BOS
from training.model import BLOCK, FRAME, SAMPLE_RATE
from training.store import Clip, ClipStore


@dataclass(frozen=True, slots=True)
class BatchOptions:
    batch_seconds: float = 48.0
    row_seconds: float = 10.0
    """Rows are filled with utterances up to a length drawn around this."""
    empty_chance: float = 0.04
    """Rows that hold noise and nobody speaking: the decoder should end at once."""
    pause_frames: tuple[int, ...] = (0, 0, 4, 8, 16, 32, 64)
    """Pauses, one drawn before each utterance and one at the end of the row."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance in a row; frames count from the row's beginning."""

    row: int
    clip: Clip | None
    first: int
    heard_from: int
    """First frame given to the decoder: in the pause before the utterance."""
    heard_to: int

    @property
    def frames(self) -> int:
        return self.clip.frames if self.clip else 0


@dataclass(slots=True)
class Batch:
    sound: Tensor
    """float32 [rows, N], N a multiple of `BLOCK` frames; zeros after each row's end."""
    seconds: float
    """Sound in it, padding left out."""
    segments: list[Segment]

    def own_frames(self, frames: Tensor) -> Tensor:
        """The utterances' frames, one after another: [rows, T, ...] -> [sum of frames, ...]."""
        return torch.cat([frames[s.row, s.first : s.first + s.frames] for s in self.segments])

    def row_frames(self) -> Tensor:
        """How many frames of each row are sound that belongs to it, pauses included: int64 [rows]."""
        ends = torch.zeros(len(self.sound), dtype=torch.int64)
        for segment in self.segments:
            ends[segment.row] = max(int(ends[segment.row]), segment.heard_to)
        return ends

    def heard(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoder hears of each utterance [segments, longest, width], and which of it is real."""
        cut = [frames[s.row, s.heard_from : s.heard_to] for s in self.segments]
        lengths = torch.tensor([len(c) for c in cut])
        return torch.nn.utils.rnn.pad_sequence(cut, batch_first=True), torch.arange(int(lengths.max())) < lengths[
            :, None
        ]


def batches(
    clips: list[Clip], store: ClipStore, augment: Augment, options: BatchOptions, seed: int, skip: int = 0
) -> Iterator[Batch]:
    """One pass over the clips; the seed alone decides order and disturbances. The first `skip` batches are left out."""
    rng = random.Random(seed)
    rows = sorted(joined(clips, options, rng), key=lambda row: sum(c.seconds for c in row) + rng.uniform(0, 2))
    groups: list[list[list[Clip]]] = [[]]
    for row in rows:
        if sum(c.seconds for r in groups[-1] for c in r) >= options.batch_seconds:
            groups.append([])
        groups[-1].append(row)
    rng.shuffle(groups)
    for n, group in enumerate(groups[skip:], skip):
        yield assemble(group, store, augment, options, random.Random(f"{seed} {n}"))


def joined(clips: list[Clip], options: BatchOptions, rng: random.Random) -> Iterator[list[Clip]]:
    """Shuffles the clips and joins them to rows."""
    row: list[Clip] = []
    target = 0.0
    for clip in rng.sample(clips, len(clips)):
        if row and sum(c.seconds for c in row) + clip.seconds > target:
            yield row
            row = []
        if not row:
            target = rng.uniform(0.3, 1.5) * options.row_seconds
        row.append(clip)
    if row:
        yield row


def assemble(
    rows: list[list[Clip]], store: ClipStore, augment: Augment, options: BatchOptions, rng: random.Random
) -> Batch:
    sounds: list[Tensor] = []
    segments: list[Segment] = []
    for n, clips in enumerate(rows):
        if rng.random() < options.empty_chance:
            sounds.append(_empty_row(n, augment, segments, rng))
        else:
            sounds.append(_spoken_row(n, clips, store, augment, options, segments, rng))
    whole = BLOCK * FRAME
    longest = -(-max(len(s) for s in sounds) // whole) * whole
    sound = torch.stack([torch.nn.functional.pad(s, (0, longest - len(s))) for s in sounds])
    return Batch(sound, sum(len(s) for s in sounds) / SAMPLE_RATE, segments)


def _spoken_row(
    n: int,
    clips: list[Clip],
    store: ClipStore,
    augment: Augment,
    options: BatchOptions,
    segments: list[Segment],
    rng: random.Random,
) -> Tensor:
    pauses = [rng.choice(options.pause_frames) for _ in range(len(clips) + 1)]
    parts, at = [torch.zeros(pauses[0] * FRAME)], pauses[0]
    for i, clip in enumerate(clips):
        parts += [augment.clip(store.read(clip), rng), torch.zeros(pauses[i + 1] * FRAME)]
        end = at + clip.frames
        # a window that voice activity opens and closes has up to half a second of pause on either side
        before, after = rng.randint(0, min(pauses[i], 20)), rng.randint(0, min(pauses[i + 1], 28))
        segments.append(Segment(n, clip, at, at - before, end + after))
        at = end + pauses[i + 1]
    return augment.row(torch.cat(parts), rng)


def _empty_row(n: int, augment: Augment, segments: list[Segment], rng: random.Random) -> Tensor:
    frames = rng.randint(40, 250)
    loudness = 10 ** rng.uniform(-4.0, -0.7)
    noise = augment.disturbance(frames * FRAME, rng)
    segments.append(Segment(n, None, 0, 0, frames))
    return (noise * loudness / noise.square().mean().sqrt().clamp(min=1e-6)).clamp(-1, 1)


@dataclass(slots=True)
class Targets:
    """What the teacher says about a batch."""

    frames: Tensor
    """float32 [sum of frames, width]."""
    inputs: Tensor
    """int64 [segments, longest]: begin mark and token ids."""
    steps: Tensor
    """boolean [segments, longest]: which steps are real."""
    next_ids: Tensor
    """int64 [real steps, k]."""
    next_log_probs: Tensor
    """float32 [real steps, k]."""


class Known(Protocol):
    """Where lessons come from: `training.teacher.Lessons`, or several of them."""

    def ids(self, clip_id: str) -> list[int]: ...
    def frames(self, clip: Clip) -> Tensor: ...
    def next_tokens(self, clip_id: str) -> tuple[Tensor, Tensor]: ...
    @property
    def nothing(self) -> tuple[Tensor, Tensor]: ...


def targets(batch: Batch, lessons: Known) -> Targets:
    frames = [lessons.frames(s.clip) for s in batch.segments if s.clip]
    ids = [torch.tensor([BOS] + (lessons.ids(s.clip.id) if s.clip else [])) for s in batch.segments]
    following = [lessons.next_tokens(s.clip.id) if s.clip else lessons.nothing for s in batch.segments]
    lengths = torch.tensor([len(i) for i in ids])
    return Targets(
        torch.cat(frames) if frames else torch.zeros(0),
        torch.nn.utils.rnn.pad_sequence(ids, batch_first=True),
        torch.arange(int(lengths.max())) < lengths[:, None],
        torch.cat([f[0] for f in following]),
        torch.cat([f[1] for f in following]),
    )
