"""Tokens that a boost list prefers, on trial: they are taken back when no phrase comes of them, or at too high a price.

For decoders that can go back, such as attention decoders over a window. What was preferred for the sake of a
phrase stays only when the phrase has become whole, or is still being spelt where the sound ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.decoding.guard import Chooser

Place = TypeVar("Place")
"""What a decoder needs to go on from a position."""

_NOTHING = 1e-9
"""Bonuses that have been given back add up to less than this."""


@dataclass(slots=True)
class _Attempt(Generic[Place]):
    position: int
    place: Place
    node: int
    """Node before the preferred token."""
    earned: float
    """What the match is worth that the attempt goes on with or begins."""
    loss: float = 0.0
    """Log-probability lost against the model's own choices."""


class Attempts(Generic[Place]):
    """Follows a transcript under a list and says when to go back."""

    def __init__(self, chooser: Chooser, said: tuple[int, ...]) -> None:
        """
        Args:
            said: tokens before the transcript.
        """
        self._chooser = chooser
        self._node = chooser.boost.after(said)
        self._attempt: _Attempt[Place] | None = None
        self._refused: set[int] = set()
        self._loss = 0.0
        """Loss of the token last chosen."""

    def best(self, label: int, scores: NDArray[np.floating], position: int) -> int:
        """The token to try at a position where the model would say `label`, by its log-probabilities [tokens]."""
        token = label if position in self._refused else self._chooser.instead_of(label, scores, self._node)
        self._loss = float(scores[label] - scores[token])
        return token

    def follow(self, token: int, label: int, position: int, place: Place) -> bool:
        """Say a token where the model would say `label`; False when the attempt it belongs to has failed."""
        if self._attempt is None and token != label:
            self._attempt = _Attempt(position, place, self._node, self._chooser.boost.value(self._node))
        self._node, score = self._chooser.boost.advance(self._node, token)
        if self._attempt is None:
            return True
        self._attempt.earned += score
        self._attempt.loss += self._loss
        if self._attempt.earned <= _NOTHING:
            return False
        if self._chooser.boost.node_text(self._node).strip():
            return True
        worth_it = self._is_worth(self._attempt, self._attempt.earned)
        if worth_it:
            self._attempt = None  # a phrase has become whole
        return worth_it

    def end(self) -> bool:
        """The model says nothing more; False when an attempt fails by that."""
        if self._attempt is None:
            return True
        return self._is_worth(self._attempt, self._attempt.earned + self._chooser.boost.finish(self._node))

    def _is_worth(self, attempt: _Attempt[Place], earned: float) -> bool:
        return earned > _NOTHING and attempt.loss <= self._chooser.guard.most_loss * earned

    def go_back(self) -> tuple[int, Place]:
        """Give up the attempt that has failed: its position, where the model has its way now, and its place."""
        failed = self._attempt
        assert failed is not None, "only an attempt can fail"
        self._refused = {position for position in self._refused if position < failed.position} | {failed.position}
        self._node, self._attempt = failed.node, None
        return failed.position, failed.place
