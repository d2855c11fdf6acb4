"""Reads an exported encoder back, so that training can begin with the graph that is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from engine.models.rewriting.linears import ZERO_POINT
from training.checkpoint import averaged_encoder, build_encoder
from training.errors import TrainingError
from training.model import Encoder
from training.weights import Arrays, encoder_weights

PER_LAYER = ("qkv", "out", "fc1", "fc2")
MOONSHINE = "encoder_model.ort"
"""The encoder in Moonshine's folder."""


def opened(start: Path) -> Encoder:
    """The encoder of a checkpoint, an exported graph, a model folder or Moonshine's folder."""
    if start.suffix == ".pt":
        return averaged_encoder(start)
    if (start / MOONSHINE).is_file():
        return moonshine_encoder(start)
    return exported_encoder(_graph(start))[0]


def takes_whole_windows(start: Path) -> bool:
    """Whether `start` is a folder or graph of the form that sees a window at once; a checkpoint does not tell."""
    if start.suffix == ".pt":
        return False
    return (start / MOONSHINE).is_file() or not exported_encoder(_graph(start))[1]


def _graph(start: Path) -> Path:
    names = ("encoder.onnx", "encoder.int8.onnx", "encoder_model.int8.onnx")
    graph = next((start / name for name in names if (start / name).is_file()), start)
    if not graph.is_file():
        raise TrainingError(f"{start} is neither a checkpoint nor a folder with {' or '.join(names)}")
    return graph


def moonshine_encoder(folder: Path) -> Encoder:
    """Moonshine's own, from its packaged graph."""
    encoder = Encoder()
    encoder.load_state_dict(encoder_weights(folder / MOONSHINE), strict=False)
    return encoder.eval()


def exported_encoder(path: Path) -> tuple[Encoder, int]:
    """The encoder that `training.export` wrote (float32 or 8 bits), and its left context in frames, 0 for the whole.

    The group norm's gain and bias went into the second convolution when it was exported, and stay there.
    """
    graph = onnx.load(path)
    told = {entry.key: entry.value for entry in graph.metadata_props}
    if "architecture" not in told:
        raise TrainingError(f"{path} is no encoder that training.export wrote; give one, or a checkpoint of a run")
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.graph.initializer}
    nodes = graph.graph.node
    (first,) = (arrays[node.input[1]] for node in nodes if node.op_type == "Conv")
    linears = (_linear(node, arrays) for node in nodes if node.op_type in ("Gemm", "MatMulNBits"))
    norms = (_tensor(arrays[node.input[1]]) for node in nodes if node.op_type == "LayerNormalization")
    weights = {
        "conv1.weight": _tensor(first),
        "norm_gain": torch.ones(len(first)),
        "norm_bias": torch.zeros(len(first)),
    }
    for name, taps in (("conv2", 7), ("conv3", 3)):
        matrix, bias = next(linears)
        weights |= {f"{name}.weight": matrix.unflatten(1, (taps, -1)).transpose(1, 2), f"{name}.bias": bias}
    architecture = json.loads(told["architecture"])
    for n in range(architecture["shape"]["layers"]):
        weights |= {f"layers.{n}.{part}.weight": next(norms) for part in ("norm1", "norm2")}
        for part in PER_LAYER:
            matrix, bias = next(linears)
            weights |= {f"layers.{n}.{part}.weight": matrix} | ({f"layers.{n}.{part}.bias": bias} if len(bias) else {})
    weights["norm.weight"] = next(norms)
    weights["prior"] = Encoder().prior
    if "cache_initial" in told:
        count, total, squares = json.loads(told["cache_initial"])["cache_stat"]
        weights["prior"] = torch.tensor([total / count, squares / count])
    encoder = build_encoder(architecture, weights)
    return encoder.eval(), int(told.get("left_context_frames", 0))


def _linear(node: onnx.NodeProto, arrays: Arrays) -> tuple[Tensor, Tensor]:
    """A linear map's matrix [out, in] and its bias, empty where it has none."""
    told = {a.name: a.i for a in node.attribute}
    if node.op_type == "Gemm":
        matrix, bias = arrays[node.input[1]].T, node.input[2:]
    else:
        blocks = arrays[node.input[1]].astype(np.float32) - ZERO_POINT
        matrix = (blocks * arrays[node.input[2]][..., None]).reshape(told["N"], -1)[:, : told["K"]]
        bias = node.input[5:]
    return _tensor(matrix), _tensor(arrays[bias[0]] if bias else np.zeros(0))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32))
