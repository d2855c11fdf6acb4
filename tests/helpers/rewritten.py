"""Reference folders with their streaming graph rewritten, and encoders run step by step."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from engine.features import LogMel
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.rewrite import rewrite, save
from engine.types import Frames
from tests.helpers.reference import FOLDER, recording

GRAPHS = {
    "ctc-sherpa-80ms": "model.onnx",
    "ctc-sherpa-560ms": "model.onnx",
    "rnnt-sherpa-80ms": "encoder.onnx",
    "rnnt-sherpa-128mel-160ms": "encoder.onnx",
    "rnnt-nemo-160ms": "encoder-model.onnx",
    "tdt-nemo-80ms": "encoder-model.onnx",
    "tdt-nemo-128mel-560ms": "encoder-model.onnx",
    "hybrid-nemo-560ms": "encoder-model.onnx",
}
"""The streaming graph of each reference model."""


def rewritten_folder(model: Path, target: Path, **how: object) -> Path:
    """A copy of a model folder with its fp32 streaming graph rewritten; `how` as in `rewrite`."""
    shutil.copytree(model, target)
    graph = GRAPHS[model.name]
    save(rewrite(model / graph, **how), target / graph)  # type: ignore[arg-type]
    return target


def a_minute_of_features(bins: int) -> Frames:
    """60 s of the reference recordings, one behind the other, as log-mel [T, bins]."""
    sound = np.concatenate([recording(path.name) for path in sorted((FOLDER / "audio").glob("*.flac"))])
    return LogMel(bins).push(np.resize(sound, 60 * 16_000))


def run_steps(encoder: CacheAwareGraph, features: Frames, steps: int = 1) -> Frames:
    """All encoder frames of whole windows, end to end, from calls of so many steps."""
    state, given, sizes = encoder.start(), [], encoder.sizes
    window, shift = sizes.window + (steps - 1) * sizes.shift, steps * sizes.shift
    for start in range(0, len(features) - window + 1, shift):
        frames, state = encoder.step(features[None, start : start + window], state)
        given.append(frames[0])
    return np.concatenate(given)
