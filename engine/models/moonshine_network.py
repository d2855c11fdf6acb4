"""What Moonshine's merged decoder consists of, as found in its .ort file.

The file holds two branches that an optimiser has been over: one for the first token, which also makes the
cross-attention's keys and values, and one for all later tokens. Linear maps and norms are found by the names that
PyTorch's modules left on their outputs; what is computed between them is told by the kinds of operations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.models.ort_file import Node, OrtGraph, Unreadable, read
from engine.models.rewriting.network import Norm

_LINEAR = re.compile(r".*/layers\.(\d+)/(\w+)/(\w+)/(?:MatMul|Add)_output_0|(logits)")
_NORM = re.compile(r".*/layers\.(\d+)/(\w+)/LayerNormalization_output_0|.*/(norm)/LayerNormalization_output_0")
_KINDS = {"Softmax": (2, 0), "FusedMatMul": (2, 0), "QuickGelu": (1, 0), "LayerNormalization": (3, 1), "Cos": (0, 1)}
"""How many of an operation each layer has, and how many there are besides."""
_TOKENS = "input_ids"

_Linears = Mapping[tuple[str, ...], "Linear"]


class Unrecognised(Exception):
    """It is no such decoder."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map in 8 bits: (weight - zero point) * scale, and a bias."""

    weight: NDArray[np.uint8]
    """[inputs, outputs]."""
    scale: NDArray[np.float32]
    """One for all outputs, or one for each."""
    zero_point: NDArray[np.uint8]
    """As `scale`."""
    bias: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """Self-attention, cross-attention and a gated map, each behind its norm and beside a way past it."""

    norms: tuple[Norm, Norm, Norm]
    own: Linear
    """Queries, keys and values of the self-attention, side by side."""
    own_out: Linear
    query: Linear
    """Of the cross-attention."""
    memory_out: Linear
    up: Linear
    """Values and gates, side by side."""
    down: Linear


@dataclass(frozen=True, slots=True)
class Network:
    """The decoder."""

    embedding: Linear
    """[tokens, width], with one scale and one zero point."""
    layers: tuple[Layer, ...]
    memory: Linear
    """Keys and values of the cross-attention, layer by layer, side by side."""
    norm: Norm
    logits: Linear
    frequencies: NDArray[np.float32]
    """By how much the pairs of numbers in front of a query or key turn from one position to the next."""
    heads: int
    head: int
    """Numbers in a head."""
    attention_scale: float


def recognise(content: bytes) -> Network:
    """The decoder in an .ort file's content; raises Unrecognised."""
    try:
        branches = next(node.graphs for node in read(content).nodes if node.kind == "If")
        return _network(branches["then_branch"], branches["else_branch"])
    except (Unreadable, StopIteration, LookupError, ValueError) as error:
        raise Unrecognised from error


def _side_by_side(*linears: Linear) -> Linear:
    """Several maps of the same input as one."""
    wide = [(x.weight, *(np.broadcast_to(s, x.weight.shape[1:]) for s in (x.scale, x.zero_point))) for x in linears]
    return Linear(*(np.concatenate(parts, axis=-1) for parts in zip(*wide, strict=True)))


def _network(later: OrtGraph, first: OrtGraph) -> Network:
    linears, made_first, norms = _linears(later), _linears(first), _norms(later)
    numbers = [str(k) for k in range((len(norms) - 1) // 3)]
    layers = tuple(_layer(k, linears, norms) for k in numbers)
    memory = [made_first[k, "encoder_attn", f"{part}_proj"] for k in numbers for part in "kv"]
    kinds = Counter(node.kind for node in later.nodes)
    scales = {node.floats["alpha"] for node in later.nodes if node.kind == "FusedMatMul"}
    gates = {node.floats["alpha"] for node in later.nodes if node.kind == "QuickGelu"}
    width = layers[0].own.weight.shape[0]
    # What a head is divided by, the root of its size, is the only place where that size stands as a number.
    head = round(max(scales) ** -2)
    if any(kinds[kind] != each * len(layers) + once for kind, (each, once) in _KINDS.items()):
        raise Unrecognised
    if not layers or len(linears) != 8 * len(layers) + 1 or len(scales) != 1 or gates != {1.0} or width % head:
        raise Unrecognised
    return Network(
        embedding=_embedding(later),
        layers=layers,
        memory=_side_by_side(*memory),
        norm=norms["norm",],
        logits=linears["logits",],
        frequencies=_frequencies(later),
        heads=width // head,
        head=head,
        attention_scale=max(scales),
    )


def _layer(number: str, linears: _Linears, norms: Mapping[tuple[str, ...], Norm]) -> Layer:
    def at(*place: str) -> Linear:
        return linears[number, *place]

    return Layer(
        norms=(
            norms[number, "input_layernorm"],
            norms[number, "post_attention_layernorm"],
            norms[number, "final_layernorm"],
        ),
        own=_side_by_side(*(at("self_attn", f"{part}_proj") for part in "qkv")),
        own_out=at("self_attn", "o_proj"),
        query=at("encoder_attn", "q_proj"),
        memory_out=at("encoder_attn", "o_proj"),
        up=at("mlp", "fc1"),
        down=at("mlp", "fc2"),
    )


def _linears(graph: OrtGraph) -> _Linears:
    """By layer, block and module, such as ("0", "mlp", "fc1")."""
    found: dict[tuple[str, ...], Linear] = {}
    for node in graph.nodes:
        match = _LINEAR.fullmatch(node.outputs[0])
        if match and node.kind == "DynamicQuantizeMatMul":
            _, weight, scale, zero_point, bias = (*node.inputs, "")[:5]
        elif match and node.kind == "MatMulIntegerToFloat":
            _, weight, _, scale, _, zero_point, bias = (*node.inputs, "")[:7]
        else:
            continue
        place = tuple(part for part in match.groups() if part)
        offset = graph.weights[bias] if bias else None
        found[place] = Linear(graph.weights[weight], graph.weights[scale], graph.weights[zero_point], offset)
    return found


def _norms(graph: OrtGraph) -> Mapping[tuple[str, ...], Norm]:
    """By layer and module, such as ("0", "input_layernorm"), and ("norm",)."""
    found: dict[tuple[str, ...], Norm] = {}
    for node in graph.nodes:
        if node.kind == "LayerNormalization" and (match := _NORM.fullmatch(node.outputs[0])):
            place = tuple(part for part in match.groups() if part)
            found[place] = Norm(graph.weights[node.inputs[1]], graph.weights[node.inputs[2]], node.floats["epsilon"])
    return found


def _embedding(graph: OrtGraph) -> Linear:
    table, codes = next(
        (n.inputs[0], n.outputs[0]) for n in graph.nodes if n.kind == "Gather" and n.inputs[1] == _TOKENS
    )
    scaled = next(n.inputs[1:] for n in graph.nodes if n.kind == "DequantizeLinear" and n.inputs[0] == codes)
    scale, zero_point = (graph.weights[name] for name in scaled)
    return Linear(graph.weights[table], scale, zero_point)


def _frequencies(graph: OrtGraph) -> NDArray[np.float32]:
    """The one column of numbers that is made as long as there are positions."""

    def columns(node: Node) -> list[NDArray[np.float32]]:
        return [graph.weights[name] for name in node.inputs[:1] if node.kind == "Expand" and name in graph.weights]

    (column,) = (column for node in graph.nodes for column in columns(node))
    return column.reshape(-1)
