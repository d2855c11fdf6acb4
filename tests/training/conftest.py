"""Made-up sound and a teacher of a few thousand random weights, so that the whole chain runs in seconds."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

if importlib.util.find_spec("torch"):  # the tests themselves say that they need it
    import torch

    from training.decoder import Decoder, DecoderShape
    from training.model import Encoder, EncoderShape
    from training.pieces import make_pieces
    from training.prepare import listed
    from training.store import write_store
    from training.teacher import Teacher, teach

    # several threads take longer over so little, and several times the processor time
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def teacher() -> Teacher:
    torch.manual_seed(1)
    encoder = Encoder(EncoderShape(width=32, heads=2, layers=2, rotary=8)).eval().requires_grad_(False)
    decoder = Decoder(DecoderShape(width=32, heads=2, layers=2, rotary=8, vocabulary=48)).eval().requires_grad_(False)
    return Teacher(encoder, decoder, [b"<unk>", b"<s>", b"</s>", *(f"\u2581w{n}".encode() for n in range(45))])


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips of shaped noise of one to three seconds, two of them in dev, and one of background noise."""
    folder = tmp_path_factory.mktemp("collection")
    random = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for n in range(11):
        sound = random.standard_normal(16_000 + 2_900 * n) * np.abs(np.sin(np.arange(16_000 + 2_900 * n) / 3_000))
        sf.write(folder / f"{n}.wav", 0.05 * sound, 16_000)
        speech = {"corpus": "made-up", "text": "one two", "split": "dev" if n < 2 else "train"}
        rows.append({"id": str(n), "path": f"{n}.wav"} | (speech if n < 10 else {"kind": "noise"}))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf8")
    return folder


@pytest.fixture(scope="session")
def work(collection: Path, teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `prepare` and `teacher` have run."""
    folder = tmp_path_factory.mktemp("work")
    write_store(folder, listed([collection]))
    teach(folder, teacher)
    return folder


@pytest.fixture(scope="session")
def spoken_work(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a folder with pieces, and made-up times for all clips that are trained on."""
    folder = tmp_path_factory.mktemp("spoken") / "work"
    shutil.copytree(work, folder)
    make_pieces(["one two", "two one three."] * 9, 20, folder / "pieces.model")
    rows = [{"id": str(n), "text": "one two", "frames": [4, 5, 6, 7, 20, 21, 22]} for n in range(2, 10)]
    (folder / "teacher" / "times.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf8")
    return folder
