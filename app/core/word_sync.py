"""Keeps a word list that is being edited equal to its file, which others may edit too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from app.core.vocabulary import WordList
from app.core.word_changes import merge
from app.core.word_file import Stamp, read, stamp_of, write


@dataclass(frozen=True, slots=True)
class Known:
    """What a file was last known to hold."""

    words: WordList = field(default_factory=WordList)
    stamp: Stamp | None = None
    twice: int = 0
    """How many places were changed here and in the file; both versions stand there."""


def is_current(path: Path, known: Known) -> bool:
    """True when the file has not changed since."""
    return stamp_of(path) == known.stamp


def sync(path: Path, known: Known, mine: WordList) -> Known:
    """Bring together the file and what became of `known.words` here, in the file and in the result.

    Raises WordListError when the file cannot be read or written; it is then untouched.
    """
    stamp, theirs, twice = stamp_of(path), known.words, 0
    if stamp != known.stamp:
        theirs = read(path)
        merged = merge(known.words.lines, mine.lines, theirs.lines)
        mine, twice = replace(theirs, lines=merged.lines), merged.twice
    if mine.lines != theirs.lines:
        write(path, mine)
        stamp = stamp_of(path)
    return Known(mine, stamp, twice)
