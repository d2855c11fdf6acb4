"""What frame-synchronous decoders have in common: the step they take, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.types import Frames


@dataclass(frozen=True, slots=True)
class Emission:
    """One symbol that a decoder has emitted and will not take back."""

    token: int
    frame: int
    """Encoder frame, counted from the start of the stream."""
    duration: int
    """Encoder frames the model skipped after it; 0 for CTC and RNN-T."""
    confidence: float
    """Probability of the token among all tokens and the blank."""


@dataclass(frozen=True, slots=True)
class Detour:
    """Another way that a search could have gone on, and has given up."""

    at: int
    """Where it begins, in symbols settled since the last step began."""
    shown: tuple[int, ...]
    """Tokens of the best path from there on, ..."""
    emissions: tuple[Emission, ...]
    """... and the symbols of this one, up to the same frame."""
    cost: float
    """How much worse it was, natural log."""


class Decoder(Protocol):
    """Turns encoder frames into symbols. Immutable: the state, of the decoder's own kind, goes in and out."""

    def start(self) -> Any:
        """The state at the start of a stream."""
        ...

    def step(self, frames: Frames, state: Any) -> tuple[list[Emission], Any]:
        """Decode the next encoder frames [T, width] of a stream: the symbols that are settled now, and the state."""
        ...

    def tail(self, state: Any) -> list[Emission]:
        """Symbols after the settled ones that may still change; none for greedy decoders."""
        ...

    def detours(self, state: Any, *, ended: bool = False) -> list[Detour]:
        """Other ways that the last step has given up, or, when the sound has `ended`, that are still open.

        None for greedy decoders, which follow one path.
        """
        ...

    def settle(self, state: Any) -> tuple[list[Emission], Any]:
        """Settle the tail: its symbols, and the state with which the plain greedy decoder of the head would go on."""
        ...

    def resume(self, plain: Any, said: Sequence[int]) -> Any:
        """Go on from the plain state of another decoder of the same head.

        Args:
            said: tokens of the utterance so far.
        """
        ...


class OnePath:
    """What greedy decoders have in common: they follow one path and show nothing that may still change."""

    def tail(self, _state: Any) -> list[Emission]:
        return []

    def detours(self, _state: Any, *, ended: bool = False) -> list[Detour]:  # noqa: ARG002 - nothing was given up
        return []


def probability(scores: Frames, token: int) -> float:
    """Softmax probability of `token` in one row of logits or log-probabilities [tokens + blank]."""
    wide = scores.astype(np.float64)
    return float(np.exp(wide[token] - wide.max()) / np.exp(wide - wide.max()).sum())
