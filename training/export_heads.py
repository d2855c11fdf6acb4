"""Writes a head's checkpoint as a model folder that the program streams, in float32 and 8 bits.

python -m training.export_heads RUN_FOLDER/checkpoint.pt WORK OUT_FOLDER [--profile 12+12]

A checkpoint of training.ctc becomes `model.onnx` and `model.int8.onnx`, and so does one of training.ctc_tokens with
`--tokens MODEL_FOLDER`; one of training.tdt becomes `encoder.onnx` and
`encoder.int8.onnx`, `decoder.onnx`, `joiner.onnx` and `ctc_head.onnx`. `tokens.txt` and `tokenizer.model` go with them.
The graphs keep NeMo's tensors (training/head_graph.py) and serve every chunk of whole steps of 72 ms; the profile only
says which one the program takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import onnx
import sentencepiece
import torch
from torch import Tensor, nn

from engine.models.rewriting.linears import Form
from engine.models.rewriting.pen import Pen
from training.checkpoint import load
from training.ctc_model import STACK, CtcRecognizer, begin
from training.errors import TrainingError, run
from training.export import DEFAULT_PROFILE
from training.head_graph import HeadGraph
from training.model import FRAME
from training.tdt_model import TdtRecognizer
from training.weights import read_tokens

MODEL_TYPE = "caique-streaming-head"
PROFILES = ((3, 3), (6, 6), (12, 12), (24, 0))
"""Chunk and look-ahead in frames of 24 ms: at most 144, 288, 576 and 576 ms from sound to step."""


def export_heads(
    recognizer: CtcRecognizer, left: int, pieces: Path, folder: Path, profile: tuple[int, int] = DEFAULT_PROFILE
) -> None:
    """Writes the folder.

    left: frames before the chunk that are seen; pieces: the SentencePiece model, or Moonshine's `tokenizer.bin`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recognizer = recognizer.eval()
    whole = not isinstance(recognizer, TdtRecognizer)
    _write_stream(HeadGraph(recognizer, left, scores=whole), folder, "model" if whole else "encoder", profile)
    if isinstance(recognizer, TdtRecognizer):
        _write_transducer(recognizer, folder)
    _write_pieces(pieces, folder)


def _write_stream(step: HeadGraph, folder: Path, role: str, profile: tuple[int, int]) -> None:
    forms: tuple[tuple[str, Form], ...] = ((f"{role}.onnx", "fp32"), (f"{role}.int8.onnx", "int8-blocks"))
    for name, form in forms:
        graph = step.write(Pen(form))
        _describe(graph, step, profile)
        onnx.save(graph, folder / name)


def _describe(graph: onnx.ModelProto, step: HeadGraph, profile: tuple[int, int]) -> None:
    """All sizes, under the names that sherpa-onnx gives them in NeMo's graphs, and what is this family's own."""
    chunk, look_ahead = profile
    channel, time, _ = (cache.shape for cache in step.caches())
    properties = {
        "model_type": MODEL_TYPE,
        "features": "samples",
        "hop": FRAME,
        "feat_dim": FRAME,
        "normalize_type": "",
        "window_size": chunk + look_ahead,
        "chunk_shift": chunk,
        "subsampling_factor": STACK,
        "vocab_size": step.pieces,
        "profiles": json.dumps([{"chunk_shift": c, "look_ahead": a} for c, a in PROFILES]),
        "licence": "MIT (Moonshine tiny-en by Useful Sensors), adapted",
    }
    properties |= {"look_ahead": look_ahead} if look_ahead else {}
    properties |= {f"cache_last_channel_dim{n}": size for n, size in enumerate(channel) if n}
    properties |= {f"cache_last_time_dim{n}": size for n, size in enumerate(time) if n}
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in properties.items()})


def _write_transducer(recognizer: TdtRecognizer, folder: Path) -> None:
    """Predictor, joint and CTC head, in the tensors of sherpa-onnx's NeMo transducers."""
    shape = recognizer.encoder.shape
    layers, width = recognizer.predictor.lstm.num_layers, recognizer.predictor.lstm.hidden_size
    states = torch.zeros(2, layers, 1, width)
    batched = {0: "batch"}
    _export(
        _Decoder(recognizer),
        (torch.zeros(1, 1, dtype=torch.int32), torch.ones(1, dtype=torch.int32), states[0], states[1]),
        folder / "decoder.onnx",
        ("targets", "target_length", "states", "cells"),
        ("outputs", "prednet_lengths", "next_states", "next_cells"),
        {"targets": {0: "batch", 1: "tokens"}, "target_length": batched, "outputs": {0: "batch", 2: "tokens"}}
        | {name: {1: "batch"} for name in ("states", "cells", "next_states", "next_cells")},
    )
    _export(
        _Joiner(recognizer),
        (torch.zeros(1, shape.width, 2), torch.zeros(1, width, 2)),
        folder / "joiner.onnx",
        ("encoder_outputs", "decoder_outputs"),
        ("logits",),
        {
            "encoder_outputs": {0: "batch", 2: "steps"},
            "decoder_outputs": {0: "batch", 2: "tokens"},
            "logits": {0: "batch", 1: "steps", 2: "tokens"},
        },
    )
    _export(
        _Scores(recognizer),
        (torch.zeros(1, shape.width, 2),),
        folder / "ctc_head.onnx",
        ("encoder_outputs",),
        ("logprobs",),
        {"encoder_outputs": {0: "batch", 2: "steps"}, "logprobs": {0: "batch", 1: "steps"}},
    )


