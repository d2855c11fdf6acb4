"""Second step: what the whole-utterance model hears, kept for training: frames, token ids, likely next tokens.

python -m training.teacher WORK MODEL_FOLDER

MODEL_FOLDER holds Moonshine tiny's files (`assets/tiny-en` of the moonshine-voice package). Writes `WORK/teacher/`;
where that exists already, what was heard stays and only new recordings are heard.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.decoder import EOS, Decoder, Transcribed, greedy
from training.errors import TrainingError, run
from training.graph_weights import moonshine_encoder
from training.model import CONV1_HISTORY, PAD, Encoder, first_conv, frame_moments
from training.store import Clip, ClipStore
from training.weights import decoder_weights, read_tokens, text_of

KEPT_TOKENS = 16  # likeliest next tokens kept a step: the rest holds under 2 % of the probability
LONGEST_S = 20.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the teacher heard in one clip."""

    ids: list[int]
    first_frame: int
    first_step: int
    source: int = 0
    """0: the teacher's own transcription; 1: the reference's words."""


class Lessons:
    """The teacher's findings, by clip id, read through memory maps.

    With `references`, what training.labels wrote takes the place of what was misheard, and clips whose text does not
    belong to them are left out.
    """

    def __init__(self, folder: Path, references: bool = False) -> None:
        rows = _lines(folder / "lessons.jsonl", "python -m training.teacher")
        self._lessons = {r["id"]: Lesson(r["ids"], r["first_frame"], r["first_step"]) for r in rows}
        self._frames = np.load(folder / "frames.npy", mmap_mode="r")
        self._steps = [_Steps(folder / "best_ids.npy", folder / "best_log_probs.npy")]
        self._labels: dict[str, Lesson | None] = {}
        if references:
            labels = _lines(folder / "labels.jsonl", "python -m training.labels")
            self._labels = {r["id"]: Lesson(r["ids"], 0, r["first_step"], 1) if r["ids"] else None for r in labels}
            self._steps.append(_Steps(folder / "label_ids.npy", folder / "label_log_probs.npy"))

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._lessons and self._labels.get(clip_id, self._lessons[clip_id]) is not None

    def ids(self, clip_id: str) -> list[int]:
        return self._lesson(clip_id).ids

    def frames(self, clip: Clip) -> Tensor:
        """float32 [frames, width]."""
        at = self._lessons[clip.id].first_frame
        return torch.from_numpy(self._frames[at : at + clip.frames].astype(np.float32))

    def next_tokens(self, clip_id: str) -> tuple[Tensor, Tensor]:
        """Likeliest next tokens of every step, end mark included: int64 ids, float32 log-probabilities [steps, k]."""
        lesson = self._lesson(clip_id)
        return self._steps[lesson.source].read(lesson.first_step, len(lesson.ids) + 1)

    def _lesson(self, clip_id: str) -> Lesson:
        return self._labels.get(clip_id) or self._lessons[clip_id]

    @property
    def nothing(self) -> tuple[Tensor, Tensor]:
        """The next token where nobody speaks: the end."""
        log_probs = torch.full((1, self._steps[0].kept), -1e4)
        log_probs[0, 0] = 0.0
        return torch.full((1, self._steps[0].kept), EOS), log_probs


