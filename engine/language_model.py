"""N-gram language models: ARPA files, plain or gzipped, as arrays.

Every n-gram is a node of one tree: its parent is the n-gram without its last word. `keys` holds parent and
last word of each node in one sorted array, so a step is a binary search and a model of a million n-grams
takes some thirty megabytes. The suffix of a node (the n-gram without its first word) is where back-off goes.

A context is the node of the longest n-gram that ends the history; scores equal kenlm's on the same file.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelFileBroken, ModelFileMissing

UNKNOWN = "<unk>"
BEGIN = "<s>"
END = "</s>"

IN_MODEL_FOLDER = ("lm.arpa", "lm.arpa.gz")
"""What a language model is called that belongs to the speech model in the same folder."""

ROOT = 0
"""The empty context."""

_UNKNOWN_LOG10 = -100.0
"""Score of unknown words in a file that does not give one, as in kenlm."""
_LN10 = math.log(10.0)
_MOST_CACHED = 200_000

_Integers: TypeAlias = NDArray[np.int64]
_Logs: TypeAlias = NDArray[np.float32]


class LanguageModel:
    """An n-gram model over words (or pieces). Contexts are small integers; scores are natural logs.

    Immutable but for the steps that it remembers, which only save time: streams on any threads may share it.
    """

    def __init__(
        self, words: dict[str, int], keys: _Integers, scores: _Logs, backoffs: _Logs, counts: Sequence[int]
    ) -> None:
        """
        Args:
            words: id of each word; UNKNOWN is among them.
            keys: int64 [N], parent * len(words) + last word, rising; node n is entry n - 1.
            scores, backoffs: float32 [N], natural logs.
            counts: how many n-grams there are of each length.
        """
        self.words = words
        self.order = len(counts)
        self._keys, self._scores, self._backoffs = keys, scores, backoffs
        self._suffixes = _suffixes(keys, len(words), counts)
        self._shorter = sum(counts[:-1])
        """The last node that may have longer ones."""
        self._known: dict[tuple[int, int], tuple[int, float]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def word(self, text: str) -> int:
        """Id of a word, or of the unknown word."""
        return self.words.get(text, self.words[UNKNOWN])

    def start(self) -> int:
        """The context at the beginning of a sentence."""
        return self._child(ROOT, self.words[BEGIN]) if BEGIN in self.words else ROOT

    def step(self, context: int, word: int) -> tuple[int, float]:
        """Say a word: (next context, natural log of its probability)."""
        known = self._known.get((context, word))
        if known is None:
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            known = self._known[context, word] = self._step(context, word)
        return known

    def _step(self, context: int, word: int) -> tuple[int, float]:
        total = 0.0
        while not (node := self._child(context, word)):
            total += float(self._backoffs[context - 1])
            context = int(self._suffixes[context])
        total += float(self._scores[node - 1])
        return (node if node <= self._shorter else int(self._suffixes[node])), total

    def _child(self, node: int, word: int) -> int:
        """The node one word longer; 0 when there is none."""
        key = node * len(self.words) + word
        at = int(np.searchsorted(self._keys, key))
        return at + 1 if at < len(self._keys) and self._keys[at] == key else 0


def language_model_in(folder: Path) -> LanguageModel | None:
    """The language model that lies in the folder of a speech model; None where there is none.

    Raises:
        ModelFileBroken: it is no ARPA file; the sentence names the line.
    """
    found = next((path for name in IN_MODEL_FOLDER if (path := folder / name).is_file()), None)
    return load_language_model(found) if found else None


def load_language_model(path: Path) -> LanguageModel:
    """Read an ARPA file, gzipped or not.

    Raises:
        ModelFileMissing: there is no such file.
        ModelFileBroken: it is no ARPA file; the sentence names the line.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        opener = gzip.open if zipped else open
        with opener(path, "rt", encoding="utf-8", newline="\n") as text:
            return _build(path, _Lines(path, enumerate(map(str.strip, text), 1)))
    except FileNotFoundError:
        raise ModelFileMissing(path, "scoring words by a language model") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ModelFileBroken(path, "it is no readable UTF-8 text") from error


@dataclass(slots=True)
class _Lines:
    """Lines of an ARPA file with their numbers, and how to complain about one."""

    path: Path
    rest: Iterator[tuple[int, str]]
    number: int = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self.rest:
            self.number = number
            if line:
                yield line

    def broken(self, why: str) -> ModelFileBroken:
        return ModelFileBroken(self.path, f"line {self.number} {why}")


@dataclass(frozen=True, slots=True)
class _Grams:
    """The n-grams of one length, as read: words [N, length], log10 scores and back-offs [N]."""

    words: _Integers
    scores: NDArray[np.float64]
    backoffs: NDArray[np.float64]


