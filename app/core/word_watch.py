"""Follows a word list while captions run: reads it, has it compiled, and says in words what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.errors import WordListError
from app.core.word_file import WatchedList
from app.core.word_verdict import complaints
from engine.boosting.boost import Boost
from engine.types import BoostPhrase

Compile = Callable[[Sequence[BoostPhrase]], Boost]


@dataclass(frozen=True, slots=True)
class Words:
    """A list that has been read."""

    boost: Boost | None
    """None when it could not be read: what was there before goes on."""
    sentences: tuple[str, ...]
    """What is wrong with it, for the user."""


class WordWatch:
    """A list file, looked at before every step by the thread that owns the streams."""

    def __init__(self, words: WatchedList, compile_list: Compile) -> None:
        self._words = words
        self._compile = compile_list

    def poll(self) -> Words | None:
        """The list when it is new or has changed, else None, which takes some five microseconds."""
        try:
            found = self._words.poll()
        except WordListError as error:
            return Words(None, (str(error),))
        if found is None:
            return None
        boost = self._compile(found.phrases)
        return Words(boost, complaints(found, boost.report))
