"""Reads Moonshine's packaged graphs (.ort files, 8-bit weights) as float32 weights for PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.models.ort_file import OrtGraph, read

_QUANTISED_MATMULS = ("MatMulIntegerToFloat", "DynamicQuantizeMatMul")

Weights = dict[str, Tensor]
Arrays = Mapping[str, NDArray[Any]]


def encoder_weights(path: Path) -> Weights:
    """State dict of `training.model.Encoder` from `encoder_model.ort`."""
    graph = read(path.read_bytes())
    arrays = graph.weights
    weights: Weights = {"conv1.weight": _tensor(arrays["conv1.weight_add_tensor"])}
    for conv in ("conv2", "conv3"):
        weights[f"{conv}.weight"] = _tensor(arrays[f"{conv}.weight_add_tensor"])
        weights[f"{conv}.bias"] = _tensor(arrays[f"{conv}.bias"])
    norm_outputs = {"/groupnorm/Mul_output_0": "norm_gain", "/groupnorm/Add_output_0": "norm_bias"}
    for node in graph.nodes:
        if node.outputs and node.outputs[0] in norm_outputs:
            weights[norm_outputs[node.outputs[0]]] = _tensor(arrays[node.inputs[1]].ravel())
    matrices = _matrices(graph, arrays, prefix="")
    for n in range(_layer_count(matrices)):
        layer, theirs = f"layers.{n}", f"layers.{n}.self_attn"
        weights[f"{layer}.qkv.weight"] = torch.cat([matrices[f"{theirs}.{x}_proj"] for x in "qkv"])
        weights[f"{layer}.out.weight"] = matrices[f"{theirs}.o_proj"]
        weights |= _feed_forward(layer, matrices, arrays, f"layers.{n}.mlp")
        for ours, name in (("norm1", "input_layernorm"), ("norm2", "post_attention_layernorm")):
            weights[f"{layer}.{ours}.weight"] = _tensor(arrays[f"layers.{n}.{name}.weight"])
    weights["norm.weight"] = _tensor(arrays["layer_norm.weight"])
    return weights


def decoder_weights(path: Path) -> Weights:
    """State dict of `training.decoder.Decoder` from `decoder_model_merged.ort`."""
    graph, arrays = _decoder(path.read_bytes())
    prefix = "model.decoder"
    matrices = _matrices(_branch(graph, "else_branch"), arrays, prefix=f"{prefix}.")
    weights: Weights = {"embedding.weight": _dequantise(arrays, f"{prefix}.embed_tokens.weight")}
    for n in range(_layer_count(matrices)):
        layer = f"layers.{n}"
        for ours, theirs in (("self_attention", "self_attn"), ("cross_attention", "encoder_attn")):
            for x in ("q", "k", "v", "o"):
                weights[f"{layer}.{ours}.{x}.weight"] = matrices[f"{layer}.{theirs}.{x}_proj"]
        weights |= _feed_forward(layer, matrices, arrays, f"{layer}.mlp", bias_prefix=f"{prefix}.")
        for ours, theirs in (
            ("norm1", "input_layernorm"),
            ("norm2", "post_attention_layernorm"),
            ("norm3", "final_layernorm"),
        ):
            weights[f"{layer}.{ours}.weight"] = _tensor(arrays[f"{prefix}.{layer}.{theirs}.weight"])
    weights["norm.weight"] = _tensor(arrays[f"{prefix}.norm.weight"])
    return weights


def read_tokens(path: Path) -> list[bytes]:
    """The pieces of `tokenizer.bin`, by id: each a length (one byte, or two when the first is >= 128) and its bytes."""
    raw, tokens, at = path.read_bytes(), [], 0
    while at < len(raw):
        length, at = raw[at], at + 1
        if length >= 128:
            length, at = raw[at] * 128 + length - 128, at + 1
        tokens.append(raw[at : at + length])
        at += length
    return tokens


def text_of(tokens: list[bytes], ids: list[int]) -> str:
    """The text that these token ids spell."""
    spelled = b"".join(t for t in (tokens[i] for i in ids) if not (t.startswith(b"<") and t.endswith(b">")))
    return spelled.decode("utf8", "replace").replace("\u2581", " ").strip()


def _decoder(raw: bytes | bytearray) -> tuple[OrtGraph, Arrays]:
    """The merged decoder's graph and arrays, by the names that they had before its two branches were merged."""
    graph = read(raw)
    return graph, {name.replace("_merged_0", ""): a for name, a in graph.weights.items()}


def _branch(graph: OrtGraph, name: str) -> OrtGraph:
    """A branch of the graph's `If` node: the merged decoder holds the cached and the uncached step."""
    for node in graph.nodes:
        if name in node.graphs:
            return node.graphs[name]
    raise ValueError(f"the graph has no {name}; is this decoder_model_merged.ort of moonshine-voice 0.0.73?")


def _matrices(graph: OrtGraph, arrays: Arrays, prefix: str) -> Weights:
    """Every quantised product's matrix [out, in], named by its module (`layers.0.self_attn.q_proj`)."""
    names = _quantised(graph, arrays, prefix)
    return {module: _dequantise(arrays, name).T.contiguous() for module, name in names.items()}


def _quantised(graph: OrtGraph, arrays: Arrays, prefix: str) -> dict[str, str]:
    """What the matrix of each quantised product is called in the file, by its module."""
    found = {}
    for node in graph.nodes:
        if node.kind in _QUANTISED_MATMULS:
            names = (i.replace("_merged_0", "") for i in node.inputs)
            quantised = next(n for n in names if n.endswith("_quantized") and n in arrays)
            module = ".".join(node.outputs[0].strip("/").split("/")[:-1]).removeprefix(prefix)
            found[module] = quantised.removesuffix("_quantized")
    return found


def _dequantise(arrays: Arrays, name: str) -> Tensor:
    zero = arrays[f"{name}_zero_point"].astype(np.float32)
    return _tensor((arrays[f"{name}_quantized"].astype(np.float32) - zero) * arrays[f"{name}_scale"])


def _feed_forward(layer: str, matrices: Weights, arrays: Arrays, theirs: str, bias_prefix: str = "") -> Weights:
    found: Weights = {}
    for fc in ("fc1", "fc2"):
        found[f"{layer}.{fc}.weight"] = matrices[f"{theirs}.{fc}"]
        found[f"{layer}.{fc}.bias"] = _tensor(arrays[f"{bias_prefix}{theirs}.{fc}.bias"])
    return found


def _layer_count(matrices: Weights) -> int:
    return 1 + max(int(name.split(".")[1]) for name in matrices if name.startswith("layers."))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array.astype(np.float32)))
