"""Other readings of an utterance: put together from the places at which a search had another way to go on.

A search over a stream settles its words as it goes, so when an utterance ends no list of whole readings is left.
What is kept instead is each way that was given up, with what it would have cost, where it left the words that were
shown, and where it came back to them. A reading takes any of these ways that do not overlap.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from engine.types import Token


@dataclass(frozen=True, slots=True)
class Choice:
    """Another way to read some tokens of a hypothesis."""

    at: int
    """Index of the first of them."""
    replaced: tuple[int, ...]
    """Their ids; the choice is void where they were not shown in the end."""
    tokens: tuple[Token, ...]
    """What it reads instead."""
    cost: float
    """How much less probable that is, natural log, at least 0."""

    @property
    def end(self) -> int:
        return self.at + len(self.replaced)


def choice(at: int, shown: Sequence[int], other: Sequence[Token], cost: float) -> Choice:
    """The choice of `other` instead of the tokens `shown` from `at` on, without what both have in common."""
    ids = [token.id for token in other]
    most = min(len(shown), len(ids))
    first = next((k for k in range(most) if shown[k] != ids[k]), most)
    last = next((k for k in range(most - first) if shown[-1 - k] != ids[-1 - k]), most - first)
    return Choice(
        at + first, tuple(shown[first : len(shown) - last]), tuple(other[first : len(ids) - last]), max(cost, 0.0)
    )


def dropped(choices: Sequence[Choice], tokens: int) -> list[Choice]:
    """The choices that are left when the first `tokens` tokens of the hypothesis are forgotten."""
    return [Choice(one.at - tokens, one.replaced, one.tokens, one.cost) for one in choices if one.at >= tokens]


def readings(tokens: Sequence[Token], choices: Sequence[Choice], most: int) -> list[tuple[tuple[Token, ...], float]]:
    """The most probable readings of `tokens` with at least one choice made: (tokens, cost), the best first."""
    ids = tuple(token.id for token in tokens)
    possible = {
        (one.at, one.end, tuple(token.id for token in one.tokens)): one
        for one in sorted(choices, key=lambda one: -one.cost)
        if one.at >= 0 and one.end <= len(ids) and ids[one.at : one.end] == one.replaced
    }
    best: list[tuple[float, tuple[Choice, ...]]] = [(0.0, ())]
    for one in sorted(possible.values(), key=lambda one: (one.at, one.end)):
        free = [(cost, made) for cost, made in best if not made or (made[-1].end <= one.at and made[-1].at < one.at)]
        longer = [(cost + one.cost, (*made, one)) for cost, made in free]
        # What is dropped here costs more than all that is kept, and more choices make nothing cheaper.
        best = heapq.nsmallest(most + 1, [*best, *longer], key=lambda reading: reading[0])
    return [(_read(tokens, made), cost) for cost, made in best if made]


def _read(tokens: Sequence[Token], made: Sequence[Choice]) -> tuple[Token, ...]:
    read: list[Token] = []
    at = 0
    for one in made:
        read += [*tokens[at : one.at], *one.tokens]
        at = one.end
    return (*read, *tokens[at:])
