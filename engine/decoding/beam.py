"""What the beam searches share: how wide they look, which symbols they try, what of a beam is settled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.decoding.hypothesis import Detour, Emission
from engine.scores import Tokens

IMPOSSIBLE = -math.inf


@dataclass(frozen=True, slots=True)
class BeamOptions:
    """Width and limits of a beam search. Scores are natural logs."""

    size: int = 4
    """Paths kept."""
    spread: float = 12.0
    """Paths this much worse than the best are given up."""
    candidates: int = 12
    """Symbols tried on a path for their probability, and as many for being children of a live match."""
    least: float = 1e-4
    """Probability below which a symbol is not tried."""
    least_child: float = 1e-5
    """The same for children of live matches, which a bonus may lift."""
    least_duration: float = 1e-3
    """The same for the durations of TDT models."""
    sure_blank: float = 0.999
    """A frame whose blank is this probable is passed without trying any symbol."""
    patience: int = 12
    """Frames after which a symbol of the best path is settled, whatever other paths say."""
    loyalty: float = 1.0
    """A path that goes on with what is shown may be this much worse than the best and is still shown."""


class Path(Protocol):
    """What the beam searches have in common as hypotheses; immutable."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens that are not settled."""
        ...

    @property
    def emissions(self) -> tuple[Emission, ...]:
        """The same with times."""
        ...

    @property
    def rank(self) -> float:
        """Model score and bonus."""
        ...


P = TypeVar("P", bound=Path)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One reading of what is not settled yet."""

    emissions: tuple[Emission, ...]
    score: float
    """Natural log, model and bonus; only differences between alternatives mean something."""


def symbols_to_try(row: NDArray[np.floating], children: Tokens, options: BeamOptions) -> list[int]:
    """Tokens worth trying on a path.

    Args:
        row: log-probabilities [tokens], without the blank.
        children: tokens a score function wants tried.
    """
    likely = _best(row, np.flatnonzero(row >= log_or_impossible(options.least)), options.candidates)
    if not len(children):
        return likely
    wanted = _best(row, children[row[children] >= log_or_impossible(options.least_child)], options.candidates)
    return list(dict.fromkeys(likely + wanted))


def pruned(paths: Sequence[P], options: BeamOptions) -> list[P]:
    """The best paths, best first."""
    ranked = sorted(((path.rank, i) for i, path in enumerate(paths)), reverse=True)[: options.size]
    return [paths[i] for rank, i in ranked if rank >= ranked[0][0] - options.spread]


def agreed(paths: Sequence[P], now: int, finish: Callable[[P], float], options: BeamOptions) -> tuple[list[P], int]:
    """What can be settled: (paths that remain, number of their first tokens that all of them share).

    Paths that contradict the best one in what is older than the patience, by other tokens or by tokens too
    many or too few, are dropped; so no word grows out of faint traces collected over a long time. A path that
    has not grown for so long is judged as if it ended: it does not live on a match that it does not go on with.

    Args:
        paths: best first.
        now: number of frames decoded.
        finish: what ending now would add to a path's rank.
    """
    if not any(path.tokens for path in paths):
        return list(paths), 0
    horizon = now - options.patience
    best = max(paths, key=lambda path: path.rank + (finish(path) if _stands_still(path, horizon) else 0.0))
    old = _before(best, horizon)
    remaining = [
        path
        for path in paths
        if path.tokens[: len(old)] == old and best.tokens[: len(mine := _before(path, horizon))] == mine
    ]
    remaining.sort(key=lambda path: path is not best)
    return remaining, min(common(best.tokens, path.tokens) for path in remaining)


def given_up(paths: Sequence[P], remaining: Sequence[P], settled: int) -> list[Detour]:
    """The paths that contradict the best of those that remain, as ways not taken; `settled` symbols went before."""
    best = remaining[0]
    return [
        Detour(settled, best.tokens, path.emissions, best.rank - path.rank)
        for path in paths
        if all(path is not other for other in remaining)
    ]


def not_before(frame: int, emissions: Sequence[Emission]) -> tuple[Emission, ...]:
    """Emissions that follow one at a frame: what is settled may have been heard later on the path it came from."""
    return tuple(replace(emission, frame=max(emission.frame, frame)) for emission in emissions)


def to_show(paths: Sequence[P], shown: tuple[int, ...], options: BeamOptions) -> P:
    """The path to show: among those nearly as good as the best, the one that keeps most of what is shown.

    Args:
        paths: best first.
        shown: tokens of the path shown last.
    """
    near = [path for path in paths if path.rank >= paths[0].rank - options.loyalty]
    return max(near, key=lambda path: common(path.tokens, shown))


def common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    length = min(len(one), len(other))
    return next((i for i in range(length) if one[i] != other[i]), length)


def log_add(one: float, other: float) -> float:
    """Natural log of the sum of two probabilities given as logs."""
    if one < other:
        one, other = other, one
    return one if other == IMPOSSIBLE else one + math.log1p(math.exp(other - one))


def log_or_impossible(probability: float) -> float:
    """Natural log; minus infinity for zero."""
    return math.log(probability) if probability > 0 else IMPOSSIBLE


def _stands_still(path: Path, horizon: int) -> bool:
    return bool(path.emissions) and path.emissions[-1].frame < horizon


def _before(path: Path, frame: int) -> tuple[int, ...]:
    """Tokens emitted before a frame."""
    return path.tokens[: sum(emission.frame < frame for emission in path.emissions)]


def _best(row: NDArray[np.floating], tokens: Tokens, count: int) -> list[int]:
    if len(tokens) > count:
        tokens = tokens[np.argpartition(row[tokens], -count)[-count:]]
    found: list[int] = tokens.tolist()
    return found
