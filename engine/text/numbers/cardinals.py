"""Reads cardinals and ordinals said in English words. Every reader takes words and the place to begin at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.text.numbers.lexicon import DIGITS, ORDINALS, SCALES, TEENS, TENS


class Number(NamedTuple):
    """A whole number and the index after its last word."""

    value: int
    end: int


def below_hundred(words: Sequence[str], at: int) -> Number | None:
    """0 to 99."""
    if at >= len(words):
        return None
    word = words[at]
    if word in TENS:
        ones = DIGITS.get(words[at + 1], 0) if at + 1 < len(words) else 0
        return Number(TENS[word] + ones, at + 2 if ones else at + 1)
    value = DIGITS.get(word, TEENS.get(word))
    return None if value is None else Number(value, at + 1)


def _below_thousand(words: Sequence[str], at: int) -> Number | None:
    """0 to 999, and hundreds counted up to ninety-nine as in "nineteen hundred"."""
    first = below_hundred(words, at)
    if first is None or not first.value or first.end >= len(words) or words[first.end] != "hundred":
        return first
    hundreds, end = 100 * first.value, first.end + 1
    rest = below_hundred(words, _after_and(words, end))
    return Number(hundreds + rest.value, rest.end) if rest and rest.value else Number(hundreds, end)


def cardinal(words: Sequence[str], at: int) -> Number | None:
    """A cardinal of any size that begins at `at`, as long as it can be."""
    total, end, limit = 0, at, 10**15
    while part := _below_thousand(words, _after_and(words, end) if total else end):
        scale = SCALES.get(words[part.end], 1) if part.end < len(words) else 1
        if scale >= limit or (total and not part.value):
            break
        total, end, limit = total + part.value * scale, part.end + (scale > 1), scale
        if scale == 1:
            break
    return Number(total, end) if end > at else None


def ordinal(words: Sequence[str], at: int) -> Number | None:
    """An ordinal that begins at `at`: its number, one-word ones included."""
    for last in range(at, len(words)):
        if counted := ORDINALS.get(words[last]):
            found = cardinal([*words[at:last], counted], 0)
            return Number(found.value, last + 1) if found and found.end == last + 1 - at else None
    return None


def suffix(value: int) -> str:
    """st, nd, rd or th."""
    return "th" if value // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def _after_and(words: Sequence[str], at: int) -> int:
    return at + 1 if at < len(words) and words[at] == "and" else at
