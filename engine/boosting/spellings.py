"""Which entry owns which folded spelling, and how a match of it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from engine.boosting.endings import stems
from engine.boosting.entries import Spelt
from engine.boosting.lexicon import Lexicon
from engine.boosting.report import EntryReport


@dataclass(frozen=True, slots=True)
class Match:
    """A spelling of an entry."""

    length: int
    """Folded characters, the leading blank included."""
    shown: str
    """The entry as typed, with the ending that was heard."""


@dataclass(frozen=True, slots=True)
class Spellings:
    """All spellings of a list. The first entry to claim a spelling keeps it."""

    owners: dict[str, str]
    """Spelling -> its entry as typed."""
    lexicon: Lexicon
    shared: frozenset[str]
    """Spellings that several entries claimed."""

    def match(self, spelling: str) -> Match:
        """The match of a spelling that some entry owns, with or without an ending."""
        if spelling in self.owners:
            return Match(len(spelling), self.owners[spelling])
        weights = self.lexicon.weight_of
        stem, ending = next(pair for pair in stems(spelling) if weights.get(pair[0], 0.0) > 0.0)
        return Match(len(spelling), self.owners[stem] + ending)

    def edited(self, gone: Sequence[Spelt], new: Sequence[Spelt]) -> Spellings | None:
        """With some entries in the place of others; None where that decides anew who owns a spelling."""
        leaving = list(chain.from_iterable(entry.writable for entry in gone))
        coming = list(chain.from_iterable(entry.writable for entry in new))
        if not self.shared.isdisjoint(leaving):
            return None
        owners = self.owners.copy()
        for spelling in leaving:
            del owners[spelling]
        if not owners.keys().isdisjoint(coming) or len(set(coming)) < len(coming):
            return None
        owners.update((spelling, entry.report.text) for entry in new for spelling in entry.writable)
        weights = dict(zip(coming, chain.from_iterable(entry.weights for entry in new), strict=True))
        unpaid = dict(chain.from_iterable(entry.unpaid for entry in new))
        return Spellings(owners, self.lexicon.edited(leaving, weights, unpaid), self.shared)


def claimed(entries: Sequence[Spelt]) -> tuple[Spellings, list[EntryReport]]:
    """Give all entries their spellings, as far as they are free, and say what becomes of each."""
    every = list(chain.from_iterable(entry.writable for entry in entries))
    texts = list(chain.from_iterable(repeat(entry.report.text, len(entry.writable)) for entry in entries))
    worth = list(chain.from_iterable(entry.weights for entry in entries))
    # The last one put into a dictionary stays, so the first ones come last.
    owners = dict(zip(reversed(every), reversed(texts), strict=True))
    weights = dict(zip(reversed(every), reversed(worth), strict=True))
    reports, shared = [entry.report for entry in entries], frozenset[str]()
    if len(owners) < len(every):
        shared = _share(entries, every, reports)
    unpaid = dict(chain.from_iterable(entry.unpaid for entry in entries if entry.unpaid))
    return Spellings(owners, Lexicon(weights, unpaid), shared), reports


def _share(entries: Sequence[Spelt], every: Sequence[str], reports: list[EntryReport]) -> frozenset[str]:
    """Spellings that are claimed twice; the reports of those that do not get all they claim are put right."""
    numbers = [*chain.from_iterable(repeat(k, len(entry.writable)) for k, entry in enumerate(entries))]
    owner_of = dict(zip(reversed(every), reversed(numbers), strict=True))
    lost = {spelling: k for spelling, k in zip(every, numbers, strict=True) if owner_of[spelling] != k}
    for k in {k for s, k in zip(every, numbers, strict=True) if s in lost and owner_of[s] != k}:
        owners = [owner_of[spelling] for spelling in entries[k].writable]
        others = dict.fromkeys(owner for owner in owners if owner != k)
        collides = tuple(entries[owner].report.text for owner in others)
        reports[k] = reports[k]._replace(spellings=owners.count(k), collides=collides)
    return frozenset(lost)
