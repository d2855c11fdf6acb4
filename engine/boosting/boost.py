"""A compiled boost list: the score function that decoders follow, and the spelling of what they found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from engine.boosting.automaton import AT_BOUNDARY, SKIPPED_AT_BOUNDARY, Automaton
from engine.boosting.characters import BOUNDARY
from engine.boosting.pieces import PieceNode, Pieces
from engine.boosting.report import CompileReport
from engine.boosting.spellings import Match, Spellings
from engine.scores import Tokens

MOST_CACHED = 200_000
"""Transitions remembered at most; then they are worked out anew, so hours of speech take no more memory."""


class Boost:
    """Scores token sequences of one vocabulary by a list of phrases. Nodes are small integers.

    Owned by one thread: it remembers the transitions it has met. `node_text` and `node_of` carry a node from one
    list to another while a stream runs.
    """

    def __init__(self, spellings: Spellings, pieces: Pieces, automaton: Automaton, report: CompileReport) -> None:
        self.report = report
        self._spellings = spellings
        self._pieces = pieces
        self._automaton = automaton
        self._moves: dict[tuple[int, int], tuple[int, float]] = {}
        self._children: dict[int, Tokens] = {}

    def __bool__(self) -> bool:
        """False when nothing would ever match."""
        return len(self._spellings.lexicon) > 0

    def start(self) -> int:
        """The node before anything was said: at a word boundary."""
        return AT_BOUNDARY

    def advance(self, node: int, token: int) -> tuple[int, float]:
        """Append a token: (next node, score in natural logs). The score takes back what a broken match had got."""
        move = self._moves.get((node, token))
        if move is None:
            if len(self._moves) >= MOST_CACHED:
                self._moves.clear()
            move = self._moves[node, token] = self._advance(node, token)
        return move

    def finish(self, node: int) -> float:
        """Score of ending here: a whole match is paid in full, an unfinished one gives its bonus back."""
        return self._automaton.finish(node)

    def value(self, node: int) -> float:
        """What the match in progress at a node has got so far, in natural logs."""
        return self._automaton.value(node)

    def children(self, node: int) -> Tokens:
        """Tokens that go on with the live match or open a new one: worth trying however unlikely they look."""
        known = self._children.get(node)
        if known is None:
            if len(self._children) >= MOST_CACHED // 100:
                self._children.clear()
            known = self._children[node] = self._find_children(node)
        return known

    def after(self, tokens: Sequence[int]) -> int:
        """The node after a sequence of tokens."""
        node = self.start()
        for token in tokens:
            node, _ = self.advance(node, token)
        return node

    def node_text(self, node: int) -> str:
        """What of the text is undecided at a node; means the same in every list."""
        return self._automaton.text(node)

    def node_of(self, text: str) -> int:
        """The node of this list for the undecided text of another."""
        return self._automaton.state_of(text)

    def match_at(self, folded: str, start: int) -> Match | None:
        """The longest spelling that stands whole in folded text from the boundary at `start`."""
        length = self._automaton.complete_at(folded, start)
        return self._spellings.match(folded[start : start + length]) if length else None

    def is_live(self, folded: str) -> bool:
        """True when some spelling begins with the folded text."""
        return self._automaton.is_live(folded)

    def _advance(self, node: int, token: int) -> tuple[int, float]:
        total = 0.0
        for character in self._pieces.folded[token]:
            node, score = self._automaton.step(node, character)
            total += score
        return node, total

    def _find_children(self, node: int) -> Tokens:
        text = self._automaton.text(node)
        found: list[int] = []
        if text:
            self._walk(text, self._pieces.root, found)
        return np.unique(np.concatenate([np.array(found, np.int64), self._opening]))

    @cached_property
    def _opening(self) -> Tokens:
        """Pieces that begin a word with which some spelling begins."""
        found: list[int] = []
        if BOUNDARY in self._pieces.root.children:
            self._walk(BOUNDARY, self._pieces.root.children[BOUNDARY], found)
        return np.array(found, np.int64)

    def _walk(self, text: str, node: PieceNode, found: list[int]) -> None:
        """Collect the pieces below `node` that keep the spelling alive that begins with `text`."""
        for character, below in node.children.items():
            longer = text if text.endswith(BOUNDARY) and character in SKIPPED_AT_BOUNDARY else text + character
            if self._automaton.is_live(longer):
                if len(longer) > len(text):
                    found += below.tokens
                self._walk(longer, below, found)
