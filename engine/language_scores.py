"""A language model as a score function over a model's pieces: word by word at word ends, or piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from engine.language_model import LanguageModel
from engine.scores import NO_TOKENS, ScoreFunction, Tokens
from engine.text.words import WORD_MARK, opens_word, surface

WordNode: TypeAlias = tuple[int, tuple[int, ...]]
"""Context of the finished words, and the tokens of the word being spelt."""

DEFAULT_WEIGHT = 0.4
"""Share of the language model beside a model that was trained to do without one."""
DEFAULT_WORD_BONUS = 0.8
"""Balances that every word costs probability, so that long hypotheses are not cut short; natural log."""

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def plain_word(text: str) -> str:
    """A word as a language model made from ordinary text should hold it: in lower case, without punctuation around."""
    return _EDGES.sub("", text).lower()


def language_scores(
    model: LanguageModel,
    pieces: Sequence[str],
    weight: float = DEFAULT_WEIGHT,
    bonus: float = DEFAULT_WORD_BONUS,
) -> ScoreFunction:
    """The score function that fits the model: one trained on pieces knows U+2581, one trained on words does not.

    Args:
        pieces: the vocabulary of the speech model; token id = index.
        weight: factor on the natural log of the model's probabilities.
        bonus: added for every word (or piece), in natural logs.
    """
    if any(WORD_MARK in word for word in model.words):
        return PieceScores(model, pieces, weight, bonus)
    return WordScores(model, pieces, weight, bonus)


class PieceScores:
    """Scores each piece as the language model's next word. Nodes are its contexts."""

    def __init__(self, model: LanguageModel, pieces: Sequence[str], weight: float, bonus: float) -> None:
        self._model = model
        self._words = [model.word(piece) for piece in pieces]
        self._weight, self._bonus = weight, bonus

    def start(self) -> int:
        return self._model.start()

    def advance(self, node: int, token: int) -> tuple[int, float]:
        after, score = self._model.step(node, self._words[token])
        return after, self._weight * score + self._bonus

    def finish(self, node: int) -> float:  # noqa: ARG002 - nothing is pending
        return 0.0

    def children(self, node: int) -> Tokens:  # noqa: ARG002 - it proposes nothing
        return NO_TOKENS


class WordScores:
    """Scores a word once it is spelt, that is when the next one is opened or the text ends.

    A word that the language model does not know as it stands is tried in lower case and without punctuation
    before it counts as unknown; what holds no letter or digit is no word.
    """

    def __init__(self, model: LanguageModel, pieces: Sequence[str], weight: float, bonus: float) -> None:
        self._model = model
        self._pieces = pieces
        self._opens = [opens_word(piece) for piece in pieces]
        self._weight, self._bonus = weight, bonus

    def start(self) -> WordNode:
        return self._model.start(), ()

    def advance(self, node: WordNode, token: int) -> tuple[WordNode, float]:
        context, spelt = node
        if not self._opens[token] or not spelt:
            return (context, (*spelt, token)), 0.0
        context, score = self._say(context, spelt)
        return (context, (token,)), score

    def finish(self, node: WordNode) -> float:
        context, spelt = node
        return self._say(context, spelt)[1] if spelt else 0.0

    def children(self, node: WordNode) -> Tokens:  # noqa: ARG002 - it proposes nothing
        return NO_TOKENS

    def _say(self, context: int, spelt: Sequence[int]) -> tuple[int, float]:
        text = surface([self._pieces[token] for token in spelt]).strip()
        bare = _EDGES.sub("", text)
        if not bare:
            return context, 0.0
        known = next(filter(self._model.__contains__, _forms(text, bare)), text)
        after, score = self._model.step(context, self._model.word(known))
        return after, self._weight * score + self._bonus


def _forms(text: str, bare: str) -> Iterator[str]:
    """Spellings under which a word may be known, the most exact first."""
    yield text
    yield bare
    yield text.lower()
    yield plain_word(text)
