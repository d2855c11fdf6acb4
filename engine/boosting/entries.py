"""An entry of a list by itself: its spellings, which of them a vocabulary can write, and what they are worth.

Nothing here depends on the other entries, so it is remembered: of a list that was edited, only new lines are spelt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.boosting.characters import BOUNDARY, fold
from engine.boosting.pieces import Pieces
from engine.boosting.report import EntryReport, Risk
from engine.boosting.variants import is_plain, variants
from engine.boosting.weights import (
    COMMON_FACTOR,
    LONG_ENOUGH,
    STRONGEST,
    common_beginning,
    common_words,
    is_common,
    short_factor,
)
from engine.types import BoostPhrase


class Spelt(NamedTuple):
    """An entry by itself. Spellings are folded."""

    writable: tuple[str, ...]
    """Spellings that the vocabulary can write; none where the strength is 0."""
    weights: tuple[float, ...]
    """What each of them is worth on a list of few entries."""
    unpaid: tuple[tuple[str, int], ...]
    """How many of their first characters earn nothing, of the spellings where some do."""
    report: EntryReport
    """What becomes of it when no entry further up has one of its spellings."""


class Speller:
    """Spells entries for one vocabulary, and remembers those of the list that it spelt last."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self._known: dict[tuple[str, float, tuple[str, ...]], Spelt] = {}

    def spell(self, phrases: Sequence[BoostPhrase]) -> tuple[Spelt, ...]:
        """The entries of a list; the same objects as before for those that were on the last one.

        Several threads may ask at the same time.
        """
        before, known = self._known, dict[tuple[str, float, tuple[str, ...]], Spelt]()
        spelt = []
        for phrase in phrases:
            key = phrase.text, phrase.strength, phrase.sounds_like
            entry = known[key] = known.get(key) or before.get(key) or _spell(phrase, self.pieces)
            spelt.append(entry)
        self._known = known
        return tuple(spelt)


def _spell(phrase: BoostPhrase, pieces: Pieces) -> Spelt:
    typed: tuple[str, ...] = (phrase.text,)
    folded: tuple[str, ...] = (BOUNDARY + phrase.text.lower(),)
    if phrase.sounds_like or not is_plain(phrase.text):
        typed = (*variants(phrase.text), *phrase.sounds_like)
        folded = tuple(dict.fromkeys(map(fold, typed)))
    if pieces.can_write_all(folded):
        return _judged(phrase, folded, ())
    written = {text: _written(text, pieces) for text in typed}
    writable = tuple(dict.fromkeys(filter(None, written.values())))
    return _judged(phrase, writable, tuple(text for text, folded in written.items() if not folded))


def _written(text: str, pieces: Pieces) -> str:
    """The text folded as the vocabulary would write it; empty when it cannot or when nothing is left to write."""
    folded = fold(text)
    if not folded or pieces.can_write(folded):
        return folded
    in_bytes = pieces.in_bytes(text)
    folded = fold(in_bytes) if in_bytes != text else ""
    return folded if folded and pieces.can_write(folded) else ""


def _judged(phrase: BoostPhrase, writable: tuple[str, ...], unwritable: tuple[str, ...]) -> Spelt:
    strength = min(max(phrase.strength, -STRONGEST), STRONGEST)
    if strength == 0:
        return Spelt((), (), (), EntryReport(phrase.text, 0, unwritable, (), ()))
    weights, risks, unpaid = (strength,) * len(writable), tuple[Risk, ...](), tuple[tuple[str, int], ...]()
    if not _are_ordinary(writable):
        unpaid = tuple((spelling, count) for spelling in writable if (count := common_beginning(spelling)))
        if strength > 0:
            weights, risks = _damped(strength, writable)
    if strength != phrase.strength:
        risks = (*risks, Risk.LOUD)
    return Spelt(writable, weights, unpaid, EntryReport(phrase.text, len(writable), unwritable, (), risks))


def _damped(strength: float, writable: tuple[str, ...]) -> tuple[tuple[float, ...], tuple[Risk, ...]]:
    """What spellings are worth when some are short or ordinary words, and these risks."""
    short, common = tuple(map(short_factor, writable)), tuple(map(is_common, writable))
    left = COMMON_FACTOR if strength <= 1 else 1.0
    weights = tuple([strength * s * (left if c else 1.0) for s, c in zip(short, common, strict=True)])
    risks = ((Risk.SHORT, min(short) < 1.0), (Risk.COMMON, any(common)))
    return weights, tuple(risk for risk, is_there in risks if is_there)


def _are_ordinary(writable: tuple[str, ...]) -> bool:
    """True when there is nothing to be said of spellings, as of most."""
    common = common_words()
    for spelling in writable:
        if len(spelling) < LONG_ENOUGH or spelling[1:].partition(BOUNDARY)[0] in common:
            return False
    return True
