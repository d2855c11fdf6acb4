"""CTC prefix beam search, streaming: sums all alignments of a prefix, in logs, with fusion while it searches.

A prefix is scored once for every token it grows by; blanks and repeats neither score nor move a node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.decoding.beam import (
    IMPOSSIBLE,
    Alternative,
    BeamOptions,
    agreed,
    given_up,
    log_add,
    not_before,
    pruned,
    symbols_to_try,
    to_show,
)
from engine.decoding.ctc import CtcState
from engine.decoding.fusion import Fusion, FusionNode
from engine.decoding.hypothesis import Detour, Emission
from engine.types import Frames


@dataclass(frozen=True, slots=True)
class Prefix:
    """All alignments of one token sequence so far."""

    tokens: tuple[int, ...]
    emissions: tuple[Emission, ...]
    last: int | None
    """The last token, also when it is settled; None when there is none, or none that could repeat."""
    blank: float
    """Log-probability of the alignments that end in a blank."""
    label: float
    """The same of those that end in the last token."""
    node: FusionNode
    bonus: float

    @property
    def total(self) -> float:
        return log_add(self.blank, self.label)

    @property
    def rank(self) -> float:
        return self.total + self.bonus


@dataclass(frozen=True, slots=True)
class CtcBeamState:
    """What the search carries from chunk to chunk."""

    prefixes: tuple[Prefix, ...]
    """Best first."""
    frames: int
    shown: tuple[int, ...] = ()
    """Unsettled tokens of the prefix shown last."""
    detours: tuple[Detour, ...] = ()
    """Ways that the last step has given up."""


@dataclass(slots=True)
class _Growing:
    """A prefix of the next frame while alignments are still being added to it."""

    blank: float = IMPOSSIBLE
    label: float = IMPOSSIBLE
    stayed: Prefix | None = None
    """The prefix itself, when it was there before."""
    grown: Prefix | None = None
    """The prefix as its last token has just made it from a shorter one."""
    came: float = IMPOSSIBLE
    """Log-probability with which it has."""

    def done(self) -> Prefix:
        """The prefix, with the time at which its last token was most probable."""
        stays = self.stayed is not None and (self.grown is None or self.stayed.total >= self.came)
        prefix = self.stayed if stays else self.grown
        assert prefix is not None, "one of the two made it"
        return replace(prefix, blank=self.blank, label=self.label)


class CtcBeam:
    """Prefix beam search over a CTC head. Immutable: the state goes in and comes out."""

    def __init__(
        self, head: Callable[[Frames], Frames], blank: int, fusion: Fusion, options: BeamOptions | None = None
    ) -> None:
        self._head = head
        self._blank = blank
        self._fusion = fusion
        self._options = options or BeamOptions()
        self._sure = np.log(self._options.sure_blank)

    def start(self) -> CtcBeamState:
        return self.resume(CtcState(), ())

    def step(self, frames: Frames, state: CtcBeamState) -> tuple[list[Emission], CtcBeamState]:
        """Decode encoder frames [T, width]: what is settled now, and the state."""
        if not len(frames):
            return [], state
        prefixes: Sequence[Prefix] = state.prefixes
        settled: list[Emission] = []
        detours: list[Detour] = []
        for frame, row in enumerate(self._head(frames).astype(np.float64), state.frames):
            grown = self._frame(row, frame, prefixes)
            prefixes, count = agreed(grown, frame + 1, self._finish, self._options)
            detours += given_up(grown, prefixes, len(settled))
            if count:
                settled += prefixes[0].emissions[:count]
                last = settled[-1].frame
                prefixes = [
                    replace(p, tokens=p.tokens[count:], emissions=not_before(last, p.emissions[count:]))
                    for p in prefixes
                ]
        shown = to_show(prefixes, state.shown[len(settled) :], self._options).tokens
        return settled, CtcBeamState(tuple(prefixes), state.frames + len(frames), shown, tuple(detours))

    def tail(self, state: CtcBeamState) -> list[Emission]:
        """What is shown and may still change."""
        return list(next(p.emissions for p in state.prefixes if p.tokens == state.shown))

    def detours(self, state: CtcBeamState, *, ended: bool = False) -> list[Detour]:
        if not ended:
            return list(state.detours)
        best, *others = sorted(state.prefixes, key=self._ended, reverse=True)
        return [Detour(0, best.tokens, p.emissions, self._ended(best) - self._ended(p)) for p in others]

    def settle(self, state: CtcBeamState) -> tuple[list[Emission], CtcState]:
        """End the search: the rest of the best prefix, and the state with which greedy decoding would go on."""
        best = max(state.prefixes, key=self._ended)
        label = best.last if best.last is not None and best.label > best.blank else self._blank
        return list(best.emissions), CtcState(state.frames, label)

    def resume(self, plain: CtcState, said: Sequence[int]) -> CtcBeamState:
        """Begin where greedy decoding (or another search) has ended, `said` being the tokens of this utterance."""
        last = None if plain.label == self._blank else plain.label
        label, blank = (IMPOSSIBLE, 0.0) if last is None else (0.0, IMPOSSIBLE)
        return CtcBeamState((Prefix((), (), last, blank, label, self._fusion.after(said), 0.0),), plain.frames)

    def alternatives(self, state: CtcBeamState) -> list[Alternative]:
        """Readings of what is not settled, the best first."""
        ordered = sorted(state.prefixes, key=self._ended, reverse=True)
        return [Alternative(prefix.emissions, self._ended(prefix)) for prefix in ordered]

    def _finish(self, prefix: Prefix) -> float:
        return self._fusion.finish(prefix.node)

    def _ended(self, prefix: Prefix) -> float:
        return prefix.rank + self._finish(prefix)

    def _frame(self, row: NDArray[np.float64], frame: int, prefixes: Sequence[Prefix]) -> list[Prefix]:
        blank = float(row[self._blank])
        if blank > self._sure:
            return [replace(prefix, blank=prefix.total + blank, label=IMPOSSIBLE) for prefix in prefixes]
        following: dict[tuple[int, ...], _Growing] = {}
        for prefix in prefixes:
            repeat = IMPOSSIBLE if prefix.last is None else prefix.label + float(row[prefix.last])
            entry = following.setdefault(prefix.tokens, _Growing())
            entry.stayed = prefix
            entry.blank = log_add(entry.blank, prefix.total + blank)
            entry.label = log_add(entry.label, repeat)
            for token in symbols_to_try(row[: self._blank], self._fusion.children(prefix.node), self._options):
                self._grow(prefix, token, float(row[token]), frame, following)
        return pruned([growing.done() for growing in following.values()], self._options)

    def _grow(
        self, prefix: Prefix, token: int, score: float, frame: int, following: dict[tuple[int, ...], _Growing]
    ) -> None:
        # The same token again is a new one only after a blank.
        came = (prefix.blank if token == prefix.last else prefix.total) + score
        if came == IMPOSSIBLE:
            return
        entry = following.setdefault((*prefix.tokens, token), _Growing())
        entry.label = log_add(entry.label, came)
        entry.came = came
        entry.grown = self._grown(prefix, token, Emission(token, frame, 0, float(np.exp(score))))

    def _grown(self, prefix: Prefix, token: int, emission: Emission) -> Prefix:
        node, bonus = self._fusion.advance(prefix.node, token)
        return Prefix(
            (*prefix.tokens, token),
            (*prefix.emissions, emission),
            token,
            IMPOSSIBLE,
            IMPOSSIBLE,
            node,
            prefix.bonus + bonus,
        )
