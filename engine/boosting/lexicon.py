"""Spellings in order, with what each is worth: what the automaton reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.boosting.characters import BOUNDARY

Number = TypeVar("Number", int, float)


class Lexicon:
    """Folded spellings and their weights. Never changed: `edited` makes another one."""

    def __init__(self, weights: Mapping[str, float], unpaid: Mapping[str, int] | None = None) -> None:
        """
        Args:
            weights: folded spellings and their weights.
            unpaid: how many of their first characters earn nothing, of the spellings where some do.
        """
        self.weight_of = weights
        self.unpaid_of: Mapping[str, int] = unpaid or {}
        self.longest = max(map(len, weights), default=0)
        """Characters of the longest, or more."""
        self.most_words = max(map(str.count, weights, repeat(BOUNDARY)), default=0)
        """Words of the one with the most, or more."""
        self.spellings = sorted(weights)
        self.weights: NDArray[np.float64] = np.fromiter(
            map(weights.__getitem__, self.spellings), np.float64, len(weights)
        )
        self.unpaid: NDArray[np.int64] = np.zeros(len(weights), np.int64)
        for spelling, count in self.unpaid_of.items():
            self.unpaid[bisect_left(self.spellings, spelling)] = count

    def __len__(self) -> int:
        return len(self.spellings)

    def edited(self, gone: Iterable[str], new: Mapping[str, float], unpaid: Mapping[str, int]) -> Lexicon:
        """Without the spellings that are `gone`, and with `new` ones, which are none of those that stay."""
        after = Lexicon.__new__(Lexicon)
        leaving, coming = sorted(gone), sorted(new)
        after.spellings = self.spellings.copy()
        out = [bisect_left(self.spellings, spelling) for spelling in leaving]
        for at in reversed(out):
            del after.spellings[at]
        into = [bisect_left(after.spellings, spelling) for spelling in coming]
        for at, spelling in zip(reversed(into), reversed(coming), strict=True):
            after.spellings.insert(at, spelling)
        after.weights = np.insert(np.delete(self.weights, out), into, [new[spelling] for spelling in coming])
        after.unpaid = np.insert(np.delete(self.unpaid, out), into, [unpaid.get(spelling, 0) for spelling in coming])
        after.weight_of = _exchanged(self.weight_of, leaving, new)
        after.unpaid_of = _exchanged(self.unpaid_of, leaving, unpaid)
        after.longest = max([self.longest, *map(len, coming)])
        after.most_words = max([self.most_words, *(spelling.count(BOUNDARY) for spelling in coming)])
        return after


def _exchanged(values: Mapping[str, Number], leaving: Iterable[str], coming: Mapping[str, Number]) -> dict[str, Number]:
    after = values.copy() if isinstance(values, dict) else dict(values)  # copies as a block, without hashing
    for key in leaving:
        after.pop(key, None)
    after.update(coming)
    return after
