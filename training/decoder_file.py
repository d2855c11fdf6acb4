"""The decoder's layers in 8 bits, in the file that the program puts in place of the published ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models import decoder_layers
from engine.models.moonshine_network import Layer, Linear, recognise
from training.weights import Weights

PUBLISHED = "decoder_model_merged.ort"
Grid = tuple[Tensor, Tensor]
"""Step and zero point of each output, [outputs, 1]."""

_CROSS, _OWN = "cross_attention", "self_attention"
_PARTS = {
    "own": (f"{_OWN}.q", f"{_OWN}.k", f"{_OWN}.v"),
    "own_out": (f"{_OWN}.o",),
    "query": (f"{_CROSS}.q",),
    "memory_out": (f"{_CROSS}.o",),
    "up": ("fc1",),
    "down": ("fc2",),
}
"""The modules of a layer of `training.decoder.Decoder` that stand side by side in the file."""
_NORMS = ("norm1", "norm2", "norm3")


def grid(matrix: Tensor) -> Grid:
    """The 256 values that each row of a matrix [outputs, inputs] is rounded to, from its least to its largest."""
    least, largest = matrix.amin(1, keepdim=True).clamp(max=0), matrix.amax(1, keepdim=True).clamp(min=0)
    step = ((largest - least) / 255).clamp(min=1e-12)
    return step, (-least / step).round()


def on_grid(matrix: Tensor, of: Grid) -> Tensor:
    """The nearest values on the grid, as how many steps they are from its least."""
    step, zero = of
    return (matrix / step + zero).round().clamp(0, 255)


def grids(weights: Weights) -> dict[str, Grid]:
    """A grid for each of the matrices that the file holds, by state dict key."""
    return {name: grid(w) for name, w in weights.items() if w.ndim == 2 and name.startswith("layers.")}


def write_layers(weights: Weights, moonshine: Path, path: Path, on: dict[str, Grid] | None = None) -> None:
    """Writes a decoder's layers.

    Args:
        weights: its state dict.
        moonshine: Moonshine's folder, whose decoder these are to be layers of.
        on: what the matrices are rounded to, as `grids` gives it for other weights; None: their own.
    """
    network = recognise((moonshine / PUBLISHED).read_bytes())
    known = on or grids(weights)
    layers = tuple(_layer(layer, weights, known, f"layers.{k}") for k, layer in enumerate(network.layers))
    memory = _linear(weights, known, [f"layers.{k}.{_CROSS}.{x}" for k in range(len(layers)) for x in "kv"])
    norm = replace(network.norm, scale=weights["norm.weight"].numpy())
    decoder_layers.save(replace(network, layers=layers, memory=memory, norm=norm), path)


def read_layers(path: Path, moonshine: Path) -> Weights:
    """The weights that such a file holds, by state dict key; raises engine.errors.ModelError."""
    network = decoder_layers.adapted(recognise((moonshine / PUBLISHED).read_bytes()), path)
    found: Weights = {"norm.weight": torch.from_numpy(network.norm.scale)}
    for k, layer in enumerate(network.layers):
        name = f"layers.{k}"
        for norm, own in zip(layer.norms, _NORMS, strict=True):
            found[f"{name}.{own}.weight"] = torch.from_numpy(norm.scale)
        for part, modules in _PARTS.items():
            linear: Linear = getattr(layer, part)
            found |= _weights(linear, [f"{name}.{module}" for module in modules])
    readers = [f"layers.{k}.{_CROSS}.{x}" for k in range(len(network.layers)) for x in "kv"]
    return found | _weights(network.memory, readers)


def _layer(layer: Layer, weights: Weights, known: dict[str, Grid], name: str) -> Layer:
    linears = {part: _linear(weights, known, [f"{name}.{m}" for m in modules]) for part, modules in _PARTS.items()}
    first, second, third = (
        replace(norm, scale=weights[f"{name}.{own}.weight"].numpy())
        for norm, own in zip(layer.norms, _NORMS, strict=True)
    )
    return replace(layer, norms=(first, second, third), **linears)


def _linear(weights: Weights, known: dict[str, Grid], modules: list[str]) -> Linear:
    names = [f"{module}.weight" for module in modules]
    codes = torch.cat([on_grid(weights[name], known[name]) for name in names])
    step, zero = (torch.cat([known[name][n] for name in names])[:, 0] for n in range(2))
    bias = weights.get(f"{modules[0]}.bias")
    return Linear(
        np.ascontiguousarray(codes.T.numpy().astype(np.uint8)),
        step.numpy().astype(np.float32),
        zero.numpy().astype(np.uint8),
        None if bias is None else bias.numpy(),
    )


def _weights(linear: Linear, modules: list[str]) -> Weights:
    matrix = (linear.weight.astype(np.float32) - linear.zero_point) * linear.scale
    parts = torch.from_numpy(np.ascontiguousarray(matrix.T)).chunk(len(modules))
    found: Weights = {f"{module}.weight": part for module, part in zip(modules, parts, strict=True)}
    return found if linear.bias is None else found | {f"{modules[0]}.bias": torch.from_numpy(linear.bias)}
