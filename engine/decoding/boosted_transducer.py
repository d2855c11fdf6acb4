"""Greedy transducer decoding that a boost list may overrule within the limits of the guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.decoding.guard import Chooser
from engine.decoding.hypothesis import Emission, OnePath, probability
from engine.decoding.transducer import TransducerState
from engine.models.transducer_nets import Ahead, TransducerNets
from engine.types import Frames


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTransducerState:
    """What boosted greedy transducer decoding carries from chunk to chunk."""

    plain: TransducerState
    node: int
    """Moves with the prediction: also when a duration jumps past the chunk."""
    lifts: int = 0
    """Blanks beaten since the model last emitted something itself."""


@dataclass(frozen=True, slots=True)
class _Choice:
    token: int
    label: int
    """What the model would have emitted: the token itself, another one, or the blank."""

    @property
    def displaced(self) -> int | None:
        """What is not to come after all at the same frame, only because the token stood in its place."""
        return None if self.token == self.label else self.label


class BoostedTransducer(OnePath):
    """Greedy decoder over predictor and joint under a boost list. Immutable: the state goes in and comes out."""

    def __init__(
        self,
        nets: TransducerNets,
        blank: int,
        durations: tuple[int, ...],
        max_symbols: int,
        chooser: Chooser,
        at_once: int = 1,
    ) -> None:
        """
        Args:
            durations: frames to skip by duration output; empty for RNN-T.
            max_symbols: bound on the symbols emitted at one frame; then the next frame is taken.
            at_once: frames that a call of the joint may take.
        """
        self._nets = nets
        self._blank = blank
        self._durations = durations
        self._max_symbols = max_symbols
        self._chooser = chooser
        self._at_once = at_once

    def start(self) -> BoostedTransducerState:
        return self.resume(TransducerState(self._nets.start()), ())

    def step(self, frames: Frames, state: BoostedTransducerState) -> tuple[list[Emission], BoostedTransducerState]:
        """Decode encoder frames [T, width]."""
        emitted: list[Emission] = []
        prediction, t, symbols = state.plain.prediction, state.plain.skip, 0
        displaced: int | None = None
        ahead = Ahead(self._nets, frames, self._at_once)
        while t < len(frames):
            scores = ahead.scores(t, prediction)
            duration = self._duration(scores)
            choice = self._choose(scores[: self._blank + 1], state, displaced)
            if choice is None:
                # A blank that skips nothing would hang here for ever.
                t, symbols, displaced = t + max(duration, 1), 0, None
                continue
            confidence = probability(scores[: self._blank + 1], choice.token)
            emitted.append(Emission(choice.token, state.plain.frames + t, duration, confidence))
            prediction = self._nets.predict(choice.token, prediction)
            state = self._after(choice, state)
            symbols += 1
            if duration == 0 and (choice.label == self._blank or symbols >= self._max_symbols):
                # A token that beat the blank leaves the frame, as the blank would have: it cannot happen twice here.
                duration = 1
            t, symbols, displaced = t + duration, 0 if duration else symbols, None if duration else choice.displaced
        plain = TransducerState(prediction, state.plain.frames + len(frames), t - len(frames))
        return emitted, replace(state, plain=plain)

    def settle(self, state: BoostedTransducerState) -> tuple[list[Emission], TransducerState]:
        """The state with which greedy decoding without a list would go on."""
        return [], state.plain

    def resume(self, plain: TransducerState, said: Sequence[int]) -> BoostedTransducerState:
        """Begin where another decoder has ended, `said` being the tokens of this utterance."""
        return BoostedTransducerState(plain, self._chooser.boost.after(said))

    def _choose(self, scores: Frames, state: BoostedTransducerState, displaced: int | None) -> _Choice | None:
        """The token to emit; None for a blank."""
        row = _log_softmax(scores)
        if displaced is not None:
            row[displaced] = -np.inf
        label = int(row.argmax())
        if label != self._blank:
            return _Choice(self._chooser.instead_of(label, row[: self._blank], state.node), label)
        if state.lifts >= self._chooser.guard.lifts:
            return None
        token = self._chooser.instead_of_blank(float(row[self._blank]), row[: self._blank], state.node)
        return None if token is None else _Choice(token, label)

    def _after(self, choice: _Choice, state: BoostedTransducerState) -> BoostedTransducerState:
        node, _ = self._chooser.boost.advance(state.node, choice.token)
        return replace(state, node=node, lifts=state.lifts + 1 if choice.label == self._blank else 0)

    def _duration(self, scores: Frames) -> int:
        return self._durations[int(np.argmax(scores[self._blank + 1 :]))] if self._durations else 0


def _log_softmax(scores: Frames) -> NDArray[np.float64]:
    wide = scores.astype(np.float64) - scores.max()
    normalized: NDArray[np.float64] = wide - np.log(np.exp(wide).sum())
    return normalized
