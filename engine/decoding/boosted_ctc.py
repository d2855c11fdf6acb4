"""Greedy CTC that a boost list may overrule within the limits of the guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.decoding.ctc import CtcState
from engine.decoding.guard import Chooser
from engine.decoding.hypothesis import Emission, OnePath, probability
from engine.types import Frames


@dataclass(frozen=True, slots=True)
class BoostedCtcState:
    """What boosted greedy CTC carries from chunk to chunk."""

    plain: CtcState
    """What the model alone said last: a run of its symbol is one symbol, whichever token was emitted for it."""
    node: int
    run: int | None = None
    """The token emitted for the current run of the model's symbol, or instead of the blanks just before."""
    lifts: int = 0
    """Blanks beaten since the model last emitted something itself."""
    waiting: Emission | None = None
    """A token that would beat the blank, unless the next frames show that it was the edge of something else."""


class BoostedCtc(OnePath):
    """Greedy decoder over a CTC head under a boost list. Immutable: the state goes in and comes out."""

    def __init__(self, head: Callable[[Frames], Frames], blank: int, chooser: Chooser) -> None:
        self._head = head
        self._blank = blank
        self._chooser = chooser

    def start(self) -> BoostedCtcState:
        return self.resume(CtcState(), ())

    def step(self, frames: Frames, state: BoostedCtcState) -> tuple[list[Emission], BoostedCtcState]:
        """Decode encoder frames [T, width]."""
        emitted: list[Emission] = []
        if not len(frames):
            return emitted, state
        scores = self._head(frames)
        for row, label in zip(scores, scores.argmax(axis=1).tolist(), strict=True):
            if label == self._blank:
                emission, state = self._blank_frame(row, state)
            else:
                emission, state = self._label_frame(row, label, state)
            if emission is not None:
                emitted.append(emission)
        return emitted, state

    def settle(self, state: BoostedCtcState) -> tuple[list[Emission], CtcState]:
        """What is still waiting, and the state with which greedy decoding without a list would go on."""
        return [] if state.waiting is None else [state.waiting], state.plain

    def resume(self, plain: CtcState, said: Sequence[int]) -> BoostedCtcState:
        """Begin where another decoder has ended, `said` being the tokens of this utterance."""
        return BoostedCtcState(plain, self._chooser.boost.after(said))

    def _label_frame(
        self, row: NDArray[np.float32], label: int, state: BoostedCtcState
    ) -> tuple[Emission | None, BoostedCtcState]:
        """The model emits, or goes on with, a symbol. What was waiting was its edge."""
        plain = CtcState(state.plain.frames + 1, label)
        if label in (state.plain.label, state.run):
            return None, BoostedCtcState(plain, state.node, state.run)
        token = self._chooser.instead_of(label, row[: self._blank], state.node, state.plain.label)
        emission = Emission(token, state.plain.frames, 0, probability(row, token))
        return emission, BoostedCtcState(plain, self._after(state.node, token), token)

    def _blank_frame(self, row: NDArray[np.float32], state: BoostedCtcState) -> tuple[Emission | None, BoostedCtcState]:
        """The model emits nothing; the list may."""
        plain = CtcState(state.plain.frames + 1, self._blank)
        candidate = self._candidate(row, state)
        due = state.waiting
        if due is None:
            lifted = state.plain.label == self._blank
            run = state.run if lifted and self._is_near(state.run, row) else None
            return None, BoostedCtcState(plain, state.node, run, state.lifts, candidate)
        if candidate and candidate.token == due.token and candidate.confidence > due.confidence:
            return None, replace(state, plain=plain, waiting=candidate)
        after = BoostedCtcState(plain, self._after(state.node, due.token), due.token, state.lifts + 1)
        return due, replace(after, waiting=self._candidate(row, replace(after, plain=state.plain)))

    def _candidate(self, row: NDArray[np.float32], state: BoostedCtcState) -> Emission | None:
        """A token that would beat the blank, not the one that was just emitted."""
        if state.plain.label not in (None, self._blank) or state.lifts >= self._chooser.guard.lifts:
            # Right behind a symbol, what is left of its probability is no sign of another one.
            return None
        token = self._chooser.instead_of_blank(float(row[self._blank]), row[: self._blank], state.node)
        if token is None or token == state.run:
            return None
        return Emission(token, state.plain.frames, 0, probability(row, token))

    def _is_near(self, token: int | None, row: NDArray[np.float32]) -> bool:
        """True while a token might still win a frame, which would only be the peak of what was emitted."""
        return token is not None and float(row[token]) + self._chooser.guard.most_lift > float(row[self._blank])

    def _after(self, node: int, token: int) -> int:
        return self._chooser.boost.advance(node, token)[0]