def _build(path: Path, lines: _Lines) -> LanguageModel:
    counts = _read_counts(lines)
    words: dict[str, int] = {}
    levels = [_read_grams(lines, length, count, words) for length, count in enumerate(counts, 1)]
    if UNKNOWN not in words:
        words[UNKNOWN] = len(words)
        levels[0] = _with_unknown(levels[0], words[UNKNOWN])
    keys = np.zeros(0, np.int64)
    scores, backoffs = np.zeros(0), np.zeros(0)
    for grams in levels:
        parents = _nodes_of(keys, grams.words[:, :-1], len(words))
        if (parents < 0).any():
            raise ModelFileBroken(path, f"a {grams.words.shape[1]}-gram stands in it without its beginning")
        level = parents * len(words) + grams.words[:, -1]
        order = np.argsort(level)
        keys = np.concatenate((keys, level[order]))
        scores = np.concatenate((scores, grams.scores[order]))
        backoffs = np.concatenate((backoffs, grams.backoffs[order]))
    if (np.diff(keys) <= 0).any():
        raise ModelFileBroken(path, "an n-gram stands in it twice")
    counts = [len(grams.scores) for grams in levels]
    return LanguageModel(
        words, keys, (scores * _LN10).astype(np.float32), (backoffs * _LN10).astype(np.float32), counts
    )


def _read_counts(lines: _Lines) -> list[int]:
    """The header: how many n-grams of each length follow; stops after the line that begins the unigrams."""
    counts: list[int] = []
    seen = False
    for line in lines:
        if line == "\\data\\":
            seen = True
        elif seen and line.startswith("ngram "):
            length, _, count = line[len("ngram ") :].partition("=")
            if length.strip() != str(len(counts) + 1) or not count.strip().isdecimal():
                raise lines.broken(f'is no count of n-grams: "{line[:40]}"')
            counts.append(int(count))
        elif seen and line == "\\1-grams:":
            break
        elif seen:
            raise lines.broken(f'belongs to no ARPA header: "{line[:40]}"')
    if not counts:
        raise ModelFileBroken(lines.path, "it has no ARPA header (\\data\\ and counts of n-grams)")
    return counts


def _read_grams(lines: _Lines, length: int, count: int, words: dict[str, int]) -> _Grams:
    """The n-grams of one length and the line that ends them. Unigrams make up the vocabulary."""
    ids: list[list[int]] = []
    scores: list[float] = []
    backoffs: list[float] = []
    for line in lines:
        if line.startswith("\\") and line in (f"\\{length + 1}-grams:", "\\end\\"):
            break
        fields = line.split()
        if len(fields) not in (length + 1, length + 2):
            raise lines.broken(f'is no {length}-gram with its score: "{line[:40]}"')
        if length == 1:
            words.setdefault(fields[1], len(words))
        try:
            scores.append(float(fields[0]))
            backoffs.append(float(fields[length + 1]) if len(fields) == length + 2 else 0.0)
            ids.append([words[word] for word in fields[1 : length + 1]])
        except ValueError:
            raise lines.broken(f'has no number where its score belongs: "{line[:40]}"') from None
        except KeyError as missing:
            raise lines.broken(f"has the word {missing}, which is not among the unigrams") from None
    if len(ids) != count:
        raise lines.broken(f"ends {len(ids)} {length}-grams where the header promises {count}")
    return _Grams(np.array(ids, np.int64).reshape(-1, length), np.array(scores), np.array(backoffs))


def _with_unknown(unigrams: _Grams, unknown: int) -> _Grams:
    return _Grams(
        np.concatenate((unigrams.words, [[unknown]])),
        np.append(unigrams.scores, _UNKNOWN_LOG10),
        np.append(unigrams.backoffs, 0.0),
    )


def _nodes_of(keys: _Integers, words: _Integers, vocabulary: int) -> _Integers:
    """Node of each row of words [N, length]; negative where there is none."""
    nodes = np.zeros(len(words), np.int64)
    for column in words.T:
        nodes = np.where(nodes < 0, nodes, _children(keys, nodes, column, vocabulary))
        nodes[nodes == 0] = -1
    return nodes


def _children(keys: _Integers, nodes: _Integers, words: _Integers, vocabulary: int) -> _Integers:
    """The nodes one word longer; 0 where there is none."""
    wanted = nodes * vocabulary + words
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at + 1, 0)


def _suffixes(keys: _Integers, vocabulary: int, counts: Sequence[int]) -> _Integers:
    """The longest shorter ending that the model has of each node, the root included; int64 [N + 1]."""
    parents, words = np.divmod(keys, vocabulary)
    suffixes = np.zeros(len(keys) + 1, np.int64)
    first = counts[0]
    for count in counts[1:]:
        level = slice(first, first + count)
        suffixes[first + 1 : first + count + 1] = _longest_suffixes(
            keys, suffixes, parents[level], words[level], vocabulary
        )
        first += count
    return suffixes


def _longest_suffixes(
    keys: _Integers, suffixes: _Integers, parents: _Integers, words: _Integers, vocabulary: int
) -> _Integers:
    """The same of nodes given by parent and last word; at worst the word alone."""
    contexts = suffixes[parents]
    found = _children(keys, contexts, words, vocabulary)
    while (missing := found == 0).any():
        contexts = np.where(missing, suffixes[contexts], contexts)
        found = np.where(missing, _children(keys, contexts, words, vocabulary), found)
    return found
