"""The forms a linear map can be written in: float32, or int8 weights with inputs quantised as they come.

Each frame's input is quantised by itself, never by what else is in a call, so that it gives the same in any company.

Only products with constant matrices are quantised: they are nearly all of a step's arithmetic, and ONNX
Runtime's int8 convolutions are slower than its float32 ones. Which form is fastest depends on the processor and on
how many frames a step has, so all are written and timed (`engine.models.prepared`).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.models.rewriting.network import Linear, Weights

Form: TypeAlias = Literal["fp32", "int8-blocks", "int8-columns"]
"""
    fp32          Gemm
    int8-blocks   MatMulNBits: a scale for every 64 weights and inputs; made for one or two frames
    int8-columns  MatMulIntegerToFloat: a scale for each output, and one for each frame's inputs
"""
FORMS: tuple[Form, ...] = ("fp32", "int8-blocks", "int8-columns")

CONTRIBUTED = "com.microsoft"
"""The domain of ONNX Runtime's own operators; every build of it has them, sherpa-onnx's too."""

_BLOCK = 64
"""From 128 on, ONNX Runtime's AVX-512 kernels sum pairs of frames in another order than single ones."""
LARGEST = 127
ZERO_POINT = 128
_COMPUTE_IN_INT8 = 4
"""MatMulNBits' accuracy_level: quantise the inputs too, and multiply in int8."""


def blocks(linear: Linear) -> tuple[NDArray[np.uint8], Weights]:
    """Weights uint8 [outputs, blocks, 64] around 128 and scales [outputs, blocks], as MatMulNBits takes them."""
    inputs, outputs = linear.weight.shape
    count = -(-inputs // _BLOCK)
    padded = np.zeros((outputs, count * _BLOCK), np.float32)
    padded[:, :inputs] = linear.weight.T
    padded = padded.reshape(outputs, count, _BLOCK)
    scales = _scales(padded, axis=2)
    quantised = np.rint(padded / scales) + ZERO_POINT
    return quantised.astype(np.uint8), scales[..., 0]


def columns(linear: Linear) -> tuple[NDArray[np.int8], Weights]:
    """Weights int8 [inputs, outputs] and scales [outputs]."""
    scales = _scales(linear.weight, axis=0)
    return np.rint(linear.weight / scales).astype(np.int8), scales[0]


def block_attributes(linear: Linear) -> dict[str, int]:
    """What MatMulNBits must be told about a linear map."""
    inputs, outputs = linear.weight.shape
    return {"K": inputs, "N": outputs, "bits": 8, "block_size": _BLOCK, "accuracy_level": _COMPUTE_IN_INT8}


def _scales(weights: Weights, axis: int) -> Weights:
    """What weights are divided by, the axis kept. A column of zeros gets a scale it can be divided by."""
    largest = np.abs(weights).max(axis=axis, keepdims=True)
    scales: Weights = np.maximum(largest / np.float32(LARGEST), np.float32(1e-12))
    return scales
