"""Word errors in the words of a list and in all others, as the LibriSpeech biasing protocol counts them.

Le et al. (2021), "Contextualized Streaming End-to-End Speech Recognition with Trie-Based Deep Biasing and Shallow
Fusion": of the words said, those on the list count as listed (B-WER) and the rest as others (U-WER); an inserted word
counts where it would stand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass

import jiwer


@dataclass
class Errors:
    """Counts of one search over some recordings."""

    listed: int = 0
    """Errors in words of the list, ..."""
    listed_said: int = 0
    """... and how many of those were said."""
    others: int = 0
    others_said: int = 0
    false: int = 0
    """Words of the list, and names nobody said, that were shown and not said."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Processor seconds."""

    def __add__(self, other: Errors) -> Errors:
        return Errors(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def said(self) -> int:
        return self.listed_said + self.others_said

    @property
    def listed_rate(self) -> float:
        """Per cent."""
        return 100 * self.listed / max(self.listed_said, 1)

    @property
    def others_rate(self) -> float:
        """Per cent."""
        return 100 * self.others / max(self.others_said, 1)

    @property
    def false_rate(self) -> float:
        """In 1,000 words said."""
        return 1000 * self.false / max(self.said, 1)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared."""
    return tuple(re.sub(r"[^a-z' ]", "", text.lower().replace("-", " ").replace("\u2019", "'")).split())


def count(found: Sequence[str], said: Sequence[str], rare: Collection[str], listed: Collection[str]) -> Errors:
    """The errors of one recording.

    Args:
        rare: the words of the list that are said.
        listed: the whole list.
    """
    errors, known = Errors(), {word.lower() for word in listed}
    aligned = jiwer.process_words(" ".join(said), " ".join(found) or "-").alignments[0]
    for chunk in aligned:
        words = said[chunk.ref_start_idx : chunk.ref_end_idx] or found[chunk.hyp_start_idx : chunk.hyp_end_idx]
        biased = sum(word in rare for word in words)
        if chunk.type != "insert":
            errors.listed_said += biased
            errors.others_said += len(words) - biased
        if chunk.type != "equal":
            errors.listed += biased
            errors.others += len(words) - biased
    errors.false = sum(word in known and word not in said for word in found)
    return errors
