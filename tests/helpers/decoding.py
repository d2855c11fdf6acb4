"""Small made-up models for decoders, and searches through everything that they could say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from engine.decoding.beam import BeamOptions
from engine.models.transducer_nets import Prediction
from engine.scores import NO_TOKENS, Tokens
from engine.types import Frames

EVERYTHING = BeamOptions(
    size=10**6,
    spread=math.inf,
    candidates=10**6,
    least=0.0,
    least_child=0.0,
    least_duration=0.0,
    sure_blank=1.0,
    patience=10**6,
)
"""A beam that drops nothing."""


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    return wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))


class Pairs:
    """A score function: a score for each token after each other one, taken back by nothing."""

    def __init__(self, scores: NDArray[np.floating]) -> None:
        self._scores = scores

    def start(self) -> int:
        return -1

    def advance(self, node: int, token: int) -> tuple[int, float]:
        return token, float(self._scores[node, token])

    def finish(self, node: int) -> float:
        return float(self._scores[node, -1])

    def children(self, node: int) -> Tokens:
        return NO_TOKENS

    def of(self, tokens: Sequence[int]) -> float:
        """The whole score of a sequence."""
        return sum(float(self._scores[a, b]) for a, b in zip((-1, *tokens), (*tokens, -1), strict=True))


@dataclass(slots=True, eq=False)
class Said(Prediction):
    """A prediction that remembers all tokens."""

    history: tuple[int, ...] = ()


class TableNets:
    """A transducer whose logits are a table: the row of the last two tokens plus the encoder frame itself."""

    def __init__(self, outputs: int, blank: int, seed: int = 0) -> None:
        self._table = np.random.default_rng(seed).normal(0, 1.5, (blank + 1, blank + 1, outputs)).astype(np.float32)
        self._blank = blank

    def start(self) -> Prediction:
        return Said(self._blank, _NO_STATE)

    def predict(self, token: int, previous: Prediction) -> Prediction:
        assert isinstance(previous, Said)
        return Said(token, _NO_STATE, history=(*previous.history, token))

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Frames:
        return np.stack([[self.logits(frame, self.history(p)) for p in predictions] for frame in frames])

    def history(self, prediction: Prediction) -> tuple[int, ...]:
        assert isinstance(prediction, Said)
        return prediction.history

    def logits(self, frame: Frames, history: Sequence[int]) -> Frames:
        before, last = (self._blank, self._blank, *history)[-2:]
        scores: Frames = self._table[before, last] + frame
        return scores


_NO_STATE = (np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32))


def every_ctc_reading(scores: NDArray[np.floating], blank: int) -> dict[tuple[int, ...], float]:
    """Natural log-probability of every token sequence under log-probabilities [T, tokens + blank]."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(scores.shape[1]), repeat=len(scores)):
        tokens = tuple(s for t, s in enumerate(path) if s != blank and (t == 0 or s != path[t - 1]))
        found[tokens] += math.exp(sum(float(scores[t, s]) for t, s in enumerate(path)))
    return {tokens: math.log(probability) for tokens, probability in found.items()}


def every_transducer_reading(
    nets: TableNets, frames: Frames, blank: int, durations: tuple[int, ...], max_symbols: int
) -> dict[tuple[tuple[int, ...], int], float]:
    """Natural log-probability of every (token sequence, frame reached) at or after the end of the frames."""
    found: dict[tuple[tuple[int, ...], int], float] = defaultdict(float)
    stack = [((), 0, 0, 0.0)]
    while stack:
        tokens, t, symbols, score = stack.pop()
        if t >= len(frames):
            found[tokens, t] += math.exp(score)
            continue
        logits = nets.logits(frames[t], tokens)
        symbol_scores = log_softmax(logits[: blank + 1])
        skips = (
            list(zip(durations, log_softmax(logits[blank + 1 :]), strict=True)) if durations else [(0, np.float64(0.0))]
        )
        for skip, skip_score in skips:
            stack.append((tokens, t + max(skip, 1), 0, score + float(symbol_scores[blank] + skip_score)))
            for token in range(blank):
                added = score + float(symbol_scores[token] + skip_score)
                full = skip == 0 and symbols + 1 >= max_symbols
                step = 1 if full else skip
                stack.append(((*tokens, token), t + step, 0 if step else symbols + 1, added))
    return {reading: math.log(probability) for reading, probability in found.items()}
