"""Reads graphs and their weights from a file in ORT format (.ort).

Such a file is a FlatBuffer: tables find their fields through a table of 16-bit offsets, everything else through
32-bit offsets that lead forward. Field numbers are those of ONNX Runtime's schema, ort.fbs. The reader among ONNX
Runtime's own tools finds its modules through sys.path, and so not in a program that PyInstaller has packed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SESSION_MODEL, _MODEL_GRAPH = 1, 7
_GRAPH_INITIALIZERS, _GRAPH_NODES, _GRAPH_OUTPUTS = 0, 2, 6
_NODE_OP_TYPE, _NODE_INPUTS, _NODE_OUTPUTS, _NODE_ATTRIBUTES = 5, 8, 9, 10
_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_GRAPH = 0, 3, 7
_TENSOR_NAME, _TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_DATA = 0, 2, 3, 4

_TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}
"""ONNX's numbers of the element types that matter here."""


class Unreadable(Exception):
    """It is no file in ORT format, or it is damaged."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a graph."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    floats: Mapping[str, float]
    """Its attributes that are single float numbers."""
    graphs: Mapping[str, OrtGraph]
    """Its attributes that are graphs: the branches of an If."""


@dataclass(frozen=True, slots=True)
class OrtGraph:
    """A graph, and what it knows of the graphs around it."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, NDArray[Any]]
    """By name, those of the graphs around it included; of element types that matter here. Views of the file."""


def read(content: bytes | bytearray) -> OrtGraph:
    """The file's main graph; raises Unreadable. Changing the weights of a bytearray changes the file."""
    if content[4:8] != b"ORTM":
        raise Unreadable
    try:
        return _graph(_Table(content, _follow(content, 0)).table(_SESSION_MODEL).table(_MODEL_GRAPH), {})
    except (struct.error, IndexError, ValueError) as error:  # undecodable text is a ValueError
        raise Unreadable from error


def _graph(table: _Table, around: Mapping[str, NDArray[Any]]) -> OrtGraph:
    weights = dict(around)
    for tensor in table.tables(_GRAPH_INITIALIZERS):
        kind = _TYPES.get(tensor.number(_TENSOR_TYPE, "<i"))
        if kind is not None:
            values = np.frombuffer(tensor.raw(_TENSOR_DATA), kind)
            weights[tensor.text(_TENSOR_NAME)] = values.reshape(tensor.sizes(_TENSOR_SHAPE))
    nodes = tuple(_node(node, weights) for node in table.tables(_GRAPH_NODES))
    return OrtGraph(nodes, tuple(table.texts(_GRAPH_OUTPUTS)), weights)


def _node(table: _Table, around: Mapping[str, NDArray[Any]]) -> Node:
    attributes = {attribute.text(_ATTRIBUTE_NAME): attribute for attribute in table.tables(_NODE_ATTRIBUTES)}
    return Node(
        kind=table.text(_NODE_OP_TYPE),
        inputs=tuple(table.texts(_NODE_INPUTS)),
        outputs=tuple(table.texts(_NODE_OUTPUTS)),
        floats={name: a.number(_ATTRIBUTE_FLOAT, "<f") for name, a in attributes.items() if a.has(_ATTRIBUTE_FLOAT)},
        graphs={
            name: _graph(a.table(_ATTRIBUTE_GRAPH), around) for name, a in attributes.items() if a.has(_ATTRIBUTE_GRAPH)
        },
    )


class _Table:
    """A FlatBuffer table; a list that is absent reads as empty."""

    def __init__(self, data: bytes | bytearray, at: int) -> None:
        self._data = data
        self._at = at

    def has(self, field: int) -> bool:
        return self._slot(field) != 0

    def number(self, field: int, form: str) -> Any:
        """A number that stands in the table itself; 0 where it is left out, as FlatBuffers do with defaults."""
        slot = self._slot(field)
        return struct.unpack_from(form, self._data, self._at + slot)[0] if slot else 0

    def table(self, field: int) -> _Table:
        return _Table(self._data, _follow(self._data, self._place(field)))

    def tables(self, field: int) -> Iterator[_Table]:
        return (_Table(self._data, at) for at in self._items(field))

    def text(self, field: int) -> str:
        return _text(self._data, _follow(self._data, self._place(field)))

    def texts(self, field: int) -> list[str]:
        return [_text(self._data, at) for at in self._items(field)]

    def raw(self, field: int) -> memoryview:
        """A list of bytes."""
        start, count = self._list(field)
        return memoryview(self._data)[start : start + count]

    def sizes(self, field: int) -> tuple[int, ...]:
        """A list of 64-bit numbers."""
        start, count = self._list(field)
        return struct.unpack_from(f"<{count}q", self._data, start)

    def _items(self, field: int) -> list[int]:
        start, count = self._list(field)
        return [_follow(self._data, start + 4 * k) for k in range(count)]

    def _list(self, field: int) -> tuple[int, int]:
        """Where a list begins, and how long it is."""
        if not self.has(field):
            return 0, 0
        start = _follow(self._data, self._place(field))
        return start + 4, struct.unpack_from("<I", self._data, start)[0]

    def _place(self, field: int) -> int:
        slot = self._slot(field)
        if not slot:
            raise IndexError(field)
        return self._at + slot

    def _slot(self, field: int) -> int:
        """How far behind the table's beginning the field stands; 0 for one that is left out."""
        layout = self._at - struct.unpack_from("<i", self._data, self._at)[0]
        size = struct.unpack_from("<H", self._data, layout)[0]
        slot = 4 + 2 * field
        return int(struct.unpack_from("<H", self._data, layout + slot)[0]) if slot < size else 0


def _follow(data: bytes | bytearray, place: int) -> int:
    return place + int(struct.unpack_from("<I", data, place)[0])


def _text(data: bytes | bytearray, at: int) -> str:
    size = struct.unpack_from("<I", data, at)[0]
    return data[at + 4 : at + 4 + size].decode()
