"""Turns a list of phrases into a `Boost` for one vocabulary, and says what became of every entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import is_

from engine.boosting.automaton import Automaton
from engine.boosting.boost import Boost
from engine.boosting.entries import Speller, Spelt
from engine.boosting.pieces import Pieces
from engine.boosting.report import CompileReport, EntryReport
from engine.boosting.spellings import Spellings, claimed
from engine.boosting.weights import Scale, size_factor
from engine.types import BoostPhrase

FEW = 100
"""Entries that are put into a compiled list; with more, it is made anew."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    entries: tuple[Spelt, ...]
    spellings: Spellings
    reports: Sequence[EntryReport]


class Compiler:
    """Compiles lists for one vocabulary. It remembers the last one: an edited list is soon ready again."""

    def __init__(self, pieces: Pieces, scale: Scale | None = None) -> None:
        self._pieces = pieces
        self._scale = scale or Scale()
        self._speller = Speller(pieces)
        self._last: _Compiled | None = None

    def compile(self, phrases: Sequence[BoostPhrase]) -> Boost:
        """Any list works; what is wrong with an entry stands in the list's `report`. On any thread, and on several.

        Some 20 microseconds an entry, twice that for names with digits; one where a few entries are others than in
        the last list.
        """
        entries = self._speller.spell(phrases)
        found = (self._last and _edited(self._last, entries)) or _Compiled(entries, *claimed(entries))
        self._last = found
        factor = size_factor(sum(phrase.strength > 0 for phrase in phrases))
        automaton = Automaton(found.spellings.lexicon, self._scale, factor, with_endings=True)
        return Boost(found.spellings, self._pieces, automaton, CompileReport(tuple(found.reports)))


def compile_boost(phrases: Sequence[BoostPhrase], pieces: Pieces, scale: Scale | None = None) -> Boost:
    """Compile a single list."""
    return Compiler(pieces, scale).compile(phrases)


def _edited(last: _Compiled, entries: tuple[Spelt, ...]) -> _Compiled | None:
    """The last list with what is different in this one; None where that is much, or touches what entries share."""
    shorter = min(len(last.entries), len(entries))
    first = sum(takewhile(bool, map(is_, last.entries, entries)))
    backwards = map(is_, reversed(last.entries), reversed(entries))
    same = min(sum(takewhile(bool, backwards)), shorter - first)
    before, after = len(last.entries) - same, len(entries) - same
    gone, new = last.entries[first:before], entries[first:after]
    if not gone and not new:
        return last
    if len(gone) + len(new) > FEW:
        return None
    spellings = last.spellings.edited(gone, new)
    if spellings is None:
        return None
    reports = [*last.reports[:first], *(entry.report for entry in new), *last.reports[before:]]
    return _Compiled(entries, spellings, reports)
