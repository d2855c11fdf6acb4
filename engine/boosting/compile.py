"""Turns a list of phrases into a `Boost` for one vocabulary, and says what became of every entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.boosting.automaton import Automaton
from engine.boosting.boost import Boost
from engine.boosting.characters import BOUNDARY, fold
from engine.boosting.pieces import Pieces
from engine.boosting.report import CompileReport, EntryReport, Risk
from engine.boosting.spellings import Spellings
from engine.boosting.variants import is_plain, variants
from engine.boosting.weights import (
    COMMON_FACTOR,
    STRONGEST,
    Scale,
    common_beginning,
    is_common,
    is_short,
    short_factor,
    size_factor,
)
from engine.types import BoostPhrase


@dataclass(frozen=True, slots=True)
class _Spelt:
    """An entry with its spellings sorted by whether the vocabulary can write them."""

    phrase: BoostPhrase
    writable: tuple[str, ...]
    unwritable: tuple[str, ...]


def compile_boost(phrases: Sequence[BoostPhrase], pieces: Pieces, scale: Scale | None = None) -> Boost:
    """Compile a list for a vocabulary; any list works, what is wrong with an entry stands in `report`.

    About 10 microseconds an entry; a list of 20,000 takes a fifth of a second.
    """
    scale = scale or Scale()
    spelt = [_spell(phrase, pieces) for phrase in phrases]
    factor = size_factor(sum(phrase.strength > 0 for phrase in phrases))
    spellings = Spellings()
    reports = [_claim(entry, spellings, factor) for entry in spelt]
    several_words = (spelling for spelling in spellings.weights if BOUNDARY in spelling[1:])
    unpaid = {spelling: count for spelling in several_words if (count := common_beginning(spelling))}
    automaton = Automaton(spellings.weights, scale, unpaid, with_endings=True)
    return Boost(spellings, pieces, automaton, CompileReport(tuple(reports)))


def _spell(phrase: BoostPhrase, pieces: Pieces) -> _Spelt:
    if is_plain(phrase.text) and not phrase.sounds_like:
        folded = fold(phrase.text)
        return _Spelt(phrase, (folded,), ()) if pieces.can_write(folded) else _Spelt(phrase, (), (phrase.text,))
    writable: dict[str, None] = {}
    unwritable: dict[str, None] = {}
    for text in (*variants(phrase.text), *phrase.sounds_like):
        folded = _written(text, pieces)
        if folded:
            writable[folded] = None
        else:
            unwritable[text] = None
    return _Spelt(phrase, tuple(writable), tuple(unwritable))


def _written(text: str, pieces: Pieces) -> str:
    """The text folded as the vocabulary would write it; empty when it cannot or when nothing is left to write."""
    folded = fold(text)
    if not folded or pieces.can_write(folded):
        return folded
    in_bytes = pieces.in_bytes(text)
    folded = fold(in_bytes) if in_bytes != text else ""
    return folded if folded and pieces.can_write(folded) else ""


def _claim(entry: _Spelt, spellings: Spellings, factor: float) -> EntryReport:
    """Give the entry its spellings, as far as they are free."""
    phrase = entry.phrase
    index = spellings.add_entry(phrase.text)
    strength = min(max(phrase.strength, -STRONGEST), STRONGEST)
    owned = 0
    others: dict[int, None] = {}
    for spelling in entry.writable if strength else ():
        owner = spellings.claim(spelling, index, _weight(spelling, strength, factor))
        if owner == index:
            owned += 1
        else:
            others[owner] = None
    collides = tuple(spellings.text(owner) for owner in others)
    return EntryReport(phrase.text, owned, entry.unwritable, collides, _risks(entry))


def _weight(spelling: str, strength: float, factor: float) -> float:
    if strength < 0:
        return strength
    weight = strength * factor * short_factor(spelling)
    return weight * COMMON_FACTOR if strength <= 1 and is_common(spelling) else weight


def _risks(entry: _Spelt) -> tuple[Risk, ...]:
    found: list[Risk] = []
    if entry.phrase.strength > 0:
        if any(map(is_short, entry.writable)):
            found.append(Risk.SHORT)
        if any(map(is_common, entry.writable)):
            found.append(Risk.COMMON)
    if abs(entry.phrase.strength) > STRONGEST:
        found.append(Risk.LOUD)
    return tuple(found)
