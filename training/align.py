"""Optional step: at which frame the decoder hears each of its tokens, read from its cross-attention.

python -m training.align WORK MODEL_FOLDER

Writes `WORK/teacher/times.jsonl`, one object a clip of the train split: `id`, `text` (the reference's words in the
teacher's looks, or what the teacher heard) and `frames`, one frame of 24 ms for each character of the text. These are
the frame-wise targets of the CTC head.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.decoder import BOS
from training.errors import run
from training.store import Clip, ClipStore
from training.teacher import LONGEST_S, Lessons, Teacher, batches, load_teacher

HEADS_KEPT = 8


@torch.no_grad()
def attention(teacher: Teacher, lessons: Lessons, batch: list[Clip]) -> list[Tensor]:
    """Cross-attention of each clip's tokens: [layers, heads, tokens, frames]."""
    ids = [torch.tensor([BOS, *lessons.ids(c.id)]) for c in batch]
    frames = torch.nn.utils.rnn.pad_sequence([lessons.frames(c) for c in batch], batch_first=True)
    seen = torch.arange(frames.shape[1]) < torch.tensor([c.frames for c in batch])[:, None]
    found = teacher.decoder.attention(torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), frames, seen)
    # the last id asks for the end mark, which is heard nowhere
    return [a[:, :, : len(i) - 1, : c.frames] for a, i, c in zip(found, ids, batch, strict=True)]


def aligning_heads(teacher: Teacher, lessons: Lessons, clips: list[Clip]) -> Tensor:
    """The heads that go through the sound from left to right, judged on a few clips: boolean [layers, heads]."""
    picked = random.Random(0).sample(clips, min(60, len(clips)))
    forward = [_forward_share(a) for c in picked for a in attention(teacher, lessons, [c]) if a.shape[2] > 4]
    mean = torch.stack(forward).mean(0)
    return mean >= mean.flatten().topk(min(HEADS_KEPT, mean.numel())).values[-1]


def _forward_share(attention: Tensor) -> Tensor:
    """How often each head's next peak lies after the last, by less than a second, weighed by how sharp it is."""
    peaks = attention.argmax(-1).float()
    steps = peaks[..., 1:] - peaks[..., :-1]
    return ((steps >= 0) & (steps < 42)).float().mean(-1) * attention.amax(-1).mean(-1).sqrt()


def path(attention: np.ndarray) -> np.ndarray:
    """The frames, never going back, where the tokens are seen best: [tokens, frames] -> int64 [tokens]."""
    scores = np.log(attention + 1e-6)
    best, came_from = scores[0], []
    for row in scores[1:]:
        reached = np.maximum.accumulate(best)
        came_from.append(np.maximum.accumulate(np.where(best == reached, np.arange(len(best)), 0)))
        best = reached + row
    at = [int(best.argmax())]
    for back in reversed(came_from):
        at.append(int(back[at[-1]]))
    return np.array(at[::-1])


def character_frames(tokens: list[bytes], ids: list[int], frames: np.ndarray) -> tuple[str, list[int]] | None:
    """Text and the frame of each of its characters; None where a character is spread over several tokens."""
    text, at = "", []
    for token, frame in zip((tokens[i] for i in ids), frames, strict=True):
        try:
            piece = token.decode("utf8").replace("\u2581", " ")
        except UnicodeDecodeError:
            return None
        text += piece
        at += [int(frame)] * len(piece)
    lead = len(text) - len(text.lstrip())
    return text[lead:], at[lead:]


def align(work: Path, teacher: Teacher, references: bool) -> int:
    """Writes the times and returns how many clips have them."""
    store, lessons = ClipStore(work), Lessons(work / "teacher", references)
    speech = store.select("speech", split="train", longest_s=LONGEST_S)
    clips = [c for c in speech if c.id in lessons and lessons.ids(c.id)]
    heads = aligning_heads(teacher, lessons, clips)
    rows = []
    for batch in batches(clips, 120.0):
        for clip, found in zip(batch, attention(teacher, lessons, batch), strict=True):
            frames = path(found[heads].mean(0).numpy())
            spelled = character_frames(teacher.tokens, lessons.ids(clip.id), frames)
            if spelled:
                rows.append({"id": clip.id, "text": spelled[0], "frames": spelled[1]})
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (work / "teacher" / "times.jsonl").write_text(lines, "utf8")
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("model_folder", type=Path)
    options = parser.parse_args()
    references = (options.work / "teacher" / "labels.jsonl").is_file()
    print(align(options.work, load_teacher(options.model_folder), references), "clips aligned")


if __name__ == "__main__":
    run(main)