class _Decoder(nn.Module):
    """Tokens [B, U] and states to what the joint reads [B, width, U]."""

    def __init__(self, recognizer: TdtRecognizer) -> None:
        super().__init__()
        self.predictor = recognizer.predictor

    def forward(self, targets: Tensor, length: Tensor, states: Tensor, cells: Tensor) -> tuple[Tensor, ...]:
        outputs, (states, cells) = self.predictor(targets.long(), (states, cells))
        return outputs.transpose(1, 2), length + 0, states, cells


class _Joiner(nn.Module):
    """Every step [B, D, T] with every prediction [B, width, U]: logits [B, T, U, pieces + 1 + durations]."""

    def __init__(self, recognizer: TdtRecognizer) -> None:
        super().__init__()
        self.joint = recognizer.joint

    def forward(self, encoded: Tensor, predicted: Tensor) -> Tensor:
        logits: Tensor = self.joint(encoded.transpose(1, 2), predicted.transpose(1, 2))
        return logits


class _Scores(nn.Module):
    """Steps [B, D, T] to log-probabilities [B, T, pieces + 1]."""

    def __init__(self, recognizer: TdtRecognizer) -> None:
        super().__init__()
        self.out = recognizer.head.out

    def forward(self, encoded: Tensor) -> Tensor:
        return self.out(encoded.transpose(1, 2)).log_softmax(-1)


def _export(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    axes: dict[str, dict[int, str]],
) -> None:
    with torch.no_grad():
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def _write_pieces(pieces: Path, folder: Path) -> None:
    if not pieces.is_file():
        raise TrainingError(f"{pieces} does not exist; make it with: python -m training.pieces")
    if pieces.suffix == ".bin":
        names = [_printable(token) for token in read_tokens(pieces)]
    else:
        model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
        names = [model.id_to_piece(i) for i in range(model.vocab_size())]
        shutil.copyfile(pieces, folder / "tokenizer.model")
    lines = [f"{name} {i}\n" for i, name in enumerate([*names, "<blk>"])]
    (folder / "tokens.txt").write_text("".join(lines), "utf8")


def _printable(token: bytes) -> str:
    """A token as a line can hold it; single bytes and parts of characters by their number."""
    text = token.decode("utf8", "replace")
    return text if text.isprintable() and text.strip() and "\ufffd" not in text else f"<0x{token.hex().upper()}>"


def read_recognizer(checkpoint: Path) -> CtcRecognizer:
    """A checkpoint of training.ctc or training.tdt with its averaged weights."""
    state = load(checkpoint)
    if "head" not in state:
        raise TrainingError(f"{checkpoint} holds an encoder without a head; training.export writes that")
    if "transducer" not in state:
        return begin(checkpoint, **state["head"])
    recognizer = TdtRecognizer.build(state)
    recognizer.load_state_dict(state["average"])
    return recognizer


def _profile(text: str) -> tuple[int, int]:
    chunk, _, ahead = text.partition("+")
    profile = int(chunk), int(ahead or 0)
    if profile[0] < STACK or profile[0] % STACK:
        raise argparse.ArgumentTypeError(f"a chunk is a whole number of steps of {STACK} frames, not {chunk}")
    return profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("work", type=Path, help="the folder with pieces.model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=Path, help="Moonshine's folder, for a head that writes its tokens")
    parser.add_argument("--left", type=int, default=168, help="left context in frames, as trained")
    parser.add_argument(
        "--profile", type=_profile, default=DEFAULT_PROFILE, help="chunk+look-ahead in frames of 24 ms: 12+12"
    )
    options = parser.parse_args()
    recognizer = read_recognizer(options.checkpoint)
    pieces = options.tokens / "tokenizer.bin" if options.tokens else options.work / "pieces.model"
    export_heads(recognizer, options.left, pieces, options.folder, options.profile)
    for path in sorted(options.folder.glob("*.onnx")):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
