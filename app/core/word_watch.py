"""Follows a word list while captions run: reads it, has it compiled, and says in words what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.errors import WordListError
from app.core.vocabulary import WatchedList, WordList
from engine.boosting.boost import Boost
from engine.boosting.report import CompileReport, EntryReport, Risk
from engine.types import BoostPhrase

LOOK_AGAIN = 1.0
"""Seconds between two looks at the file."""

Compile = Callable[[Sequence[BoostPhrase]], Boost]


@dataclass(frozen=True, slots=True)
class Words:
    """A list that has been read."""

    boost: Boost | None
    """None when it could not be read: what was there before goes on."""
    sentences: tuple[str, ...]
    """What is wrong with it, for the user."""


class WordWatch:
    """A list file, looked at now and then by the thread that owns the streams."""

    def __init__(self, words: WatchedList, compile_list: Compile, clock: Callable[[], float] = time.monotonic) -> None:
        self._words = words
        self._compile = compile_list
        self._clock = clock
        self._next_look = -1.0

    def poll(self) -> Words | None:
        """The list when it is new or has changed, else None. Costs nothing when called too early."""
        now = self._clock()
        if now < self._next_look:
            return None
        self._next_look = now + LOOK_AGAIN
        try:
            found = self._words.poll()
        except WordListError as error:
            return Words(None, (str(error),))
        if found is None:
            return None
        boost = self._compile(found.phrases)
        return Words(boost, complaints(found, boost.report))


def complaints(words: WordList, report: CompileReport) -> tuple[str, ...]:
    """A sentence for every line and entry that has no effect."""
    return (*(problem.sentence for problem in words.problems), *(why_dead(entry) for entry in report.dead))


def why_dead(entry: EntryReport) -> str:
    """Why nothing the model can write would match an entry."""
    if entry.collides:
        return f'"{entry.text}" is in the list already, as "{entry.collides[0]}".'
    return f'"{entry.text}" cannot be written by this model; give it a "sounds like" that can.'


def why_risky(entry: EntryReport) -> tuple[str, ...]:
    """What may go wrong with an entry that works."""
    return tuple(_RISKS[risk].format(entry.text) for risk in entry.risks)


_RISKS = {
    Risk.SHORT: '"{}" is so short that other words may be taken for it; it gets less weight.',
    Risk.COMMON: '"{}" is an ordinary word; it gets less weight unless its strength is high.',
    Risk.LOUD: '"{}" is stronger than words can be; it counts as the strongest.',
}
