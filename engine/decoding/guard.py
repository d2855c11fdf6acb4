"""How far a boost list may overrule a greedy decoder, which cannot take back what it has said.

A token that the model would emit may be swapped for one that is nearly as probable. A blank may be beaten, so
that a skipped name comes back, only by a token that goes on with a match or begins one, by a small bonus, and
only a few times before the model itself has said something again: nothing loops, and silence stays silent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.boosting.boost import Boost


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits in natural logs, but for the counts."""

    margin: float = 6.0
    """Tokens this much less probable than the model's choice are not considered."""
    least: float = 1e-4
    """Nor are tokens below this probability."""
    most_swap: float = 3.0
    """The most that bonuses may add to a token against the model's choice."""
    most_loss: float = 0.45
    """Share of a whole phrase's bonus that its tokens may lose against the model's choices, where a decoder can go
    back. Chosen by trial with Moonshine tiny; see tests/benchmarks/README.md."""
    most_lift: float = 2.5
    """The most that a bonus may add to a token against the blank, inside a match."""
    first_lift: float = 1.0
    """The same for a token that begins a match."""
    enough: int = 3
    """Characters that make a match one."""
    lifts: int = 3
    """Blanks that may be beaten before the model emits something itself."""


class Chooser:
    """Chooses tokens for a greedy decoder under a boost list."""

    def __init__(self, boost: Boost, guard: Guard | None = None) -> None:
        self.boost = boost
        self.guard = guard or Guard()
        self._least = float(np.log(self.guard.least))

    def instead_of(self, label: int, row: NDArray[np.floating], node: int, not_again: int | None = None) -> int:
        """The token to emit where the model would emit `label`.

        Args:
            row: log-probabilities [tokens], without the blank.
            node: node of the list before the token.
            not_again: token that would be a repeat here and so cannot be emitted.
        """
        near = np.flatnonzero(row >= max(float(row[label]) - self.guard.margin, self._least))
        own = self.boost.advance(node, label)[1]
        best, best_score = label, float(row[label])
        for token in near.tolist():
            advantage = min(self.boost.advance(node, token)[1] - own, self.guard.most_swap)
            if token != not_again and float(row[token]) + advantage > best_score:
                best, best_score = token, float(row[token]) + advantage
        return best

    def instead_of_blank(self, blank: float, row: NDArray[np.floating], node: int) -> int | None:
        """The token to emit where the model would emit nothing; None leaves the blank.

        Args:
            blank: log-probability of the blank.
            row: log-probabilities [tokens], without the blank.
        """
        if float(row.max()) + self.guard.most_lift <= blank:
            return None
        inside = len(self.boost.node_text(node)) > self.guard.enough
        limit = self.guard.most_lift if inside else self.guard.first_lift
        wanted = self.boost.children(node)
        wanted = wanted[row[wanted] + limit > blank]
        lifted = [
            (float(row[token]) + min(self.boost.advance(node, token)[1], limit), token) for token in wanted.tolist()
        ]
        best = max(lifted, default=(blank, -1))
        return best[1] if best[0] > blank else None
