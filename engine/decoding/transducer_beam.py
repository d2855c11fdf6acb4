"""Beam search over transducers, streaming, frame by frame; RNN-T and TDT in one loop.

All paths at a frame are joined with it in one call, grow by symbols until the blank takes them on, and are
merged with those of the same tokens. In TDT a symbol takes a path on by its duration, also beyond the chunk:
paths wait at the frame they have jumped to, and are compared with those that stand there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.decoding.beam import (
    Alternative,
    BeamOptions,
    agreed,
    given_up,
    log_add,
    log_or_impossible,
    not_before,
    pruned,
    symbols_to_try,
    to_show,
)
from engine.decoding.fusion import Fusion, FusionNode
from engine.decoding.hypothesis import Detour, Emission
from engine.decoding.transducer import TransducerState
from engine.models.transducer_nets import Prediction, TransducerNets
from engine.types import Frames


@dataclass(frozen=True, slots=True, eq=False)
class TransducerPath:
    """A token sequence that stands at a frame, all merged alignments of it."""

    tokens: tuple[int, ...]
    emissions: tuple[Emission, ...]
    prediction: Prediction
    node: FusionNode
    score: float
    """Log-probability by the model."""
    bonus: float
    frame: int
    """The frame it looks at next, counted from the start of the stream."""

    @property
    def rank(self) -> float:
        return self.score + self.bonus


@dataclass(frozen=True, slots=True, eq=False)
class TransducerBeamState:
    """What the search carries from chunk to chunk."""

    paths: tuple[TransducerPath, ...]
    """Best first; those that wait beyond the frames seen included."""
    frames: int
    shown: tuple[int, ...] = ()
    """Unsettled tokens of the path shown last."""
    detours: tuple[Detour, ...] = ()
    """Ways that the last step has given up."""


class _Waiting:
    """Paths by the frame they stand at; those of the same tokens at the same frame are one."""

    def __init__(self, paths: Sequence[TransducerPath]) -> None:
        self._at: dict[int, dict[tuple[int, ...], TransducerPath]] = {}
        for path in paths:
            self.add(path)

    def add(self, path: TransducerPath) -> None:
        here = self._at.setdefault(path.frame, {})
        here[path.tokens] = _merged(here[path.tokens], path) if path.tokens in here else path

    def take(self, frame: int) -> list[TransducerPath]:
        """The paths at a frame, taken out."""
        return list(self._at.pop(frame, {}).values())

    def best_at(self, frame: int, options: BeamOptions) -> float:
        """What a path must reach to be among those kept at a frame."""
        ranks = sorted((path.rank for path in self._at.get(frame, {}).values()), reverse=True)
        return ranks[options.size - 1] if len(ranks) >= options.size else -math.inf

    def all(self) -> list[TransducerPath]:
        return [path for here in self._at.values() for path in here.values()]

    def kept(self, options: BeamOptions) -> list[TransducerPath]:
        """The paths worth keeping, best first: the best of each frame, and none far behind the best of all.

        Paths at different frames have paid for different stretches of sound, so they are not counted together.
        """
        kept = [path for here in self._at.values() for path in pruned(list(here.values()), options)]
        kept.sort(key=lambda path: path.rank, reverse=True)
        return [path for path in kept if path.rank >= kept[0].rank - options.spread]


class TransducerBeam:
    """Beam search over predictor and joint. Immutable: the state goes in and comes out."""

    def __init__(
        self,
        nets: TransducerNets,
        blank: int,
        durations: tuple[int, ...],
        max_symbols: int,
        fusion: Fusion,
        options: BeamOptions | None = None,
    ) -> None:
        """
        Args:
            durations: frames to skip by duration output; empty for RNN-T.
            max_symbols: bound on the symbols emitted at one frame; then the next frame is taken.
        """
        self._nets = nets
        self._blank = blank
        self._durations = durations
        self._max_symbols = max_symbols
        self._fusion = fusion
        self._options = options or BeamOptions()
        self._sure = math.log(self._options.sure_blank)

    def start(self) -> TransducerBeamState:
        return self.resume(TransducerState(self._nets.start()), ())

    def step(self, frames: Frames, state: TransducerBeamState) -> tuple[list[Emission], TransducerBeamState]:
        """Decode encoder frames [T, width]: what is settled now, and the state."""
        if not len(frames):
            return [], state
        paths: Sequence[TransducerPath] = state.paths
        settled: list[Emission] = []
        detours: list[Detour] = []
        for offset in range(len(frames)):
            now = state.frames + offset
            grown = self._frame(frames[offset : offset + 1], now, paths)
            paths, count = agreed(grown, now + 1, self._finish, self._options)
            detours += given_up(grown, paths, len(settled))
            if count:
                settled += paths[0].emissions[:count]
                last = settled[-1].frame
                paths = [
                    replace(p, tokens=p.tokens[count:], emissions=not_before(last, p.emissions[count:])) for p in paths
                ]
        shown = to_show(paths, state.shown[len(settled) :], self._options).tokens
        return settled, TransducerBeamState(tuple(paths), state.frames + len(frames), shown, tuple(detours))

    def tail(self, state: TransducerBeamState) -> list[Emission]:
        """What is shown and may still change."""
        return list(next(path.emissions for path in state.paths if path.tokens == state.shown))

    def detours(self, state: TransducerBeamState, *, ended: bool = False) -> list[Detour]:
        if not ended:
            return list(state.detours)
        best, *others = sorted(state.paths, key=self._ended, reverse=True)
        return [Detour(0, best.tokens, p.emissions, self._ended(best) - self._ended(p)) for p in others]

    def settle(self, state: TransducerBeamState) -> tuple[list[Emission], TransducerState]:
        """End the search: the rest of the best path, and the state with which greedy decoding would go on."""
        best = max(state.paths, key=self._ended)
        return list(best.emissions), TransducerState(best.prediction, state.frames, best.frame - state.frames)

    def resume(self, plain: TransducerState, said: Sequence[int]) -> TransducerBeamState:
        """Begin where greedy decoding (or another search) has ended, `said` being the tokens of this utterance."""
        node = self._fusion.after(said)
        path = TransducerPath((), (), plain.prediction, node, 0.0, 0.0, plain.frames + plain.skip)
        return TransducerBeamState((path,), plain.frames)

    def alternatives(self, state: TransducerBeamState) -> list[Alternative]:
        """Readings of what is not settled, the best first."""
        ordered = sorted(state.paths, key=self._ended, reverse=True)
        return [Alternative(path.emissions, self._ended(path)) for path in ordered]

    def _finish(self, path: TransducerPath) -> float:
        return self._fusion.finish(path.node)

    def _ended(self, path: TransducerPath) -> float:
        return path.rank + self._finish(path)

    def _frame(self, frame: Frames, number: int, standing: Sequence[TransducerPath]) -> list[TransducerPath]:
        """Take every path that stands at a frame on to a later one; returns all paths, best first."""
        waiting = _Waiting(standing)
        paths = pruned(waiting.take(number), self._options)
        for _ in range(self._max_symbols):
            if not paths:
                break
            paths = self._expand(frame, paths, waiting)
            least = waiting.best_at(number + 1, self._options)
            paths = [path for path in pruned(paths, self._options) if path.rank > least]
        for path in paths:  # has emitted all it may at this frame
            waiting.add(replace(path, frame=number + 1))
        return waiting.kept(self._options)

    def _expand(self, frame: Frames, paths: list[TransducerPath], waiting: _Waiting) -> list[TransducerPath]:
        """Grow paths by one symbol or blank; returns the paths that stay at the frame."""
        scores = self._nets.joint(frame, [path.prediction for path in paths])[0].astype(np.float64)
        symbols = _log_softmax(scores[:, : self._blank + 1])
        durations = self._likely_durations(scores[:, self._blank + 1 :])
        staying = _Waiting(())
        for path, row, skips in zip(paths, symbols, durations, strict=True):
            for skip, score in skips:
                # A blank that skips nothing would stay here for ever.
                waiting.add(_moved(path, max(skip, 1), float(row[self._blank]) + score))
            if row[self._blank] > self._sure:
                continue
            for token in symbols_to_try(row[: self._blank], self._fusion.children(path.node), self._options):
                grown = self._grow(path, token, float(row[token]))
                for skip, score in skips:
                    (waiting if skip else staying).add(_timed(grown, skip, score))
        return staying.all()

    def _likely_durations(self, scores: NDArray[np.float64]) -> list[list[tuple[int, float]]]:
        """(frames to skip, log-probability) of each path; nothing to skip for RNN-T."""
        if not self._durations:
            return [[(0, 0.0)]] * len(scores)
        least = log_or_impossible(self._options.least_duration)
        return [
            [(self._durations[i], float(row[i])) for i in np.flatnonzero(row >= min(least, row.max()))]
            for row in _log_softmax(scores)
        ]

    def _grow(self, path: TransducerPath, token: int, score: float) -> TransducerPath:
        node, bonus = self._fusion.advance(path.node, token)
        return TransducerPath(
            (*path.tokens, token),
            (*path.emissions, Emission(token, path.frame, 0, math.exp(score))),
            self._nets.predict(token, path.prediction),
            node,
            path.score + score,
            path.bonus + bonus,
            path.frame,
        )


def _moved(path: TransducerPath, skip: int, score: float) -> TransducerPath:
    return replace(path, frame=path.frame + skip, score=path.score + score)


def _timed(path: TransducerPath, skip: int, score: float) -> TransducerPath:
    """The path with the duration of its last symbol."""
    emissions = (*path.emissions[:-1], replace(path.emissions[-1], duration=skip))
    return replace(path, emissions=emissions, frame=path.frame + skip, score=path.score + score)


def _merged(one: TransducerPath, other: TransducerPath) -> TransducerPath:
    """Both alignments of one token sequence, with the times of the more probable."""
    better = one if one.score >= other.score else other
    return replace(better, score=log_add(one.score, other.score))


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    normalized: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalized
