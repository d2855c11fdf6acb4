"""Follows a word list while captions run: reads it, has it compiled, and says in words what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from app.core.errors import WordListError
from app.core.word_file import WatchedList
from app.core.word_verdict import complaints
from engine.boosting.boost import Boost
from engine.types import BoostPhrase

Compile = Callable[[Sequence[BoostPhrase]], Boost]

LONG = 32 * 1024
"""Bytes of a list that is not compiled at once: some 1,500 words, which may take 30 ms."""


@dataclass(frozen=True, slots=True)
class Words:
    """A list that has been read."""

    boost: Boost | None
    """None when it could not be read: what was there before goes on."""
    sentences: tuple[str, ...]
    """What is wrong with it, for the user."""


class WordWatch:
    """A list file, looked at before every step by the thread that owns the streams.

    The first list is there before the first step, and an edit of a short one before the next. A long one that was
    edited is read and compiled on a thread of its own meanwhile, so that captions go on.
    """

    def __init__(self, words: WatchedList, compile_list: Compile) -> None:
        self._words = words
        self._compile = compile_list
        self._begun = False
        self._job: Future[Words] | None = None

    def poll(self) -> Words | None:
        """The list when it is new or has changed, else None, which takes some five microseconds."""
        if self._job is not None:
            if not self._job.done():
                return None
            ready, self._job = self._job.result(), None
            return ready
        if not self._words.poll():
            return None
        if self._begun and self._words.size > LONG:
            self._job = _started(self._prepare)
            return None
        self._begun = True
        return self._prepare()

    def _prepare(self) -> Words:
        try:
            found = self._words.read()
        except WordListError as error:
            return Words(None, (str(error),))
        boost = self._compile(found.phrases)
        return Words(boost, complaints(found, boost.report))


def _started(job: Callable[[], Words]) -> Future[Words]:
    """The job on a thread, which ends with it."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="word-list")
    future = executor.submit(job)
    executor.shutdown(wait=False)
    return future
