"""A model's vocabulary seen as folded text: which characters it can write, and its pieces as a tree.

Made once for a model and shared by all lists compiled for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.boosting.characters import BOUNDARY, as_bytes, fold_character, fold_piece

_BARE_MARKS = ("\u2581", " ")
"""Pieces that separate words and are not punctuation."""


@dataclass(slots=True)
class PieceNode:
    """A node of the tree of folded pieces."""

    children: dict[str, PieceNode] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=list)
    """Tokens whose folded text ends here; several, since case is folded."""


class Pieces:
    """The pieces of one vocabulary, token id = index, folded."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.folded = tuple(fold_piece(piece) for piece in pieces)
        spelling = {f for f, piece in zip(self.folded, pieces, strict=True) if f != BOUNDARY or piece in _BARE_MARKS}
        self._words = frozenset(spelling)
        self._characters = frozenset(text for text in spelling if len(text) == 1)
        self._writes_ascii = self._characters.issuperset(fold_piece("".join(map(chr, range(128)))))
        self._has_bytes = "<0xC3>" in pieces
        self._known = frozenset("".join(spelling))
        self._longest = max(map(len, self.folded), default=0)

    @cached_property
    def root(self) -> PieceNode:
        """The tree of all pieces."""
        root = PieceNode()
        for token, text in enumerate(self.folded):
            node = root
            for character in text:
                node = node.children.setdefault(character, PieceNode())
            if text:
                node.tokens.append(token)
        return root

    def can_write_all(self, folded: Sequence[str]) -> bool:
        """True when each of the folded texts can be written, and there is something in each."""
        if self._writes_ascii and "".join(folded).isascii():
            return "" not in folded
        return all(text and self.can_write(text) for text in folded)

    def can_write(self, folded: str) -> bool:
        """True when some sequence of pieces spells the folded text."""
        if self._characters.issuperset(folded):
            return True
        return self._known.issuperset(folded) and self._splits(folded)

    def in_bytes(self, text: str) -> str:
        """The text with every character that the vocabulary lacks written as its bytes, as byte pieces spell it."""
        if not self._has_bytes:
            return text
        return "".join(c if self._known.issuperset(fold_character(c)) else as_bytes(c) for c in text)

    def _splits(self, folded: str) -> bool:
        reachable = {0}
        for start in range(len(folded)):
            if start in reachable:
                ends = range(start + 1, min(start + self._longest, len(folded)) + 1)
                reachable.update(end for end in ends if folded[start:end] in self._words)
        return len(folded) in reachable
