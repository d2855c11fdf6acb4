"""Punctuation and capitals for models that write none, by a model that reads words.

How a word is written depends on the words before it and `LOOK_AHEAD` words after it, so the last words that are settled
may still change, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from engine.types import Word

LOOK_AHEAD = 2
"""Trailing words that may still change."""


class Punctuator(Protocol):
    """What punctuates; `engine.models.punctuation.PunctuationModel` does."""

    def punctuated(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words as they are written in a text that ends with the last one."""
        ...


def punctuate(words: Sequence[Word], after: Sequence[Word], punctuator: Punctuator) -> list[Word]:
    """The words as they are written where the words `after` follow."""
    texts = [word.text for word in (*words, *after)]
    return [replace(word, text=punctuator.punctuated(texts[: k + 1 + LOOK_AHEAD])[k]) for k, word in enumerate(words)]
