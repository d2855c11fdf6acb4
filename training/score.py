"""Word errors: how texts are compared, and the sums over a set of recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
        wanted = words(reference)
        self.errors += Levenshtein.distance(wanted, words(heard))
        self.reference_words += len(wanted)

    @property
    def percent(self) -> float:
        return 100 * self.errors / max(1, self.reference_words)
