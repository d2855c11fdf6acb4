"""The reference models and what NeMo made of the recordings with them; see tests/data/reference/README.md."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.cache_aware import GridName
from engine.types import Samples

FOLDER = Path(__file__).parent.parent / "data" / "reference"


@dataclass(frozen=True)
class Case:
    """One recording through one model, as NeMo's streaming and greedy decoding did it."""

    id: str
    model: str
    decoder: str
    recording: str
    precision: Any
    max_symbols: int
    grid: GridName
    zero_samples: int
    """Digital silence behind the recording."""
    nemo_tail: bool
    """NeMo's own tail: one zero feature frame, and a last window that may be shorter."""
    first_centre: int
    """Feature frame at which encoder frame 0 is centred."""
    frames: int
    tokens: list[int]
    at: list[int]
    durations: list[int] | None
    log_probabilities: list[float]
    arrays: str | None
    cache_lengths: list[int]
    """Frames in the attention cache after each of NeMo's first steps, where it was recorded."""


@cache
def index() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "index.json").read_text())
    return content


def cases() -> Iterator[Case]:
    """Every recorded case that the exported graphs can reproduce."""
    for case in index()["cases"]:
        grid, expected = case["grid"], case["expect"]
        yield Case(
            id=case["id"],
            model=case["model"],
            decoder="ctc" if case["head"] == "ctc" else "transducer",
            recording=case["audio"],
            precision="int8" if case["int8"] else "fp32",
            max_symbols=case["max_symbols"],
            grid=grid["name"],
            zero_samples=grid["tail"]["zero_samples"],
            nemo_tail=grid["tail"]["nemo_zero_frame"],
            first_centre=grid["mel_frame_of_encoder_frame_0"],
            frames=case["n_frames"],
            tokens=expected["tokens"],
            at=expected["frames"],
            durations=expected.get("durations") if case["head"] == "tdt" else None,
            log_probabilities=expected["token_logprobs"],
            arrays=case.get("arrays", {}).get("key"),
            cache_lengths=case.get("cache_len_after_each_step", []),
        )


@cache
def recording(name: str) -> Samples:
    """A recording at 16 kHz, mono."""
    samples, rate = soundfile.read(FOLDER / "audio" / name, dtype="float32")
    assert rate == 16_000
    return np.asarray(samples)


@cache
def arrays() -> dict[str, NDArray[np.float32]]:
    """Encoder outputs [T, width] or log-probabilities [T, pieces + blank], by key."""
    with np.load(FOLDER / "arrays.npz") as stored:
        return dict(stored)


def features() -> Iterator[tuple[int, str, NDArray[np.float32]]]:
    """(bins, recording, NeMo's log-mel [T, bins]) without its last frame, which NeMo blanks out."""
    for entry in index()["features"]:
        with np.load(FOLDER / entry["file"]) as stored:
            for name in entry["audio"]:
                yield entry["n_mels"], name, stored[Path(name).stem].T[:-1]


def unpack_models(target: Path) -> Path:
    """Write the model folders into `target`."""
    with tarfile.open(FOLDER / "models.tar.xz") as archive:
        if hasattr(tarfile, "data_filter"):  # Debian 12's Python, 3.11.2, is from before it
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(target)
    return target
