"""Greedy and beam search of an attention decoder over one window of sound, with a prefix that is already settled.

The prefix, and a draft of what follows it, go through the decoder in one call, of which only what follows the prefix
is scored; of the prefix, an earlier search may have kept the decoder's state. The draft (what the previous pass over
a slightly shorter window made of it) is only a guess at what greedy search will find: it is kept as far as it finds
the same, and what is new costs one call a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from engine.decoding.attempts import Attempts
from engine.decoding.fusion import Fusion, FusionNode
from engine.decoding.guard import Chooser
from engine.models.attention import Advance, AttentionModel, DecoderState
from engine.types import Frames

_LOOP_SHORTEST = 12
"""Tokens; a shorter stretch is no loop, however often it repeats itself: people say "no, no, no"."""
_LOOP_TURNS = 3
_TRIED_UNDER_GUIDANCE = 4
"""Times as many tokens are tried on a branch where scores other than the model's may lift one."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One token found in a window."""

    id: int
    confidence: float
    """The model's probability of it, 0 to 1."""
    frame: int | None
    """The encoder frame looked at most when it was chosen; None where the graph does not tell."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to search for in a window."""

    prefix: tuple[int, ...] = ()
    """Tokens that are settled: the search goes on behind them."""
    draft: tuple[int, ...] = ()
    """A guess at what follows; it changes the cost and not the result."""
    before: int | None = None
    """Stop at the first new token that looks at this encoder frame or a later one."""
    seconds: float = 0.0
    """Length of the window, which bounds the number of tokens."""
    kept: DecoderState | None = None
    """What an earlier search over less of the same sound left behind (`Revision.state`): it has taken in the prompt
    and tokens that the prefix begins with. What it knows of the prefix is not made anew."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What greedy search makes of a draft."""

    spoken: list[Spoken]
    """Tokens of the window behind the prefix, end token not."""
    loss: float
    """How much less probable, natural log, the draft's token is where it was left; 0 where nothing contradicts it."""
    state: DecoderState
    """It has taken in the prompt, the prefix and tokens that `spoken` begins with, most often all."""


def greedy(model: AttentionModel, frames: Frames, search: Search, chooser: Chooser | None = None) -> list[Spoken]:
    """Tokens of the window behind the prefix, end token not; at each place the most likely one.

    A `chooser` may prefer others, as long as phrases of its list come of them.
    """
    return revise(model, frames, search, chooser).spoken


def revise(model: AttentionModel, frames: Frames, search: Search, chooser: Chooser | None = None) -> Revision:
    """Greedy search as above, and how it judges the draft."""
    choice = _Choice(model.end, Attempts(chooser, search.prefix) if chooser else None)
    step = _begin(model, frames, search)
    found, loss, going = list[Spoken](), 0.0, True
    for row, token in enumerate(search.draft):
        spoken = _spoken(step, row, token)
        best = choice.best(step, row, row)
        if _too_new(spoken, search):
            break
        if best != token:
            loss = choice.loss(best, token)
            break
        found.append(spoken)
        going = choice.follow(token, row)
        if not going:
            break
    row = len(found)
    while True:
        if not going:
            kept, (step, row) = choice.go_back()
            del found[kept:]
            loss = inf
        if len(found) >= _most(model, search):
            break
        token = choice.best(step, row, len(found))
        spoken = _spoken(step, row, token)
        if _too_new(spoken, search):
            break
        if token == model.end:
            going = choice.end()
            if going:
                break
            continue
        found.append(spoken)
        if turns := loop_length([*search.prefix, *(s.id for s in found)]):
            found, loss = found[: max(len(found) - turns, 0)], inf
            break
        going = choice.follow(token, len(found) - 1)
        if going:
            step, row = model.advance(_taken(step, row), _column((token,)), 1), 0
    return Revision(found, loss, _taken(step, row))


def _begin(model: AttentionModel, frames: Frames, search: Search) -> Advance:
    """Take in prompt, prefix and draft; scored is what follows the prefix, and each token of the draft."""
    given, state = model.prompt + search.prefix, model.start(frames)
    if model.goes_on and search.kept is not None:
        # The last one is taken in again, for what follows it.
        state = replace(state, past=search.kept.cut(min(search.kept.length, len(given) - 1)).past)
    return model.advance(state, _column((given + search.draft)[state.length :]), len(search.draft) + 1)


def _taken(step: Advance, row: int) -> DecoderState:
    """The decoder where the next token is the one that this row scores."""
    return step.state.cut(step.state.length - step.logits.shape[1] + row + 1)


class _Choice:
    """The token to take at a place: the most likely one, or the one that a list attempts."""

    def __init__(self, end: int, attempts: Attempts[tuple[Advance, int]] | None) -> None:
        self._end = end
        self._attempts = attempts
        self._label = end
        self._place: tuple[Advance, int] | None = None

    def best(self, step: Advance, row: int, position: int) -> int:
        self._label, self._place = int(step.logits[0, row].argmax()), (step, row)
        if self._attempts is None or self._label == self._end:
            return self._label
        scores = _log_probabilities(step, 0, row)
        scores[self._end] = -np.inf
        return self._attempts.best(self._label, scores, position)

    def loss(self, best: int, token: int) -> float:
        """How much less probable a token is than the best one at the place last looked at, if no list made it that."""
        if self._place is None or best != self._label:
            return inf
        step, row = self._place
        logits = step.logits[0, row]
        return float(logits[self._label] - logits[token])

    def follow(self, token: int, position: int) -> bool:
        """Take the token at the place last looked at; False when that makes an attempt fail."""
        if self._attempts is None or self._place is None:
            return True
        return self._attempts.follow(token, self._label, position, self._place)

    def end(self) -> bool:
        return self._attempts is None or self._attempts.end()

    def go_back(self) -> tuple[int, tuple[Advance, int]]:
        """Position and place of the attempt that failed."""
        assert self._attempts is not None, "nothing fails that was not attempted"
        return self._attempts.go_back()