class _Steps:
    """Likeliest next tokens, step after step, of many clips."""

    def __init__(self, ids: Path, log_probs: Path) -> None:
        self._ids, self._log_probs = np.load(ids, mmap_mode="r"), np.load(log_probs, mmap_mode="r")

    @property
    def kept(self) -> int:
        """How many are kept a step."""
        return int(self._ids.shape[1])

    def read(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        steps = slice(first, first + count)
        ids, log_probs = self._ids[steps].astype(np.int64), self._log_probs[steps].astype(np.float32)
        return torch.from_numpy(ids), torch.from_numpy(log_probs)


def _lines(path: Path, maker: str) -> list[dict[str, Any]]:
    if not path.is_file():
        raise TrainingError(f"{path} does not exist; make it with: {maker}")
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


@dataclass(frozen=True, slots=True)
class Teacher:
    """The whole-utterance model, frozen."""

    encoder: Encoder
    decoder: Decoder
    tokens: list[bytes]
    """The pieces, by id."""


def load_teacher(model_folder: Path) -> Teacher:
    """Moonshine with its own weights."""
    encoder, decoder = moonshine_encoder(model_folder), Decoder()
    decoder.load_state_dict(decoder_weights(model_folder / "decoder_model_merged.ort"))
    return Teacher(
        encoder.requires_grad_(False),
        decoder.eval().requires_grad_(False),
        read_tokens(model_folder / "tokenizer.bin"),
    )


def batches(clips: list[Clip], seconds: float) -> Iterator[list[Clip]]:
    """Clips of like length together, each batch at most so many seconds when padded."""
    batch: list[Clip] = []
    for clip in sorted(clips, key=lambda c: c.samples):
        if batch and clip.seconds * (len(batch) + 1) > seconds:
            yield batch
            batch = []
        batch.append(clip)
    if batch:
        yield batch


@torch.no_grad()
def hear(teacher: Teacher, store: ClipStore, batch: list[Clip]) -> list[tuple[Tensor, Transcribed]]:
    """Frames (float16 [frames, width]) and transcription of each clip, whole-utterance."""
    sound = torch.nn.utils.rnn.pad_sequence([store.read(c) for c in batch], batch_first=True)
    lengths = torch.tensor([c.frames for c in batch])
    with torch.autocast("cpu", torch.bfloat16):
        frames = teacher.encoder.whole(sound, lengths)
        heard = greedy(teacher.decoder, frames, lengths, KEPT_TOKENS)
    return [(f[:n].half(), h) for f, n, h in zip(frames, lengths.tolist(), heard, strict=True)]


@torch.no_grad()
def speech_prior(encoder: Encoder, store: ClipStore, clips: list[Clip]) -> Tensor:
    """Mean and mean square of conv1's outputs over some of the clips: what a stream's group norm starts from."""
    picked = random.Random(0).sample(clips, min(300, len(clips)))
    sounds = (F.pad(store.read(clip), (PAD, 0))[None] for clip in picked)
    moments = [frame_moments(first_conv(encoder, sound)[:, CONV1_HISTORY:]) for sound in sounds]
    return torch.cat(moments, 1).mean((0, 1))


def teach(work: Path, teacher: Teacher, batch_seconds: float = 160.0) -> None:
    """Lets the teacher hear the clips of the store that it has not heard yet and writes down what it found."""
    store = ClipStore(work)
    folder = work / "teacher"
    folder.mkdir(exist_ok=True)
    known = _Known.read(folder, teacher.encoder.shape.width)
    heard_before = {row["id"] for row in known.rows}
    clips = [c for c in store.select("speech", longest_s=LONGEST_S) if c.id not in heard_before]
    at, step = len(known.frames), len(known.best_ids)
    total = at + sum(c.frames for c in clips)
    # beside the old file, which `known` still reads
    frames = np.lib.format.open_memmap(
        folder / "frames.partial", "w+", np.float16, (total, teacher.encoder.shape.width)
    )
    frames[:at] = known.frames
    rows, best_ids, best_log_probs = list(known.rows), [known.best_ids], [known.best_log_probs]
    begun, first = time.monotonic(), at
    for batch in batches(clips, batch_seconds):
        for clip, (own, heard) in zip(batch, hear(teacher, store, batch), strict=True):
            frames[at : at + len(own)] = own.numpy()
            best_ids.append(heard.best_ids.numpy())
            best_log_probs.append(heard.best_log_probs.numpy())
            text = text_of(teacher.tokens, heard.ids)
            rows.append({"id": clip.id, "first_frame": at, "first_step": step, "ids": heard.ids, "text": text})
            at, step = at + len(own), step + len(heard.ids) + 1
        speed = (at - first) * 0.024 / (time.monotonic() - begun)
        print(f"\r{100 * at / total:5.1f} %  {speed:.0f} x real time", end="", flush=True)
    print()
    frames.flush()
    (folder / "frames.partial").replace(folder / "frames.npy")
    np.save(folder / "best_ids.npy", np.concatenate(best_ids))
    np.save(folder / "best_log_probs.npy", np.concatenate(best_log_probs))
    np.save(folder / "prior.npy", speech_prior(teacher.encoder, store, store.select("speech", split="train")).numpy())
    (folder / "lessons.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf8")


@dataclass(frozen=True, slots=True)
class _Known:
    """What an earlier call wrote."""

    rows: list[dict[str, Any]]
    frames: np.ndarray
    best_ids: np.ndarray
    best_log_probs: np.ndarray

    @classmethod
    def read(cls, folder: Path, width: int) -> _Known:
        if not (folder / "lessons.jsonl").is_file():
            return cls(
                [],
                np.zeros((0, width), np.float16),
                np.zeros((0, KEPT_TOKENS), np.int32),
                np.zeros((0, KEPT_TOKENS), np.float16),
            )
        arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("frames", "best_ids", "best_log_probs")]
        return cls(_lines(folder / "lessons.jsonl", ""), *arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="the folder that training.prepare made")
    parser.add_argument("model_folder", type=Path)
    options = parser.parse_args()
    teach(options.work, load_teacher(options.model_folder))


if __name__ == "__main__":
    run(main)
