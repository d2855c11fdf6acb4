"""A stand-in for the published punctuation model: the same inputs, outputs and metadata, with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LENGTH, WIDTH, LABELS = 200, 8, 4
PIECES = [
    "<unk>",
    "<s>",
    "</s>",
    "▁",
    "e",
    "t",
    "a",
    "o",
    "i",
    "n",
    "s",
    "r",
    "h",
    "l",
    "d",
    "c",
    "u",
    "m",
    "f",
    "p",
    "g",
    "w",
    "y",
    "b",
    "v",
    "k",
    "x",
    "j",
    "q",
    "z",
    "'",
    "▁t",
    "▁a",
    "he",
    "in",
    "on",
    "re",
    "▁the",
    "er",
    "▁s",
    "▁w",
    "ing",
    "▁and",
    "▁o",
    "at",
    "▁i",
    "▁you",
    "ou",
    "is",
    "it",
    "▁what",
    "ll",
    "▁he",
    "llo",
    "▁hello",
    "é",
]


def write_model(folder: Path, seed: int = 5) -> Path:
    """Write model.int8.onnx and bpe.vocab; what a word gets depends on the pieces up to four places around it."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    weights = {
        "table": random.normal(size=(len(PIECES), WIDTH)).astype(np.float32),
        "around": random.normal(size=(2 * LABELS, WIDTH, 9)).astype(np.float32),
        "one": np.array(1, np.int32),
        "begin": np.array(1, np.int32),
        "end": np.array(2, np.int32),
    }
    nodes = [
        helper.make_node("Gather", ["table", "token_ids"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["channels"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["channels", "around"], ["mixed"], pads=[4, 4]),
        helper.make_node("Transpose", ["mixed"], ["rows"], perm=[0, 2, 1]),
        # The first piece of each word, without the marks around the sentence.
        helper.make_node("Equal", ["valid_ids", "one"], ["first"]),
        helper.make_node("Equal", ["token_ids", "begin"], ["begins"]),
        helper.make_node("Equal", ["token_ids", "end"], ["ends"]),
        helper.make_node("Or", ["begins", "ends"], ["mark"]),
        helper.make_node("Not", ["mark"], ["inside"]),
        helper.make_node("And", ["first", "inside"], ["word"]),
        helper.make_node("NonZero", ["word"], ["places"]),
        helper.make_node("Transpose", ["places"], ["places_of_words"], perm=[1, 0]),
        helper.make_node("GatherND", ["rows", "places_of_words"], ["words"]),
        helper.make_node("Split", ["words"], ["case_logits", "punct_logits"], axis=1, num_outputs=2),
    ]
    graph = helper.make_graph(
        nodes,
        "punctuation",
        [
            helper.make_tensor_value_info("token_ids", TensorProto.INT32, ["N", LENGTH]),
            helper.make_tensor_value_info("valid_ids", TensorProto.INT32, ["N", LENGTH]),
            helper.make_tensor_value_info("label_lens", TensorProto.INT32, ["N"]),
        ],
        [
            helper.make_tensor_value_info("case_logits", TensorProto.FLOAT, ["W", LABELS]),
            helper.make_tensor_value_info("punct_logits", TensorProto.FLOAT, ["W", LABELS]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    meanings = {"COMMA": "1", "PERIOD": "2", "QUESTION": "3", "UPPER": "1", "CAP": "2", "MIX_CASE": "3"}
    helper.set_model_props(model, meanings)
    onnx.save(model, folder / "model.int8.onnx")
    scores = [0.0, 0.0, 0.0, *(-float(k) / 7 for k in range(len(PIECES) - 3))]
    lines = [f"{piece}\t{score}\n" for piece, score in zip(PIECES, scores, strict=True)]
    (folder / "bpe.vocab").write_text("".join(lines), encoding="utf-8")
    return folder
