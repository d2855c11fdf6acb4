"""Learns from a correction: what captions wrote, and what was said, become an entry of the list of words to know."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from app.core.vocabulary import Entry, Line, line_of
from app.core.word_file import read, write

MOST_WORDS = 8
"""More words than this are no name that was misheard."""
_EDGES = re.compile(r"^\W+|\W+$")
_SEPARATORS = re.compile(r"[\s,|]+")


def misheard(text: str) -> str:
    """What captions wrote, as it can stand in a list: without marks around it. Empty for what is no word or name."""
    words = _EDGES.sub("", _SEPARATORS.sub(" ", text)).split()
    return " ".join(words) if len(words) <= MOST_WORDS else ""


def learn(path: Path, heard: str, word: str) -> Entry:
    """Write into the list that `word` was said where captions wrote `heard`; gives what the list says of it now.

    An entry that is there already is switched on and gets one more spelling. Raises WordListError when the list cannot
    be read or written, or cannot hold the word.
    """
    words = read(path)
    lines, entry = taught(words.lines, heard, word)
    if lines != words.lines:
        write(path, replace(words, lines=lines))
    return entry


def taught(lines: tuple[Line, ...], heard: str, word: str) -> tuple[tuple[Line, ...], Entry]:
    """The lines with the lesson in them. Raises WordListError."""
    new = Entry(" ".join(word.split()), sounds_like=_spellings((), heard, word))
    for at, line in enumerate(lines):
        old = line.entry
        if old and old.phrase.casefold() == new.phrase.casefold():
            better = replace(old, on=True, sounds_like=_spellings(old.sounds_like, heard, word))
            return (*lines[:at], line if better == old else line_of(better), *lines[at + 1 :]), better
    return (*lines, line_of(new)), new


def _spellings(known: tuple[str, ...], heard: str, word: str) -> tuple[str, ...]:
    """With what was heard, unless that is known or only differs in case."""
    there = {spelling.casefold() for spelling in (*known, word)}
    return known if heard.casefold() in there else (*known, heard)
