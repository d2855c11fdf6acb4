"""How texts are compared: word errors, character errors, punctuation and capitals, summed over a set of recordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from rapidfuzz.distance import Levenshtein


def words(text: str) -> list[str]:
    """Lower case, letters, digits and apostrophes only; hyphens part words."""
    plain = text.lower().replace("\u2019", "'").replace("\u2018", "'").replace("-", " ")
    return [w for w in (w.strip("'") for w in re.sub(r"[^a-z0-9' ]", "", plain).split()) if w]


@dataclass(slots=True)
class WordErrors:
    """Counts over a set."""

    errors: int = 0
    reference_words: int = 0

    def add(self, reference: str, heard: str) -> None:
        self._count(words(reference), words(heard))

    def _count(self, wanted: Sequence[str], heard: Sequence[str]) -> None:
        self.errors += Levenshtein.distance(wanted, heard)
        self.reference_words += len(wanted)

    @property
    def percent(self) -> float:
        return 100 * self.errors / max(1, self.reference_words)


class CharacterErrors(WordErrors):
    """The same over the letters of the words and the spaces between them."""

    def add(self, reference: str, heard: str) -> None:
        self._count(" ".join(words(reference)), " ".join(words(heard)))


MARKS = ",.?"


@dataclass(slots=True)
class Found:
    """How much of what is there was found, and what was found that is not there."""

    right: int = 0
    wanted: int = 0
    given: int = 0

    def add(self, wanted: str, given: str) -> None:
        """One place, and what stands there; nothing is an empty string."""
        self.wanted += wanted != ""
        self.given += given != ""
        self.right += wanted == given != ""

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, self.wanted + self.given)


@dataclass(slots=True)
class Writing:
    """Punctuation (comma, full stop, question mark) and capitals, counted over a set."""

    marks: Found = field(default_factory=Found)
    capitals: Found = field(default_factory=Found)
    """Of words that were heard right: whether they begin with one."""

    def add(self, reference: str, heard: str) -> None:
        """A reference without marks or case of its own says nothing and is not counted."""
        if reference in (reference.lower(), reference.upper()) or not set(reference) & set(MARKS):
            return
        wanted, given = reference.split(), heard.split()
        plain = [["".join(words(w)) for w in text] for text in (wanted, given)]
        for step in Levenshtein.opcodes(*plain):
            left, right = wanted[step.src_start : step.src_end], given[step.dest_start : step.dest_end]
            for one, other in zip_longest(left, right, fillvalue=""):
                self.marks.add(_mark(one), _mark(other))
                if step.tag == "equal":
                    self.capitals.add(_capital(one), _capital(other))


def _mark(word: str) -> str:
    last = word.rstrip("\"')\u201d\u2019")[-1:]
    return last if last in MARKS else ""


def _capital(word: str) -> str:
    first = word.lstrip("\"'(\u201c\u2018")[:1]
    return "capital" if first.isupper() else ""
