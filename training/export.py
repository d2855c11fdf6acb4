"""Fourth step: write a checkpoint as streaming ONNX graphs (float32 and 8 bits), check and time them.

python -m training.export RUN_FOLDER/checkpoint.pt OUT_FOLDER [--check RECORDING ...]
python -m training.export RUN_FOLDER/checkpoint.pt OUT_FOLDER --whole

One graph serves all latencies: a call takes any whole number of 24 ms frames and treats them as one chunk. With
--whole, the form for whole windows is written in its place, in 8 bits, under the name of Moonshine's own encoder.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import soundfile as sf
import torch

from engine.models.rewriting.linears import Form
from engine.models.rewriting.pen import Pen
from training.checkpoint import averaged_encoder
from training.errors import run
from training.judge import latency
from training.model import BLOCK, FRAME, SAMPLE_RATE, Encoder
from training.stream_graph import encoder_graph, initial_caches
from training.whole_graph import whole_graph

MODEL_TYPE = "caique-streaming-moonshine-encoder"
PROFILES = ((3, 3), (6, 6), (12, 12), (24, 24))
"""Chunk sizes and look-aheads in frames to choose from: 144, 288, 576 and 1,152 ms until a frame is final. Sound that
no chunk has yet is encoded as well each time it is decoded, so none of them makes the first guess at a word later."""
DEFAULT_PROFILE = (24, 24)
LICENCE = "MIT (Moonshine tiny-en by Useful Sensors), adapted"


def export(encoder: Encoder, left: int, folder: Path) -> tuple[Path, Path]:
    """Writes `encoder.onnx` and `encoder.int8.onnx`.

    8 bits: weights in blocks of 64, and each frame's numbers as they come; unsigned, because signed weights saturate on
    processors without VNNI.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain, small = folder / "encoder.onnx", folder / "encoder.int8.onnx"
    forms: tuple[tuple[Path, Form], ...] = ((plain, "fp32"), (small, "int8-blocks"))
    for path, form in forms:
        graph = encoder_graph(encoder, left, Pen(form))
        _describe(graph, encoder, left)
        onnx.save(graph, path)
    return plain, small


def export_whole(encoder: Encoder, folder: Path) -> Path:
    """Writes `encoder_model.int8.onnx`, in 8 bits as above."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "encoder_model.int8.onnx"
    graph = whole_graph(encoder, Pen("int8-blocks"))
    onnx.helper.set_model_props(graph, {"architecture": json.dumps(encoder.describe()), "licence": LICENCE})
    onnx.save(graph, path)
    return path


def _describe(graph: onnx.ModelProto, encoder: Encoder, left: int) -> None:
    """Puts all sizes and initial values into the graph's metadata, so that no reader needs them in code."""
    caches = initial_caches(encoder, left)
    # One number fills a cache; the statistics are three.
    initial = {name: value.flat[0].item() for name, value in caches.items()}
    initial["cache_stat"] = caches["cache_stat"][0].tolist()
    onnx.helper.set_model_props(
        graph,
        {
            "model_type": MODEL_TYPE,
            "sample_rate": str(SAMPLE_RATE),
            "frame_samples": str(FRAME),
            "chunk_samples": str(FRAME * DEFAULT_PROFILE[0]),
            "look_ahead_samples": str(FRAME * DEFAULT_PROFILE[1]),
            "profiles": json.dumps(
                [{"chunk_samples": FRAME * c, "look_ahead_samples": FRAME * a} for c, a in PROFILES]
            ),
            "longest_chunk_samples": str(FRAME * BLOCK),
            "left_context_frames": str(left),
            "frame_width": str(encoder.shape.width),
            "architecture": json.dumps(encoder.describe()),
            "caches": json.dumps(list(caches)),
            "cache_shapes": json.dumps({name: value.shape for name, value in caches.items()}),
            "cache_initial": json.dumps(initial),
            "decoder": "decoder_model_merged.ort and tokenizer.bin of Moonshine tiny-en",
            "licence": LICENCE,
        },
    )


class OnnxEncoder:
    """Runs an exported graph chunk by chunk, as a host does."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors: it warns of constants that its own fusions leave over
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        metadata = self._session.get_modelmeta().custom_metadata_map
        shapes, initial = (json.loads(metadata[key]) for key in ("cache_shapes", "cache_initial"))
        kinds = {i.name: np.int64 if "int64" in i.type else np.float32 for i in self._session.get_inputs()}
        self._initial: dict[str, Any] = {
            name: np.broadcast_to(np.array(initial[name], kinds[name]), shapes[name]).copy()
            for name in json.loads(metadata["caches"])
        }
        self.step_seconds: list[float] = []

    def encode(self, sound: np.ndarray, chunk: int, look_ahead: int = 0) -> np.ndarray:
        """float32 [N] to frames [N / 384, width], each heard once `look_ahead` frames after its chunk are there.

        The sound is filled up with zeros at its end.
        """
        size, caches, out = chunk * FRAME, self._initial, []
        padded = np.pad(sound, (0, -len(sound) % size + look_ahead * FRAME))
        ahead = np.array([look_ahead], np.int64)
        for at in range(0, len(padded) - look_ahead * FRAME, size):
            audio = padded[None, at : at + size + look_ahead * FRAME]
            begun = time.perf_counter()
            frames, *after = self._session.run(None, {"audio": audio, "look_ahead": ahead, **caches})
            self.step_seconds.append(time.perf_counter() - begun)
            caches = dict(zip(caches, after, strict=True))
            out.append(frames[0, :chunk])
        return np.concatenate(out)[: len(sound) // FRAME]


@torch.no_grad()
def compare(
    encoder: Encoder, left: int, path: Path, sound: np.ndarray, chunk: int, look_ahead: int = 0
) -> dict[str, float]:
    """An exported graph against PyTorch on one recording (float32 [N]), and its time."""
    runner = OnnxEncoder(path)
    theirs = torch.from_numpy(runner.encode(sound, chunk, look_ahead))
    padded = torch.nn.functional.pad(torch.from_numpy(sound), (0, -len(sound) % (BLOCK * FRAME)))
    ours = encoder.streaming(padded[None], chunk, left, look_ahead)[0, : len(theirs)]
    steps = sorted(runner.step_seconds[1:] or runner.step_seconds)
    return {
        "largest difference": (ours - theirs).abs().max().item(),
        "mean cosine": torch.cosine_similarity(ours, theirs, -1).mean().item(),
        "ms a step, median": 1000 * steps[len(steps) // 2],
        "percent of a core": 100 * sum(steps) / len(steps) / (chunk * FRAME / SAMPLE_RATE),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--left", type=int, default=168, help="left context in frames, as trained")
    parser.add_argument("--whole", action="store_true", help="the form for whole windows")
    parser.add_argument("--check", type=Path, nargs="*", default=[], help="recordings (16 kHz mono) to compare on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = averaged_encoder(options.checkpoint)
    if options.whole:
        path = export_whole(encoder, options.folder)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
        return
    for path in export(encoder, options.left, options.folder):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
        for recording in options.check:
            sound, _ = sf.read(recording, dtype="float32")
            sound = sound[: len(sound) // FRAME * FRAME]
            for profile in PROFILES:
                found = compare(encoder, options.left, path, sound, *profile)
                print(f"  {recording.name} {latency(*profile)}:", ", ".join(f"{k} {v:.4g}" for k, v in found.items()))


if __name__ == "__main__":
    run(main)
