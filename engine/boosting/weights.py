"""How much a phrase is worth: the scale of the bonus in natural logs, and what damps it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib import resources

from engine.boosting.characters import BOUNDARY

STRONGEST = 5.0
"""Strengths beyond this, up or down, count as this."""

COMMON_FACTOR = 0.25
"""What is left of the bonus of an entry that is an ordinary word."""

_FEW_LETTERS = 4
_ENOUGH_LETTERS = 5
_LEAST_SHORT = 0.25
LONG_ENOUGH = 2 * _FEW_LETTERS
"""No spelling of so many characters is short, however many of them are blanks."""
_LARGE_LIST = 100


@dataclass(frozen=True, slots=True)
class Scale:
    """The bonus of a phrase of weight 1, in natural logs."""

    per_character: float = 1.2
    """Bonus around the second character; the first earns less, later ones slowly more."""
    ceiling: float = 5.0
    """The most that a match in progress is worth."""
    whole: float = 1.5
    """Added when the last character is spelt, so that the end of a long name is worth something too."""
    completion: float = 1.5
    """Added when the match then ends at the end of a word."""
    suppression: float = 8.0
    """Taken off a word of strength -1."""

    def growing(self, characters: int) -> float:
        """What the first `characters` characters of a phrase are worth. Never falls, ends at the ceiling."""
        grown = sum(0.5 * self.per_character * (1 + math.log(1 + i)) for i in range(1, characters + 1))
        return min(grown, self.ceiling)


@cache
def common_words() -> frozenset[str]:
    """Ordinary English words, folded as phrases are (without the leading blank)."""
    text = resources.files("resources").joinpath("words/common_en.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def size_factor(phrases: int) -> float:
    """Large lists look like everything: each tenfold beyond 100 phrases takes off a little."""
    return 1.0 if phrases <= _LARGE_LIST else 1.0 / (1.0 + 0.15 * math.log10(phrases / _LARGE_LIST))


def short_factor(folded: str) -> float:
    """1 for spellings of four characters and more, down to 0.25 below."""
    letters = len(folded) - folded.count(BOUNDARY)
    return 1.0 if letters >= _FEW_LETTERS else max(_LEAST_SHORT, (letters / _ENOUGH_LETTERS) ** 2)


def is_common(folded: str) -> bool:
    """True for a spelling that is one ordinary word."""
    return folded[1:] in common_words()


def common_beginning(folded: str) -> int:
    """How many characters of a spelling belong to the common words it begins with; its last word never does.

    Otherwise "The Home Depot" would pull at every word that sounds like "the".
    """
    common = common_words()
    start = 0
    while (end := folded.find(BOUNDARY, start + 1)) > 0 and folded[start + 1 : end] in common:
        start = end
    return start
