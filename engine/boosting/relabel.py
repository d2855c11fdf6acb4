"""Shows entries of the list as they were typed, whichever spelling of them was decoded.

A pure function of the decoded pieces: it reads them as the scores do (leftmost match first, longest first, at
word boundaries), so what was paid for is what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.boosting.boost import Boost
from engine.boosting.characters import BOUNDARY, fold_character, fold_piece
from engine.boosting.spellings import Match
from engine.text.words import WORD_MARK, is_byte, opens_word


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was heard."""

    first: int
    """Index of its first token."""
    end: int
    """Index of the token after its last one."""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """Pieces with the entries of a list in them spelt as typed."""

    texts: tuple[str, ...]
    """As many as there were pieces; a piece whose text went into another's is empty."""
    decided: int
    """Pieces from this one on belong to a match in progress and may still be spelt differently."""
    hits: tuple[Hit, ...]

    @property
    def listed(self) -> tuple[bool, ...]:
        """Whether each piece belongs to an entry that was heard."""
        heard = {token for hit in self.hits for token in range(hit.first, hit.end)}
        return tuple(token in heard for token in range(len(self.texts)))


def relabel(boost: Boost, pieces: Sequence[str], *, ended: bool) -> Relabelled:
    """Spell the matches in consecutive pieces of one utterance as their entries were typed.

    `ended`: nothing follows, so the end is the end of a word and every match is decided.
    """
    reading = _Reading(pieces)
    texts = list(pieces)
    hits: list[Hit] = []
    at: int | None = 0
    folded = reading.folded + BOUNDARY if ended else reading.folded
    while at is not None and at < len(folded) - 1:
        if not ended and boost.is_live(folded[at:]):
            return Relabelled(tuple(texts), reading.token_of(at + 1), tuple(hits))
        match = boost.match_at(folded, at)
        if match is None:
            at = _next_boundary(folded, at)
            continue
        hits.append(reading.show(match, at, texts))
        at += match.length
    return Relabelled(tuple(texts), len(pieces), tuple(hits))


def _next_boundary(folded: str, at: int) -> int | None:
    found = folded.find(BOUNDARY, at + 1)
    return found if found >= 0 else None


class _Reading:
    """Folded text of pieces, and where each of its characters comes from."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        characters = [BOUNDARY]
        self._places: list[tuple[int, int]] = [(0, 0)]
        """(token, offset of the character in its piece) of each folded character."""
        for token, piece in enumerate(pieces):
            for offset, folded in _folded_characters(piece):
                for character in folded:
                    if characters[-1] != BOUNDARY or character not in (BOUNDARY, "'"):
                        characters.append(character)
                        self._places.append((token, offset))
        self.folded = "".join(characters)

    def token_of(self, at: int) -> int:
        return self._places[at][0] if at < len(self._places) else len(self._pieces)

    def show(self, match: Match, at: int, texts: list[str]) -> Hit:
        """Put the entry into `texts` in place of the match whose boundary is at `at`."""
        first, start = self._places[at + 1]
        last, stop = self._places[at + match.length - 1]
        before = self._pieces[first][:start]
        after = "" if is_byte(self._pieces[last]) else self._pieces[last][stop + 1 :]
        shown = _cased(match.shown, self._pieces[first][start : start + 1])
        openers = [first, *(i for i in range(first + 1, last + 1) if opens_word(self._pieces[i]))]
        texts[first : last + 1] = [""] * (last + 1 - first)
        for token, words in _spread(shown.split(), openers):
            texts[token] = WORD_MARK + WORD_MARK.join(words)
        texts[first] = before + texts[first].removeprefix(WORD_MARK)
        texts[last] += after
        return Hit(first, last + 1)


def _folded_characters(piece: str) -> list[tuple[int, str]]:
    if is_byte(piece) or (piece.startswith("<") and piece.endswith(">")):
        return [(0, fold_piece(piece))]
    return [(offset, fold_character(character)) for offset, character in enumerate(piece)]


def _cased(shown: str, heard: str) -> str:
    """An entry typed without capitals says nothing about the first letter of a sentence."""
    return shown[0].upper() + shown[1:] if shown.islower() and heard.isupper() else shown


def _spread(words: Sequence[str], openers: Sequence[int]) -> list[tuple[int, Sequence[str]]]:
    """Which words of the entry go to which of the tokens that open a word, so that times stay right.

    The last words go to the last tokens one by one; what is over goes to the first.
    """
    extra = len(words) - min(len(words), len(openers)) + 1
    targets = [openers[0], *openers[len(openers) - (len(words) - extra) :]] if len(words) > extra else [openers[0]]
    return list(zip(targets, [words[:extra], *([word] for word in words[extra:])], strict=True))
