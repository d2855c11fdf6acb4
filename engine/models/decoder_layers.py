"""Layers of Moonshine's decoder that learned, in a file of their own, to stand in the published ones' place.

The embedding and the output layer, which are two thirds of the decoder, stay in the published file. An `.npz` file
holds what it has between them, under the names of `engine.models.moonshine_network.Network`: weights in 8 bits, with
a scale and a zero point for each output.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.moonshine_network import Layer, Linear, Network

FILE = "decoder_layers.npz"
"""What it is called beside the decoder that it changes."""
_LINEARS = ("own", "own_out", "query", "memory_out", "up", "down")
_PARTS = ("weight", "scale", "zero_point", "bias")

_Arrays = dict[str, Any]


def save(network: Network, path: Path) -> None:
    """Write the layers of a network as such a file; raises OSError."""
    np.savez(path, **_arrays(network))


def adapted(network: Network, path: Path) -> Network:
    """The network with the file's layers in place of its own.

    Raises:
        ModelFileMissing: there is no such file.
        ModelFileBroken: the file cannot be read.
        ModelMismatch: it holds layers of another decoder.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
    except FileNotFoundError as error:
        raise ModelFileMissing(path, "what the decoder learned") from error
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise ModelFileBroken(path, "it holds no layers of a decoder") from error
    own = _arrays(network)
    if {n: (a.shape, a.dtype) for n, a in arrays.items()} != {n: (a.shape, a.dtype) for n, a in own.items()}:
        raise ModelMismatch(path, "its layers are those of another decoder")
    layers = tuple(_layer(layer, arrays, f"layers.{k}") for k, layer in enumerate(network.layers))
    norm = replace(network.norm, scale=arrays["norm"])
    return replace(network, layers=layers, memory=_linear(arrays, "memory"), norm=norm)


def _arrays(network: Network) -> _Arrays:
    found: _Arrays = {"norm": network.norm.scale}
    linears = {"memory": network.memory}
    for k, layer in enumerate(network.layers):
        linears |= {f"layers.{k}.{name}": getattr(layer, name) for name in _LINEARS}
        found |= {f"layers.{k}.norm{n}": norm.scale for n, norm in enumerate(layer.norms)}
    for name, linear in linears.items():
        outputs = linear.weight.shape[1:]
        parts = linear.weight, *(np.broadcast_to(x, outputs) for x in (linear.scale, linear.zero_point)), linear.bias
        found |= {f"{name}.{part}": x for part, x in zip(_PARTS, parts, strict=True) if x is not None}
    return found


def _layer(layer: Layer, arrays: _Arrays, name: str) -> Layer:
    norms = (replace(norm, scale=arrays[f"{name}.norm{n}"]) for n, norm in enumerate(layer.norms))
    linears = {part: _linear(arrays, f"{name}.{part}") for part in _LINEARS}
    first, second, third = norms
    return replace(layer, norms=(first, second, third), **linears)


def _linear(arrays: _Arrays, name: str) -> Linear:
    weight, scale, zero_point = (arrays[f"{name}.{part}"] for part in _PARTS[:3])
    return Linear(weight, scale, zero_point, arrays.get(f"{name}.{_PARTS[3]}"))
