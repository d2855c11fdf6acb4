"""Which phrases of a list are being said, character by character, and what that is worth.

The text is read left to right and matched leftmost first, longest first, at word boundaries only. A state is
the part of the text that is not decided yet: a prefix of some spelling, starting at a boundary (" new yo").
The states are met on demand: the sorted spellings are themselves the tree, a prefix is a range in them, so a
list of 20,000 phrases is ready as soon as it is sorted.

Each state has a value: what its match in progress is worth now, or what its finished parts would be worth if
it were given up, whichever is more. A step scores `earned + value(after) - value(before)`, so the scores of
any text add up to the finished matches plus the value of its last state, and an abandoned match gives back
exactly what it got, however many phrases share its prefix. That holds because a shared prefix has one value,
taken over all spellings in its range, and not one for each phrase.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np

from engine.boosting.characters import BOUNDARY
from engine.boosting.endings import LONGEST_ENDING, stem_of_beginning, stems
from engine.boosting.lexicon import Lexicon
from engine.boosting.weights import Scale

_AFTER_ALL = "\U0010ffff"
"""Sorts after every character that text holds."""

INSIDE_WORD: Final = 0
"""State: inside a word that is no match; only a boundary helps."""
AT_BOUNDARY: Final = 1
"""State: before a word, nothing begun."""

SKIPPED_AT_BOUNDARY: Final = (BOUNDARY, "'")
"""Characters that change nothing before a word: another blank, an opening quotation mark."""


class Automaton:
    """A lexicon as a scorer of folded text.

    States are small integers that are given out as they are met; `text` and `state_of` translate them.
    What a spelling earns starts where it is worth expecting: the common words it begins with earn nothing
    until it is whole. A weight below zero makes a spelling a word to suppress: nothing is lost while it is being
    spelt, the penalty falls when it is whole and is given back when the word goes on.
    """

    def __init__(self, lexicon: Lexicon, scale: Scale, size_factor: float = 1.0, *, with_endings: bool = False) -> None:
        """
        Args:
            size_factor: what is left of weights above zero because of the length of the list.
            with_endings: spellings of a weight above zero also match with an ending, which is worth what they are.
        """
        self._lexicon = lexicon
        self._spellings = lexicon.spellings
        self._factor = size_factor
        self._weights = np.where(lexicon.weights > 0, lexicon.weights * size_factor, lexicon.weights)
        self._with_endings = with_endings
        self._scale = scale
        self._longest = lexicon.longest + LONGEST_ENDING
        self._growing = np.array([scale.growing(n) for n in range(self._longest + 1)])
        self._texts: list[str] = ["", BOUNDARY]
        self._values: list[float] = [0.0, 0.0]
        self._arcs: list[dict[str, tuple[int, float]]] = [{}, {}]
        self._states: dict[str, int] = {"": INSIDE_WORD, BOUNDARY: AT_BOUNDARY}

    def text(self, state: int) -> str:
        """The undecided text that a state stands for."""
        return self._texts[state]

    def value(self, state: int) -> float:
        """What a state holds that a finished text would have to give back or earn for good."""
        return self._values[state]

    def state_of(self, text: str) -> int:
        """The state after a folded text that was undecided in another list."""
        return self._resolve(text)[1] if text else INSIDE_WORD

    def step(self, state: int, character: str) -> tuple[int, float]:
        """Read one folded character: (next state, score)."""
        arcs = self._arcs[state]
        known = arcs.get(character)
        if known is None:
            known = arcs[character] = self._step(state, character)
        return known

    def finish(self, state: int) -> float:
        """The score when the text ends here: the end counts as a boundary and decides everything."""
        text = self._texts[state]
        earned = 0.0
        if text:
            text = text if text.endswith(BOUNDARY) else text + BOUNDARY
            while text != BOUNDARY:
                banked, text = self._give_up(text)
                earned += banked
        return earned - self._values[state]

    def is_live(self, text: str) -> bool:
        """True when a spelling begins with the folded text."""
        at = bisect_left(self._spellings, text)
        if at < len(self._spellings) and self._spellings[at].startswith(text):
            return True
        return self._stem(text) is not None

    def complete_at(self, text: str, start: int) -> int:
        """Length of the longest spelling that stands in folded text at `start` and ends before a boundary; or 0."""
        found = 0
        end = start
        for _ in range(self._lexicon.most_words):
            end = text.find(BOUNDARY, end + 1)
            if end < 0 or end - start > self._longest:
                break
            if self._weight(text[start:end]) is not None:
                found = end - start
        return found

    def _step(self, state: int, character: str) -> tuple[int, float]:
        text = self._texts[state]
        if text.endswith(BOUNDARY) and character in SKIPPED_AT_BOUNDARY:
            return state, 0.0
        if not text and character != BOUNDARY:
            return INSIDE_WORD, 0.0
        earned, after = self._resolve(text + character)
        return after, earned + self._values[after] - self._values[state]

    def _resolve(self, text: str) -> tuple[float, int]:
        """Decide what can be decided of a text: (value of the finished matches, state of the rest)."""
        earned = 0.0
        while text not in self._states:
            if self.is_live(text):
                return earned, self._meet(text)
            banked, text = self._give_up(text)
            earned += banked
        return earned, self._states[text]

    def _give_up(self, text: str) -> tuple[float, str]:
        """Decide the beginning of a text: (value of the match there, undecided rest); without a match a word goes."""
        length = self.complete_at(text, 0)
        if length:
            return self._complete_value(text[:length]), text[length:]
        next_word = text.find(BOUNDARY, 1)
        return 0.0, text[next_word:] if next_word > 0 else ""

    def _meet(self, text: str) -> int:
        value = self._value_of(text)
        state = self._states[text] = len(self._texts)
        self._texts.append(text)
        self._values.append(value)
        self._arcs.append({})
        return state

    def _value_of(self, text: str) -> float:
        first = bisect_left(self._spellings, text)
        end = bisect_left(self._spellings, text + _AFTER_ALL, lo=first)
        weights = self._weights[first:end]
        paid = np.maximum(len(text) - 1 - self._lexicon.unpaid[first:end], 0)
        growing = max(float((weights * self._growing[paid]).max(initial=0.0)), 0.0)
        if stem := self._stem(text):
            paid_of_stem = len(text) - 1 - self._lexicon.unpaid_of.get(stem, 0)
            growing = max(growing, self._own_weight(stem) * float(self._growing[paid_of_stem]))
        own = self._weight(text) or 0.0
        if own < 0.0 and weights.max() <= 0.0:
            return own * self._scale.suppression
        if own > 0.0:
            growing = max(growing, own * self._whole(text))
        banked, rest = self._give_up(text)
        earned, after = self._resolve(rest)
        return max(growing, banked + earned + self._values[after])

    def _complete_value(self, spelling: str) -> float:
        weight = self._weight(spelling)
        assert weight is not None, "only what is on the list is complete"
        if weight < 0.0:
            return weight * self._scale.suppression
        return weight * (self._whole(spelling) + self._scale.completion)

    def _weight(self, text: str) -> float | None:
        """The weight of a whole spelling, with or without an ending; None for other text."""
        if text in self._lexicon.weight_of:
            return self._own_weight(text)
        if not self._with_endings:
            return None
        return next((self._own_weight(stem) for stem, _ in stems(text) if self._has_endings(stem)), None)

    def _own_weight(self, spelling: str) -> float:
        weight = self._lexicon.weight_of[spelling]
        return weight * self._factor if weight > 0 else weight

    def _stem(self, text: str) -> str | None:
        """The spelling that text goes on from to an ending, or with one; None for other text."""
        if not self._with_endings:
            return None
        ways = (*(stem for stem, _ in stems(text)), stem_of_beginning(text))
        return next(filter(self._has_endings, ways), None)

    def _has_endings(self, spelling: str) -> bool:
        return self._lexicon.weight_of.get(spelling, 0.0) > 0.0

    def _whole(self, spelling: str) -> float:
        """What a spelling of weight 1 is worth when it is spelt to its end."""
        return float(self._growing[len(spelling) - 1]) + self._scale.whole
