"""Greedy decoding of transducers as NeMo's batched greedy strategy does it; RNN-T and TDT in one loop.

RNN-T goes to the next frame on a blank. TDT predicts with each symbol how many frames to skip; a skip may
end beyond the chunk, and the rest of it is carried into the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.decoding.hypothesis import Emission, OnePath, probability
from engine.models.transducer_nets import Ahead, Prediction, TransducerNets
from engine.types import Frames


@dataclass(frozen=True, slots=True, eq=False)
class TransducerState:
    """What greedy transducer decoding carries from chunk to chunk."""

    prediction: Prediction
    frames: int = 0
    """Frames seen so far."""
    skip: int = 0
    """Frames at the start of the next chunk that a TDT duration jumps over."""


class GreedyTransducer(OnePath):
    """Greedy decoder over predictor and joint. Immutable: the state goes in and comes out."""

    def __init__(
        self, nets: TransducerNets, blank: int, durations: tuple[int, ...], max_symbols: int, at_once: int = 1
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
        self._at_once = at_once

    def start(self) -> TransducerState:
        return TransducerState(self._nets.start())

    def step(self, frames: Frames, state: TransducerState) -> tuple[list[Emission], TransducerState]:
        """Decode encoder frames [T, width]."""
        emitted: list[Emission] = []
        prediction, t, symbols = state.prediction, state.skip, 0
        ahead = Ahead(self._nets, frames, self._at_once)
        while t < len(frames):
            scores = ahead.scores(t, prediction)
            token, duration = self._best(scores)
            if token == self._blank:
                # A blank that skips nothing would hang here for ever.
                t, symbols = t + max(duration, 1), 0
                continue
            confidence = probability(scores[: self._blank + 1], token)
            emitted.append(Emission(token, state.frames + t, duration, confidence))
            prediction = self._nets.predict(token, prediction)
            symbols += 1
            if duration == 0 and symbols >= self._max_symbols:
                duration = 1
            t, symbols = t + duration, 0 if duration else symbols
        return emitted, TransducerState(prediction, state.frames + len(frames), t - len(frames))

    def settle(self, state: TransducerState) -> tuple[list[Emission], TransducerState]:
        return [], state

    def resume(self, plain: TransducerState, said: Sequence[int]) -> TransducerState:  # noqa: ARG002 - needs no history
        return plain

    def _best(self, scores: Frames) -> tuple[int, int]:
        """The most probable symbol, and the most probable duration: two separate groups of outputs."""
        token = int(scores[: self._blank + 1].argmax())
        if not self._durations:
            return token, 0
        return token, self._durations[int(np.argmax(scores[self._blank + 1 :]))]
