"""A model that punctuates and capitalises the lower-case words of another one: Edge-Punct-Casing.

The published folder (sherpa-onnx-online-punct-en-2024-08-06, github.com/k2-fsa/sherpa-onnx, release
punctuation-models, Apache-2.0; You and Li 2024, arXiv 2407.13142) holds the graph and bpe.vocab. The graph takes pieces
of whole sentences, tells the first piece of each word by a mask, and gives a case and a mark for each word; which
number means what stands in its metadata. Words are cut into pieces as its trainer's tool, simple-sentencepiece, cuts
them: the pieces with the highest sum of scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.options import ModelOptions
from engine.models.session import Array, Graph, open_graph
from engine.models.vocabulary import WORD_MARK

GRAPHS = ("model.int8.onnx", "model.onnx")
PIECES = "bpe.vocab"
LENGTH = 200
"""Pieces the graph looks at, sentence marks included."""
_BEGIN, _END = 1, 2
_UNKNOWN, _FIRST_BYTE = "<unk>", "<0x00>"
_MARKS = {"COMMA": ",", "PERIOD": ".", "QUESTION": "?"}
_CASES: dict[str, Callable[[str], str]] = {"UPPER": str.upper, "CAP": lambda word: word[:1].upper() + word[1:]}
_CACHED = 2_000


class PunctuationModel:
    """A loaded model. Immutable and shared."""

    def __init__(self, graph: Graph, pieces: Pieces) -> None:
        """Raises ModelMismatch when the graph is not of this kind."""
        graph.expect((2, 2, 1), (2, 2))
        self._graph, self._pieces = graph, pieces
        self._marks = {_meaning(graph, key): mark for key, mark in _MARKS.items()}
        self._cases = {_meaning(graph, key): change for key, change in _CASES.items()}
        self._cached = lru_cache(_CACHED)(self._punctuated)

    def punctuated(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words as they are written in a text that ends with the last one."""
        return self._cached(tuple(words))

    def _punctuated(self, words: tuple[str, ...]) -> tuple[str, ...]:
        if not words:
            return ()
        outputs = self._graph.run(*_inputs([self._pieces.cut(word) for word in words]))
        cases, marks = (output.argmax(axis=1).tolist() for output in outputs)
        if not len(cases) == len(marks) == len(words):
            raise ModelMismatch(self._graph.path, f"it judges {len(cases)} words where {len(words)} were given")
        return tuple(
            self._cases.get(case, str)(word) + self._marks.get(mark, "")
            for word, case, mark in zip(words, cases, marks, strict=True)
        )


class Pieces:
    """The vocabulary with its scores."""

    def __init__(self, scores: Sequence[tuple[str, float]]) -> None:
        """scores: every piece with its score; the id of a piece is its index."""
        self._known = {piece.encode(): (score, k) for k, (piece, score) in enumerate(scores)}
        self._longest = max(map(len, self._known))
        names = [piece for piece, _ in scores]
        self._unknown = names.index(_UNKNOWN) if _UNKNOWN in names else 0
        self._bytes = names.index(_FIRST_BYTE) if _FIRST_BYTE in names else None

    def cut(self, word: str) -> list[int]:
        """Ids of the pieces of a word; bytes that are in no piece stand alone and cost nothing."""
        text = (WORD_MARK + word).encode()
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)] * (len(text) + 1)
        """From each byte on: the highest sum of scores, where its first piece ends, and the piece."""
        for at in reversed(range(len(text))):
            here = (-math.inf, 0, 0)
            for end in range(at + 1, min(at + self._longest, len(text)) + 1):
                score, piece = self._known.get(text[at:end], (-math.inf, 0))
                # Of equals the shorter piece is taken.
                if score + best[end][0] > here[0]:
                    here = (score + best[end][0], end, piece)
            alone = self._unknown if self._bytes is None else self._bytes + text[at]
            best[at] = here if here[1] else (0.0, at + 1, alone)
        ids, at = [], 0
        while at < len(text):
            _, at, piece = best[at]
            ids.append(piece)
        return ids


def punctuation_in(folder: Path) -> PunctuationModel | None:
    """The punctuation model that was unpacked into the folder of a speech model; None where there is none.

    Raises ModelError where it is damaged.
    """
    found = next((path.parent for path in sorted(folder.glob(f"*/{PIECES}"))), None)
    return load_punctuation(found) if found else None


def load_punctuation(folder: Path) -> PunctuationModel:
    """The punctuation model of a folder.

    Raises:
        ModelFileMissing: the graph or the pieces are not there.
        ModelFileBroken, ModelMismatch: one of them is no such file.
    """
    path = next((path for name in GRAPHS if (path := folder / name).is_file()), folder / GRAPHS[0])
    return PunctuationModel(open_graph(path, ModelOptions(), "punctuation"), Pieces(_read_pieces(folder / PIECES)))


def _read_pieces(path: Path) -> list[tuple[str, float]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ModelFileMissing(path, "cutting words for the punctuation model") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileBroken(path, "it is no UTF-8 text") from error
    scores: list[tuple[str, float]] = []
    for number, line in enumerate(lines, 1):
        try:
            piece, score = line.split()
            scores.append((piece, float(score)))
        except ValueError:
            raise ModelFileBroken(path, f'line {number} is no piece with its score: "{line[:40]}"') from None
    if not scores:
        raise ModelFileBroken(path, "it holds no pieces")
    return scores


def _inputs(words: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """Pieces [N, LENGTH], 1 for the first piece of each word [N, LENGTH], and how many of these there are [N].

    A row holds as many whole words as fit, between sentence marks, which count as words.
    """
    rows: list[tuple[list[int], list[int]]] = [([_BEGIN], [1])]
    for ids in words:
        ids = ids[: LENGTH - 2]
        if len(rows[-1][0]) + len(ids) > LENGTH - 1:
            rows.append(([_BEGIN], [1]))
        rows[-1][0].extend(ids)
        rows[-1][1].extend([1] + [0] * (len(ids) - 1))
    pieces, firsts = np.zeros((2, len(rows), LENGTH), np.int32)
    for row, (ids, first) in enumerate(rows):
        pieces[row, : len(ids) + 1] = [*ids, _END]
        firsts[row, : len(ids) + 1] = [*first, 1]
    return pieces, firsts, firsts.sum(axis=1, dtype=np.int32)


def _meaning(graph: Graph, key: str) -> int:
    """The number that stands for a mark or a case."""
    value = graph.metadata.get(key, "")
    if not value.isdecimal():
        raise ModelMismatch(graph.path, f"its metadata does not say which number stands for {key}")
    return int(value)
