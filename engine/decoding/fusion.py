"""All that has a say in a search besides the model, as one score function."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from engine.scores import NO_TOKENS, ScoreFunction, Tokens

FusionNode: TypeAlias = tuple[Any, ...]
"""One node of each score function."""


class Fusion:
    """The sum of any number of score functions; of none, it is zero."""

    def __init__(self, functions: Sequence[ScoreFunction] = ()) -> None:
        self._functions = tuple(functions)

    def __bool__(self) -> bool:
        """False when there is nothing to add to the model's scores."""
        return bool(self._functions)

    def start(self) -> FusionNode:
        return tuple(function.start() for function in self._functions)

    def advance(self, node: FusionNode, token: int) -> tuple[FusionNode, float]:
        """Append a token: (next node, sum of the scores)."""
        moves = [function.advance(own, token) for function, own in zip(self._functions, node, strict=True)]
        return tuple(after for after, _ in moves), sum(score for _, score in moves)

    def finish(self, node: FusionNode) -> float:
        return sum(function.finish(own) for function, own in zip(self._functions, node, strict=True))

    def children(self, node: FusionNode) -> Tokens:
        """Tokens that any of them wants tried."""
        wanted = [function.children(own) for function, own in zip(self._functions, node, strict=True)]
        wanted = [tokens for tokens in wanted if len(tokens)]
        return reduce(np.union1d, wanted) if wanted else NO_TOKENS

    def after(self, tokens: Sequence[int]) -> FusionNode:
        """The node after a sequence of tokens."""
        node = self.start()
        for token in tokens:
            node, _ = self.advance(node, token)
        return node


class Share:
    """A score function of which a share counts."""

    def __init__(self, function: ScoreFunction, share: float) -> None:
        self._function = function
        self._share = share

    def start(self) -> Any:
        return self._function.start()

    def advance(self, node: Any, token: int) -> tuple[Any, float]:
        after, score = self._function.advance(node, token)
        return after, score * self._share

    def finish(self, node: Any) -> float:
        return self._function.finish(node) * self._share

    def children(self, node: Any) -> Tokens:
        return self._function.children(node)
