"""Greedy CTC: the best symbol of each frame, repeats merged across chunk borders, blanks dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.decoding.hypothesis import Emission, OnePath, probability
from engine.types import Frames


@dataclass(frozen=True, slots=True)
class CtcState:
    """What greedy CTC carries from chunk to chunk."""

    frames: int = 0
    """Frames decoded so far."""
    label: int | None = None
    """Symbol of the last frame, blank included; None at the start."""


class GreedyCtc(OnePath):
    """Greedy decoder over a CTC head. Immutable: the state goes in and comes out."""

    def __init__(self, head: Callable[[Frames], Frames], blank: int) -> None:
        self._head = head
        self._blank = blank

    def start(self) -> CtcState:
        return CtcState()

    def step(self, frames: Frames, state: CtcState) -> tuple[list[Emission], CtcState]:
        """Decode encoder frames [T, width]."""
        if not len(frames):
            return [], state
        scores = self._head(frames)
        labels = scores.argmax(axis=1)
        before = np.concatenate(([-1 if state.label is None else state.label], labels[:-1]))
        emitted = [
            Emission(int(labels[t]), state.frames + int(t), 0, probability(scores[t], int(labels[t])))
            for t in np.flatnonzero((labels != before) & (labels != self._blank))
        ]
        return emitted, CtcState(state.frames + len(frames), int(labels[-1]))

    def settle(self, state: CtcState) -> tuple[list[Emission], CtcState]:
        return [], state

    def resume(self, plain: CtcState, said: Sequence[int]) -> CtcState:  # noqa: ARG002 - needs no history
        return plain