@dataclass(frozen=True, slots=True)
class Branch:
    """One transcript that a beam search follows."""

    spoken: tuple[Spoken, ...]
    node: FusionNode
    score: float
    """Log-probability, and what guides the search adds."""
    length: int
    """Of the whole transcript: its tokens and those of the prefix."""

    @property
    def merit(self) -> float:
        """Score a token, so that short branches do not win for being short."""
        return self.score / (self.length + 1)


def beam(
    model: AttentionModel, frames: Frames, search: Search, width: int, fusion: Fusion | None = None
) -> list[Spoken]:
    """Tokens of the window behind the prefix: the best that a search of `width` branches finds."""
    return list(n_best(model, frames, search, width, fusion)[0].spoken)


def n_best(
    model: AttentionModel, frames: Frames, search: Search, width: int, fusion: Fusion | None = None
) -> list[Branch]:
    """Transcripts of the window behind the prefix, the best first, by log-probability a token.

    All branches advance in one call. A branch that ends, loops or reaches the bound leaves the beam; the search
    is over when as many have left as it is wide, or none is left.
    """
    step = _begin(model, frames, replace(search, draft=()))
    fusion = fusion or Fusion()
    branches, done = [Branch((), fusion.after(search.prefix), 0.0, len(search.prefix))], list[Branch]()
    while branches and len(done) < width:
        places = [_log_probabilities(step, batch, 0) for batch in range(len(branches))]
        grown: list[tuple[int, Branch]] = []
        for k, token, node, score in _best_of(branches, places, width, fusion, model.end):
            branch = branches[k]
            spoken = _spoken(step, 0, token, k)
            if token == model.end or _too_new(spoken, search):
                done.append(replace(branch, score=score))
                continue
            longer = Branch((*branch.spoken, spoken), node, score, branch.length + 1)
            if loop_length([*search.prefix, *(s.id for s in longer.spoken)]):
                continue
            if len(longer.spoken) >= _most(model, search):
                done.append(longer)
            else:
                grown.append((k, longer))
        if not grown:
            break
        branches = [branch for _, branch in grown]
        state = step.state.pick([k for k, _ in grown])
        step = model.advance(state, np.array([[branch.spoken[-1].id] for branch in branches]), 1)
    return sorted(done or branches, key=lambda branch: -branch.merit)


def loop_length(ids: Sequence[int]) -> int:
    """How many tokens at the end only repeat what stands before them; 0 where there is no loop."""
    for period in range(1, len(ids) // _LOOP_TURNS + 1):
        turns = max(_LOOP_TURNS, ceil(_LOOP_SHORTEST / period))
        length = period * turns
        if length <= len(ids) and list(ids[-length:-period]) == list(ids[-length + period :]):
            return length - period
    return 0


def _column(ids: Sequence[int]) -> NDArray[np.int64]:
    return np.array([ids], np.int64)


def _most(model: AttentionModel, search: Search) -> int:
    """The bound on tokens behind the prefix: the model's rate, and a few for the shortest windows."""
    return max(ceil(search.seconds * model.tokens_per_second) + 6 - len(search.prefix), 0)


def _too_new(spoken: Spoken, search: Search) -> bool:
    return search.before is not None and spoken.frame is not None and spoken.frame >= search.before


def _log_probabilities(step: Advance, batch: int, row: int) -> NDArray[np.float64]:
    logits = step.logits[batch, row].astype(np.float64)
    logits -= logits.max()
    scores: NDArray[np.float64] = logits - np.log(np.exp(logits).sum())
    return scores


def _best_of(
    branches: Sequence[Branch], places: Sequence[NDArray[np.float64]], width: int, fusion: Fusion, end: int
) -> list[tuple[int, int, FusionNode, float]]:
    """(Branch, token, node after it, score) of the continuations that score best, best first."""
    tried = min(width * _TRIED_UNDER_GUIDANCE if fusion else width, len(places[0]))
    candidates: list[tuple[int, int, FusionNode, float]] = []
    for k, (branch, scores) in enumerate(zip(branches, places, strict=True)):
        for token in np.argpartition(scores, -tried)[-tried:].tolist():
            if token == end:
                node, bonus = branch.node, fusion.finish(branch.node)
            else:
                node, bonus = fusion.advance(branch.node, token)
            candidates.append((k, token, node, branch.score + float(scores[token]) + bonus))
    candidates.sort(key=lambda candidate: -candidate[-1])
    return candidates[:width]


def _spoken(step: Advance, row: int, token: int, batch: int = 0) -> Spoken:
    logits = step.logits[batch, row]
    weights = np.exp(logits - logits.max())
    frame = None if step.attention is None else int(step.attention[batch, row].argmax())
    return Spoken(token, float(weights[token] / weights.sum()), frame)
