"""The prepared sound: every clip of a collection decoded once into one file of 16-bit samples, memory-mapped.

Lhotse was weighed and left out: what training needs here is random access to whole clips on one machine, rows joined
from them and each clip's place in its row, which is this file and `training.data`; manifests of cuts and lazy mixing
would add a dozen packages and still leave the joining and the teacher's frames to us.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
import torch
from torch import Tensor

from training.errors import TrainingError
from training.model import FRAME, SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of a collection."""

    id: str
    kind: str
    """`speech`, `noise`, `music`, `babble` or `rir`."""
    corpus: str
    split: str
    text: str
    """The words spoken, as the source writes them; empty where there are none."""
    start: int = 0
    """First sample in the store."""
    samples: int = 0
    speed: float = 1.0
    """Played so many times as fast as it was recorded: higher and shorter, another voice."""

    @property
    def frames(self) -> int:
        """Whole frames of 24 ms."""
        return self.samples // FRAME

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


class ClipStore:
    """Clips of prepared folders (`clips.jsonl`, `audio.i16`); ids are unique among all of them."""

    def __init__(self, *folders: Path) -> None:
        self.clips: list[Clip] = []
        self._sound: dict[str, np.memmap] = {}
        for folder in folders:
            index = folder / "clips.jsonl"
            if not index.is_file():
                raise TrainingError(f"{folder} holds no clips.jsonl; make it with: python -m training.prepare")
            clips = [Clip(**json.loads(line)) for line in index.read_text("utf8").splitlines()]
            self._sound |= dict.fromkeys((c.id for c in clips), np.memmap(folder / "audio.i16", np.int16, "r"))
            self.clips += clips

    def select(self, *kinds: str, split: str | None = None, longest_s: float = float("inf")) -> list[Clip]:
        """The clips of these kinds, in the order of the store, that hold at least one frame."""
        return [
            c
            for c in self.clips
            if c.kind in kinds and (split is None or c.split == split) and c.frames and c.seconds <= longest_s
        ]

    def read(self, clip: Clip) -> Tensor:
        """float32 samples in [-1, 1), cut to whole frames."""
        raw = self._sound[clip.id][clip.start : clip.start + clip.frames * FRAME]
        return torch.from_numpy(raw.astype(np.float32) / 32_768)


def write_store(folder: Path, clips: Iterable[tuple[Clip, Path]]) -> list[Clip]:
    """Decodes the recordings into `folder`; raises TrainingError at one that is missing or not 16 kHz mono."""
    folder.mkdir(parents=True, exist_ok=True)
    written, at = [], 0
    partial = folder / "audio.i16.partial"
    with partial.open("wb") as out:
        for clip, path in clips:
            sound = _faster(_decode(path), clip.speed)
            out.write(sound.tobytes())
            written.append(Clip(**asdict(clip) | {"start": at, "samples": len(sound)}))
            at += len(sound)
    partial.replace(folder / "audio.i16")
    lines = (json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in written)
    (folder / "clips.jsonl").write_text("".join(lines), "utf8")
    return written


def _decode(path: Path) -> np.ndarray:
    if not path.is_file():
        raise TrainingError(f"{path} is missing; unpack the collection's tars beside its manifest.jsonl first")
    sound, rate = sf.read(path, dtype="int16")
    if rate != SAMPLE_RATE or sound.ndim != 1:
        raise TrainingError(f"{path} is not 16 kHz mono; convert it first: ffmpeg -i IN -ar 16000 -ac 1 OUT.flac")
    return np.asarray(sound)


def _faster(sound: np.ndarray, speed: float) -> np.ndarray:
    """int16 samples as a tape that runs faster gives them."""
    return sound if speed == 1 else soxr.resample(sound, SAMPLE_RATE * speed, SAMPLE_RATE)
