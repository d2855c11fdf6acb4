"""ONNX graphs for tests: reference encoders turned offline, small graphs with known reach, wrong ones."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_EVERYTHING = np.iinfo(np.int64).max
_OFFSET = 16
"""Zero frames in front that put encoder frame i at feature frame 8 i (the drop of two included)."""


def offline_folder(source: Path, target: Path, role: str) -> Path:
    """A copy of a streaming reference folder whose encoder has become an offline one.

    The caches become empty constants, the chunk's limit on the output goes, and the zero frames of the live
    grid move into the graph. The weights and the chunked attention stay, so that encoding a whole recording
    gives what streaming gives step by step.

    Args:
        role: what the encoder's file is called ("model" for a whole CTC graph).
    """
    shutil.copytree(source, target)
    path = target / f"{role}.onnx"
    model = onnx.load(path)
    graph = model.graph
    bins = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    for name, shape, dtype in (
        (graph.input[2].name, _cache_shape(graph.input[2], 2, 70), np.float32),
        (graph.input[3].name, _cache_shape(graph.input[3], 3, 8), np.float32),
        (graph.input[4].name, (1,), np.int64),
    ):
        graph.initializer.append(numpy_helper.from_array(np.zeros(shape, dtype), name))
    del graph.input[2:], graph.output[2:]
    _unlimit_output(graph)
    _pad_front(graph, bins)
    vocabulary = {entry.key: entry.value for entry in model.metadata_props if entry.key == "vocab_size"}
    del model.metadata_props[:]
    helper.set_model_props(model, {"normalize_type": "", "subsampling_factor": "8", **vocabulary})
    onnx.save(model, path)
    return target


def _cache_shape(value: onnx.ValueInfoProto, axis: int, size: int) -> tuple[int, ...]:
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    shape[0], shape[axis] = 1, size
    return tuple(shape)


def _unlimit_output(graph: onnx.GraphProto) -> None:
    """Lift the limit to one chunk of frames: the last Slice of the graph, and the Clip of the lengths."""
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    limit = next(node for node in graph.node if "encoded_lengths" in node.output)
    cut = [node for node in graph.node if node.op_type == "Slice"][-1]
    for name in (limit.input[2], cut.input[2]):
        value = constants[name].attribute[0].t
        whole = np.full(tuple(value.dims), _EVERYTHING, np.int64)
        value.CopyFrom(numpy_helper.from_array(whole.astype(onnx.helper.tensor_dtype_to_np_dtype(value.data_type))))


def _pad_front(graph: onnx.GraphProto, bins: int) -> None:
    signal, length = graph.input[0].name, graph.input[1].name
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in (signal, length):
                node.input[position] = f"{name}_padded"
    graph.initializer.append(numpy_helper.from_array(np.zeros((1, bins, _OFFSET), np.float32), "front"))
    graph.initializer.append(numpy_helper.from_array(np.array([_OFFSET], np.int64), "front_length"))
    graph.node.insert(0, helper.make_node("Concat", ["front", signal], [f"{signal}_padded"], axis=2))
    graph.node.insert(1, helper.make_node("Add", [length, "front_length"], [f"{length}_padded"]))


def convolution_folder(target: Path, normalization: str = "per_feature") -> Path:
    """An offline CTC folder whose frames reach a known, short way: 40 feature frames to either side.

    Random weights: what counts is that a window with enough context gives the same as the whole.
    """
    target.mkdir()
    made = np.random.default_rng(5)
    pieces = 12
    weights = {
        "down": made.normal(0, 0.1, (16, 80, 24)).astype(np.float32),
        "mix": made.normal(0, 0.5, (pieces + 1, 16, 7)).astype(np.float32),
        "seven": np.array([7], np.int64),
        "eight": np.array([8], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["audio_signal", "down"], ["low"], strides=[8], pads=[8, 15]),
        helper.make_node("Tanh", ["low"], ["bent"]),
        helper.make_node("Conv", ["bent", "mix"], ["scores"], pads=[3, 3]),
        helper.make_node("Transpose", ["scores"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["turned"], ["logprobs"], axis=2),
        helper.make_node("Add", ["length", "seven"], ["rounded"]),
        helper.make_node("Div", ["rounded", "eight"], ["encoded_lengths"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [
            helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["B", 80, "T"]),
            helper.make_tensor_value_info("length", TensorProto.INT64, ["B"]),
        ],
        [
            helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, ["B", "U", pieces + 1]),
            helper.make_tensor_value_info("encoded_lengths", TensorProto.INT64, ["B"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model, {"vocab_size": str(pieces), "subsampling_factor": "8", "normalize_type": normalization}
    )
    onnx.save(model, target / "model.onnx")
    lines = [f"\u2581{chr(97 + index)} {index}" for index in range(pieces)] + [f"<blk> {pieces}"]
    (target / "tokens.txt").write_text("\n".join(lines) + "\n")
    return target


def split_folder(source: Path, target: Path) -> Path:
    """A NeMo transducer folder in sherpa-onnx's layout: decoder_joint.onnx cut into decoder and joiner."""
    shutil.copytree(source, target)
    fused = target / "decoder_joint-model.onnx"
    graph = onnx.load(fused).graph
    fused.unlink()
    (target / "encoder-model.onnx").rename(target / "encoder.onnx")
    hidden = graph.input[3].type.tensor_type.shape.dim[2].dim_value
    # The predictor's frames [B, U, H] are what the second Transpose behind the LSTM gives.
    cut = [node.output[0] for node in graph.node if node.op_type == "Transpose"][-1]
    from_frames = _reached(graph, graph.input[0].name)
    behind_cut = _reached(graph, cut)
    joint = [node for node in graph.node if set(node.output) & (from_frames | behind_cut)]
    constants = [node for node in graph.node if node.op_type == "Constant"]
    predictor = [node for node in graph.node if node not in joint and node not in constants]
    turned = helper.make_tensor_value_info("decoder_outputs", TensorProto.FLOAT, ["B", hidden, "U"])
    _save(
        target / "decoder.onnx",
        [*constants, *predictor, helper.make_node("Transpose", [cut], ["decoder_outputs"], perm=[0, 2, 1])],
        graph.input[1:],
        [turned, *graph.output[1:]],
        graph.initializer,
    )
    _save(
        target / "joiner.onnx",
        [*constants, helper.make_node("Transpose", ["decoder_outputs"], [cut], perm=[0, 2, 1]), *joint],
        [graph.input[0], turned],
        [graph.output[0]],
        graph.initializer,
    )
    return target


def _reached(graph: onnx.GraphProto, start: str) -> set[str]:
    """Names of all tensors that depend on `start`."""
    reached = {start}
    for node in graph.node:
        if reached & set(node.input):
            reached |= set(node.output)
    return reached - {start}


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto],
) -> None:
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, [w for w in weights if w.name in used])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def fix_axes(path: Path, *axes: tuple[int, int]) -> None:
    """Fix axes of inputs, given as (input, axis), to 1, as some exports do."""
    model = onnx.load(path)
    for position, axis in axes:
        model.graph.input[position].type.tensor_type.shape.dim[axis].dim_value = 1
    onnx.save(model, path)


def with_external_data(folder: Path, name: str) -> Path:
    """Move the weights of a graph into a file beside it, as large exports have them; returns that file."""
    path = folder / name
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location=f"{name}.data", size_threshold=0)
    return folder / f"{name}.data"


def set_metadata(path: Path, **values: str | None) -> None:
    """Change a graph's metadata; None takes a key away."""
    model = onnx.load(path)
    kept = {entry.key: entry.value for entry in model.metadata_props} | values
    del model.metadata_props[:]
    helper.set_model_props(model, {key: value for key, value in kept.items() if value is not None})
    onnx.save(model, path)
