"""A small streaming encoder before Moonshine's decoder, as a model folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.helpers.starter import starter_folder

FRAME = 384
WIDTH = 288


def streaming_folder(target: Path, **metadata: str) -> Path:
    """Moonshine's decoder behind a hand-made encoder: frame t holds samples of its own and of the frame before."""
    target.mkdir()
    for name in ("decoder_model_merged.ort", "tokenizer.bin"):
        shutil.copy(starter_folder() / name, target / name)
    nodes = [
        helper.make_node("Concat", ["cache_audio", "audio"], ["sound"], axis=1),
        helper.make_node("Unsqueeze", ["sound", "one"], ["channel"]),
        helper.make_node("Conv", ["channel", "taps"], ["heard"], strides=[FRAME]),
        helper.make_node("Transpose", ["heard"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("Shape", ["sound"], ["all"], start=1),
        helper.make_node("Mul", ["look_ahead", "frame"], ["ahead"]),
        helper.make_node("Sub", ["all", "ahead"], ["end"]),
        helper.make_node("Sub", ["end", "frame"], ["begin"]),
        helper.make_node("Slice", ["sound", "begin", "end", "one"], ["cache_audio_next"]),
    ]
    taps = np.random.default_rng(3).normal(0, 0.05, (WIDTH, 1, 2 * FRAME)).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "streaming",
        [
            helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["B", "N"]),
            helper.make_tensor_value_info("look_ahead", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("cache_audio", TensorProto.FLOAT, ["B", FRAME]),
        ],
        [
            helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["B", "T", WIDTH]),
            helper.make_tensor_value_info("cache_audio_next", TensorProto.FLOAT, ["B", FRAME]),
        ],
        [
            numpy_helper.from_array(value, name)
            for name, value in {
                "taps": taps,
                "one": np.array([1], np.int64),
                "frame": np.array([FRAME], np.int64),
            }.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    told = {
        "model_type": "caique-streaming-moonshine-encoder",
        "frame_samples": str(FRAME),
        "chunk_samples": str(3 * FRAME),
        "look_ahead_samples": str(2 * FRAME),
        "cache_shapes": json.dumps({"cache_audio": [1, FRAME]}),
        "cache_initial": json.dumps({"cache_audio": 0.0}),
    }
    helper.set_model_props(model, told | metadata)
    onnx.save(model, target / "encoder.onnx")
    return target
