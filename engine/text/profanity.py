"""Hides words that a list names: masked after their first letter, or dropped. Whole words only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources

from engine.text.rewriting import Rewritten

_EDGES = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)


class Profanity(StrEnum):
    """What becomes of listed words."""

    OFF = "off"
    MASK = "mask"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class WordList:
    """Words, and beginnings of words, in lower case."""

    words: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> WordList:
        """One word a line; `*` at its end stands for any ending, `#` begins a comment."""
        lines = [line.partition("#")[0].strip().casefold() for line in text.splitlines()]
        beginnings = tuple(line[:-1] for line in lines if line.endswith("*") and len(line) > 1)
        return cls(frozenset(line for line in lines if line and not line.endswith("*")), beginnings)

    @classmethod
    def packaged(cls) -> WordList:
        """The modest English list that comes with the program."""
        return cls.parse(packaged_text())

    def __contains__(self, word: str) -> bool:
        bare = word.casefold()
        return bare in self.words or (bool(self.beginnings) and bare.startswith(self.beginnings))


def packaged_text() -> str:
    """The list that comes with the program, as it stands in its file."""
    return resources.files("resources").joinpath("words/profanity-en.txt").read_text(encoding="utf-8")


def hide(words: Iterable[Rewritten], listed: WordList, choice: Profanity) -> list[Rewritten | None]:
    """Each word as it may be shown; None for one that is dropped."""
    return [_hidden(word, listed, choice) for word in words]


def _hidden(word: Rewritten, listed: WordList, choice: Profanity) -> Rewritten | None:
    edges = _EDGES.match(word.word.text)
    if choice is Profanity.OFF or edges is None or edges[2] not in listed:
        return word
    if choice is Profanity.DROP:
        return None
    masked = edges[1] + edges[2][0] + "*" * (len(edges[2]) - 1) + edges[3]
    return replace(word, word=replace(word.word, text=masked))
