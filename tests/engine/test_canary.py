"""Canary folders, against a hand-made pair of graphs with the signature that onnx-asr documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.decoding.attention import Search, beam, greedy
from engine.errors import ModelError, ModelFileBroken, ModelMismatch
from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle

PROMPT = (
    "<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>", "<|en|>", "<|en|>",
    "<|pnc|>", "<|noitn|>", "<|notimestamp|>", "<|nodiarize|>",
)  # fmt: skip
"""The prompt of onnx-asr (models/nemo.py) for English."""
PIECES = [*dict.fromkeys(PROMPT), "<|de|>", "<|endoftext|>", "\u2581Good", "\u2581day", "."]
SAYS = {"<|nodiarize|>": "\u2581Good", "\u2581Good": "\u2581day", "\u2581day": ".", ".": "<|endoftext|>"}
LAYERS, WIDTH, BINS = 2, 4, 128


def canary_folder(target: Path, pieces: list[str] = PIECES) -> Path:
    """What is said follows from the token before, whatever is heard; the hidden states only grow."""
    target.mkdir()
    (target / "vocab.txt").write_text("".join(f"{piece} {k}\n" for k, piece in enumerate(pieces)), encoding="utf-8")
    (target / "config.json").write_text('{"model_type": "nemo-conformer-aed", "features_size": 128}')
    _save(
        target / "encoder-model.onnx",
        [
            helper.make_node("Conv", ["audio_signal", "down"], ["low"], strides=[8], pads=[0, 7]),
            helper.make_node("Transpose", ["low"], ["encoder_embeddings"], perm=[0, 2, 1]),
            helper.make_node("ReduceSum", ["encoder_embeddings", "last"], ["sums"], keepdims=0),
            helper.make_node("Shape", ["sums"], ["size"]),
            helper.make_node(
                "ConstantOfShape", ["size"], ["encoder_mask"], value=numpy_helper.from_array(np.ones(1, np.int64))
            ),
        ],
        [("audio_signal", TensorProto.FLOAT, ["B", BINS, "T"]), ("length", TensorProto.INT64, ["B"])],
        [("encoder_embeddings", TensorProto.FLOAT, ["B", "U", WIDTH]), ("encoder_mask", TensorProto.INT64, ["B", "U"])],
        {"down": np.full((WIDTH, BINS, 8), 0.01, np.float32), "last": np.array([2], np.int64)},
    )
    follows = np.zeros((len(PIECES), len(PIECES)), np.float32)
    for piece, following in SAYS.items():
        follows[PIECES.index(piece), PIECES.index(following)] = 9.0
    _save(
        target / "decoder-model.onnx",
        [
            helper.make_node("Gather", ["follows", "input_ids"], ["logits"]),
            helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"]),
            helper.make_node("Unsqueeze", ["embedded", "first"], ["one_layer"]),
            helper.make_node("Concat", ["one_layer"] * LAYERS, ["new"], axis=0),
            helper.make_node("Concat", ["decoder_mems", "new"], ["decoder_hidden_states"], axis=2),
            helper.make_node("Identity", ["encoder_embeddings"], ["unused"]),
        ],
        [
            ("input_ids", TensorProto.INT64, ["B", "n"]),
            ("encoder_embeddings", TensorProto.FLOAT, ["B", "U", WIDTH]),
            ("encoder_mask", TensorProto.INT64, ["B", "U"]),
            ("decoder_mems", TensorProto.FLOAT, [LAYERS, "B", "t", WIDTH]),
        ],
        [
            ("logits", TensorProto.FLOAT, ["B", "n", len(PIECES)]),
            ("decoder_hidden_states", TensorProto.FLOAT, [LAYERS, "B", "m", WIDTH]),
        ],
        {
            "follows": follows,
            "embedding": np.repeat(np.arange(len(PIECES), dtype=np.float32)[:, None], WIDTH, 1),
            "first": np.array([0], np.int64),
        },
    )
    return target


def test_a_folder_is_opened_and_decoded(tmp_path: Path) -> None:
    bundle = open_bundle(canary_folder(tmp_path / "canary"))
    assert isinstance(bundle, AttentionBundle)
    assert (bundle.info.family, bundle.info.decoders) == ("attention", ("attention",))
    assert bundle.info.punctuated
    model = bundle.model
    frames = model.encode(np.zeros(16_000, np.float32))
    assert frames.shape == (13, WIDTH)  # 100 feature frames, the last encoder frame half empty
    for found in (greedy(model, frames, Search(seconds=1.0)), beam(model, frames, Search(seconds=1.0), 2)):
        assert [model.pieces[spoken.id] for spoken in found] == ["\u2581Good", "\u2581day", "."]
        assert [spoken.frame for spoken in found] == [None] * 3
    day = (model.pieces.index("\u2581day"),)
    assert [spoken.id for spoken in greedy(model, frames, Search(prefix=day, seconds=1.0))] == [PIECES.index(".")]


def test_the_prompt_and_the_carried_states_are_those_of_the_export(tmp_path: Path) -> None:
    bundle = open_bundle(canary_folder(tmp_path / "canary"))
    assert isinstance(bundle, AttentionBundle)
    model = bundle.model
    assert tuple(model.pieces[token] for token in model.prompt) == PROMPT
    step = model.advance(model.start(np.zeros((5, WIDTH), np.float32)), np.array([model.prompt]), 1)
    step = model.advance(step.state, np.array([[PIECES.index("\u2581Good")]]), 1)
    (hidden,) = step.state.past
    assert hidden.shape == (LAYERS, 1, len(PROMPT) + 1, WIDTH)
    assert hidden[0, 0, :, 0].tolist() == [*model.prompt, PIECES.index("\u2581Good")]


def test_the_language_comes_from_the_configuration(tmp_path: Path) -> None:
    folder = canary_folder(tmp_path / "canary")
    (folder / "config.json").write_text('{"features_size": 128, "language": "de"}')
    bundle = open_bundle(folder)
    assert isinstance(bundle, AttentionBundle)
    assert [bundle.model.pieces[token] for token in bundle.model.prompt].count("<|de|>") == 2


def test_a_spoilt_folder_is_one_sentence(tmp_path: Path) -> None:
    few = canary_folder(tmp_path / "few", [*PIECES, "\u2581more"])
    _says(few, ModelMismatch, "vocab.txt")
    unknown = canary_folder(tmp_path / "unknown", [piece.replace("<|pnc|>", "pnc") for piece in PIECES])
    _says(unknown, ModelFileBroken, "vocab.txt")
    scribbled = canary_folder(tmp_path / "scribbled")
    (scribbled / "vocab.txt").write_text("no number\n")
    _says(scribbled, ModelFileBroken, "vocab.txt")
    swapped = canary_folder(tmp_path / "swapped")
    (swapped / "decoder-model.onnx").write_bytes((swapped / "encoder-model.onnx").read_bytes())
    _says(swapped, ModelMismatch, "decoder-model.onnx")


def _says(folder: Path, kind: type[ModelError], named: str) -> None:
    with pytest.raises(kind) as caught:
        open_bundle(folder)
    assert caught.value.path == folder / named
    assert "\n" not in str(caught.value)


Values = list[tuple[str, int, list[int | str]]]


def _save(
    path: Path, nodes: list[onnx.NodeProto], inputs: Values, outputs: Values, weights: dict[str, np.ndarray]
) -> None:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
