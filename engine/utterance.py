"""The utterance being spoken: from the tokens of a hypothesis to the words that are shown and those that stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import replace

from engine.alternatives import Choice, readings
from engine.boosting.boost import Boost
from engine.boosting.relabel import relabel
from engine.text.pipeline import Shown, TextOptions, show
from engine.text.words import spans, words_of
from engine.track import Hypothesis
from engine.types import Final, Partial, Reading, Token, Word


class Utterance:
    """Its words, which of them are settled, and when each was first shown. Part of one stream."""

    def __init__(self, number: int, text: TextOptions, before: Sequence[Word] = ()) -> None:
        self.number = number
        self._text = text
        self.words: tuple[Word, ...] = ()
        self.settled = 0
        self._tokens: tuple[Token, ...] = ()
        self._choices: tuple[Choice, ...] = ()
        self._boost: Boost | None = None
        self._texts: tuple[str, ...] = ()
        """The pieces as they are shown: phrases of a boost list as they were typed, ..."""
        self._listed: tuple[bool, ...] = ()
        """... and which of them belong to one."""
        self._ends: list[int] = []
        """Index of the token after each word's last one."""
        self._shown = Shown((), 0, 0)
        """The words as they are shown, numbers in figures and so on."""
        self._on_screen = tuple(before)
        """Words that a reader has seen last, what was foreseen included, and the same with numbers in figures ..."""
        self._texts_on_screen: tuple[Word, ...] = ()

    @property
    def closed(self) -> int:
        """How many of the words are settled and shown so: the utterance may end behind them."""
        return self._shown.used

    def read(
        self,
        hypothesis: Hypothesis,
        heard: float,
        boost: Boost | None,
        *,
        foreseen: tuple[Token, ...] = (),
        ended: bool = False,
    ) -> bool:
        """Take over the hypothesis; True when there is something new to show.

        Args:
            foreseen: tokens that are shown after the settled ones, in place of the others, and count for nothing else.
            ended: nothing is added to the utterance any more.
        """
        before = self._seen()
        previous = self._on_screen
        self._tokens, self._choices, self._boost = hypothesis.tokens, hypothesis.choices, boost
        decided = self._spell(boost, ended=ended)
        words, self._ends = _words(self._tokens, self._texts, self._listed, heard)
        self.words = tuple(_with_first_shown(word, previous[i : i + 1]) for i, word in enumerate(words))
        # A word is closed once a later word has been opened by a settled piece: until then punctuation may join it.
        settled = min(hypothesis.settled, decided)
        self.settled = max(self.settled, sum(end < settled for end in self._ends[:-1]))
        self._shown = show(self.words, self.settled, self._text, final=False)
        self._on_screen, self._texts_on_screen = self.words, self._shown.words
        if foreseen:
            ahead = copy(self)
            ahead._on_screen = previous
            ahead.read(replace(hypothesis, tokens=(*hypothesis.tokens[: hypothesis.settled], *foreseen)), heard, boost)
            self._on_screen, self._texts_on_screen = ahead.words, ahead._shown.words
        return before != self._seen()

    def _seen(self) -> tuple[list[str], int]:
        return [word.text for word in self._texts_on_screen], self._shown.settled

    def _spell(self, boost: Boost | None, *, ended: bool) -> int:
        """Spell the tokens as they are shown; returns how many of them are spelt for good.

        Settled words keep their spelling whatever the list says now.
        """
        kept = self._ends[self.settled - 1] if self.settled else 0
        pieces = [token.text for token in self._tokens[kept:]]
        if not boost:
            self._texts = (*self._texts[:kept], *pieces)
            self._listed = (*self._listed[:kept], *[False] * len(pieces))
            return len(self._tokens)
        found = relabel(boost, pieces, ended=ended)
        self._texts = (*self._texts[:kept], *found.texts)
        self._listed = (*self._listed[:kept], *found.listed)
        return kept + found.decided

    def partial(self, heard: float) -> Partial:
        return Partial(self.number, self._texts_on_screen, self._shown.settled, heard)

    def end(self, words: int, heard: float, alternatives: int) -> tuple[Final, int]:
        """The ended utterance, with at most so many other readings, and how many tokens it holds."""
        tokens = len(self._tokens) if words == len(self.words) else self._ends[words - 1]
        spoken = self.words[:words]
        shown = show(spoken, words, self._text, final=True, after=self.words[words:]).words
        others = tuple(self._readings(self._tokens[:tokens], shown, heard, alternatives))
        final = Final(self.number, shown, self._tokens[:tokens], spoken[0].start, spoken[-1].end, heard, others)
        return final, tokens

    def _readings(self, tokens: Sequence[Token], shown: Sequence[Word], heard: float, most: int) -> list[Reading]:
        """Other readings of the tokens, shown in the same way; none reads as another one or as what was shown."""
        found: dict[str, Reading] = {" ".join(word.text for word in shown): Reading(tuple(shown), 0.0)}
        for read, cost in readings(tokens, self._choices, _SPARE * most):
            texts: Sequence[str] = [token.text for token in read]
            listed: Sequence[bool] = [False] * len(texts)
            if self._boost:
                spelt = relabel(self._boost, texts, ended=True)
                texts, listed = spelt.texts, spelt.listed
            words, _ = _words(read, texts, listed, heard)
            reading = Reading(show(words, len(words), self._text, final=True).words, cost)
            found.setdefault(reading.text, reading)
        return list(found.values())[1 : most + 1]

    def rest(self, words: int, text: TextOptions) -> Utterance:
        """The next utterance, which begins with the words after the first `words`."""
        return Utterance(self.number + 1, text, self._on_screen[words:])


_SPARE = 3
"""So many times more readings are put together than are wanted: some turn out to read alike."""

_NOT_LETTERS = re.compile(r"[\W_]+")


def _words(
    tokens: Sequence[Token], texts: Sequence[str], listed: Sequence[bool], heard: float
) -> tuple[list[Word], list[int]]:
    """The words of tokens that are shown as `texts`, and the index of the token after each one's last."""
    shown = [replace(token, text=text) for token, text in zip(tokens, texts, strict=True)]
    ends: list[int] = []
    words: list[Word] = []
    for word, (first, end) in zip(words_of(shown, heard), spans(shown), strict=False):  # the last span may hold no text
        words.append(replace(word, listed=any(listed[first:end])))
        ends.append(end)
    return words, ends


def _with_first_shown(word: Word, previous: Sequence[Word]) -> Word:
    """A word that stood there before, punctuation and case aside, keeps the time it was first shown."""
    if previous and _bare(previous[0].text) == _bare(word.text):
        return replace(word, emitted=previous[0].emitted)
    return word


def _bare(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold() or text
