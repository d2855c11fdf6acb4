"""Reads an exported encoder back, so that training can begin with the graph that is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from training.checkpoint import averaged_encoder, build_encoder
from training.errors import TrainingError
from training.model import Encoder
from training.weights import Arrays

PER_LAYER = ("qkv", "out", "fc1", "fc2")


def opened(start: Path) -> Encoder:
    """The encoder of a checkpoint, an exported graph or a model folder."""
    if start.suffix == ".pt":
        return averaged_encoder(start)
    names = ("encoder.onnx", "encoder.int8.onnx")
    graph = next((start / name for name in names if (start / name).is_file()), start)
    if not graph.is_file():
        raise TrainingError(f"{start} is neither a checkpoint nor a folder with {' or '.join(names)}")
    return exported_encoder(graph)[0]


def exported_encoder(path: Path) -> tuple[Encoder, int]:
    """The encoder that `training.export` wrote (float32 or 8 bits), and its left context in frames.

    The group norm's gain and bias went into the second convolution when it was exported, and stay there.
    """
    graph = onnx.load(path)
    told = {entry.key: entry.value for entry in graph.metadata_props}
    if "architecture" not in told:
        raise TrainingError(f"{path} is no encoder that training.export wrote; give one, or a checkpoint of a run")
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.graph.initializer}
    width = arrays["encoder.conv1.weight"].shape[0]
    products = [
        _matrix(arrays, node.input[1])
        for node in graph.graph.node
        if node.op_type in ("MatMul", "MatMulInteger") and node.input[1] in arrays
    ]
    weights = {name.removeprefix("encoder."): _tensor(a) for name, a in arrays.items() if name.startswith("encoder.")}
    weights |= {
        "conv2.weight": products[0].reshape(2 * width, 7, width).transpose(1, 2),
        "conv2.bias": _tensor(arrays["bias2"]),
        "conv3.weight": products[1].reshape(width, 3, 2 * width).transpose(1, 2),
        "conv3.bias": _tensor(arrays["bias3"]),
        "norm_gain": torch.ones(width),
        "norm_bias": torch.zeros(width),
    }
    architecture = json.loads(told["architecture"])
    for n, matrix in enumerate(products[2 : 2 + len(PER_LAYER) * architecture["shape"]["layers"]]):
        layer, part = divmod(n, len(PER_LAYER))
        weights[f"layers.{layer}.{PER_LAYER[part]}.weight"] = matrix
    count, total, squares = json.loads(told["cache_initial"])["cache_stat"]
    weights["prior"] = torch.tensor([total / count, squares / count])
    encoder = build_encoder(architecture, weights)
    return encoder.eval(), int(told["left_context_frames"])


def _matrix(arrays: Arrays, name: str) -> Tensor:
    """A product's matrix as a linear layer has it: [out, in]."""
    base = name.removesuffix("_quantized")
    if base == name:
        return _tensor(arrays[name].T)
    zero = arrays[f"{base}_zero_point"].astype(np.float32)
    return _tensor(((arrays[name].astype(np.float32) - zero) * arrays[f"{base}_scale"]).T)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32))
