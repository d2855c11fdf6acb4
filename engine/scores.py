"""What may have a say in a search besides the model: boost lists and language models, in one shape."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Node: TypeAlias = Hashable
"""A place in a score function; equal nodes go on equally."""

Tokens: TypeAlias = NDArray[np.int64]
"""Token ids, int64 [N]."""

NO_TOKENS: Tokens = np.zeros(0, np.int64)


class ScoreFunction(Protocol):
    """Adds to the model's log-probability of a token sequence, token by token, in natural logs.

    The blank is no token: it neither moves a node nor scores.
    """

    def start(self) -> Any:
        """The node before the first token."""
        ...

    def advance(self, node: Any, token: int) -> tuple[Any, float]:
        """Append a token to the sequence at `node`: (next node, score)."""
        ...

    def finish(self, node: Any) -> float:
        """Score of the sequence ending at `node`."""
        ...

    def children(self, node: Any) -> Tokens:
        """Tokens to try at `node` even where the model alone would not; sorted, may be empty."""
        ...
