"""Makes a merged decoder in ORT format (.ort) tell where its cross-attention looks.

The graph computes the weights and keeps them to itself. A merged decoder holds two branches: one for the first
call and one for all later calls, which use cached keys and values. The later branch has outputs that carry
nothing: it gives back the cross-attention's keys, which only the first call makes. Those outputs are pointed
at the attention weights instead; neither weights nor computation change.

An .ort file is a FlatBuffer: tables find their fields through a table of 16-bit offsets, everything else through
32-bit offsets that lead forward. A list can therefore be replaced by writing a new one behind the end of the
file and changing the one offset that leads to it. Field numbers are those of ONNX Runtime's schema, ort.fbs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_SESSION_MODEL, _MODEL_GRAPH = 1, 7
_GRAPH_NODES, _GRAPH_OUTPUTS = 2, 6
_NODE_OP_TYPE, _NODE_OUTPUTS, _NODE_ATTRIBUTES = 5, 9, 10
_ATTRIBUTE_NAME, _ATTRIBUTE_GRAPH = 0, 7

_FREE_OUTPUT = re.compile(r"present\.(\d+)\.encoder\.key")
_WEIGHTS = re.compile(r".*layers\.(\d+)/encoder_attn/Softmax_output_\d+")


def reveal_attention(model: bytes) -> bytes | None:
    """The model with its later branch's `present.N.encoder.key` holding layer N's attention weights [B, heads, n, T].

    None when this is no ORT-format graph of that kind.
    """
    if model[4:8] != b"ORTM":
        return None
    try:
        return _reveal(model)
    except (struct.error, IndexError, UnicodeDecodeError):  # a damaged file: opening it says so properly
        return None


def _reveal(model: bytes) -> bytes | None:
    root = _Table(model, _follow(model, 0))
    graph = root.table(_SESSION_MODEL).table(_MODEL_GRAPH)
    for branch in _later_branches(graph):
        weights = {
            match.group(1): name
            for node in branch.tables(_GRAPH_NODES)
            if node.text(_NODE_OP_TYPE) == "Softmax"
            for name in node.texts(_NODE_OUTPUTS)
            if (match := _WEIGHTS.fullmatch(name))
        }
        outputs = branch.texts(_GRAPH_OUTPUTS)
        told = [weights.get(m.group(1), name) if (m := _FREE_OUTPUT.fullmatch(name)) else name for name in outputs]
        if told != outputs:
            return _with_list(model, branch.place(_GRAPH_OUTPUTS), told)
    return None


def _later_branches(graph: _Table) -> Iterator[_Table]:
    for node in graph.tables(_GRAPH_NODES):
        if node.text(_NODE_OP_TYPE) == "If":
            for attribute in node.tables(_NODE_ATTRIBUTES):
                if attribute.text(_ATTRIBUTE_NAME) == "then_branch":
                    yield attribute.table(_ATTRIBUTE_GRAPH)


def _with_list(model: bytes, place: int, texts: list[str]) -> bytes:
    """The file with the offset at `place` leading to a new list of texts."""
    out = bytearray(model)
    out += bytes(-len(out) % 4)
    head = len(out)
    out += struct.pack("<I", len(texts)) + bytes(4 * len(texts))
    for k, text in enumerate(texts):
        slot = head + 4 + 4 * k
        struct.pack_into("<I", out, slot, len(out) - slot)
        raw = text.encode()
        out += struct.pack("<I", len(raw)) + raw + b"\0"
        out += bytes(-len(out) % 4)
    struct.pack_into("<I", out, place, head - place)
    return bytes(out)


class _Table:
    """A FlatBuffer table; a field that is absent reads as empty."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def place(self, field: int) -> int:
        """Where the field's offset stands."""
        layout = self._at - struct.unpack_from("<i", self._data, self._at)[0]
        size = struct.unpack_from("<H", self._data, layout)[0]
        slot = 4 + 2 * field
        offset = struct.unpack_from("<H", self._data, layout + slot)[0] if slot < size else 0
        if not offset:
            raise IndexError(field)
        return self._at + int(offset)

    def table(self, field: int) -> _Table:
        return _Table(self._data, _follow(self._data, self.place(field)))

    def tables(self, field: int) -> Iterator[_Table]:
        return (_Table(self._data, at) for at in self._items(field))

    def text(self, field: int) -> str:
        return _text(self._data, _follow(self._data, self.place(field)))

    def texts(self, field: int) -> list[str]:
        return [_text(self._data, at) for at in self._items(field)]

    def _items(self, field: int) -> list[int]:
        try:
            start = _follow(self._data, self.place(field))
        except IndexError:
            return []
        count = struct.unpack_from("<I", self._data, start)[0]
        return [_follow(self._data, start + 4 + 4 * k) for k in range(count)]


def _follow(data: bytes, place: int) -> int:
    return place + int(struct.unpack_from("<I", data, place)[0])


def _text(data: bytes, at: int) -> str:
    size = struct.unpack_from("<I", data, at)[0]
    return data[at + 4 : at + 4 + size].decode()
