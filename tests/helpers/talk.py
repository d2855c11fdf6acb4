"""Scripted speech: updates as an engine would send them, without an engine."""

from __future__ import annotations

from engine.types import Final, Partial, Word

STEP = 0.3
"""Seconds from word to word."""


class Talker:
    """One speaker's stream of utterances. Settled words stay; the tail is whatever the test says."""

    def __init__(self) -> None:
        self._utterance = 0
        self._settled: list[str] = []
        self._start = 0.0

    def partial(self, settled: list[str], tail: list[str]) -> Partial:
        """Some more words are settled now, and these may still change."""
        self._settled += settled
        words = self._words([*self._settled, *tail])
        return Partial(self._utterance, words, len(self._settled), words[-1].end if words else self._start)

    def final(self, more: list[str], pause: float = 0.0) -> Final:
        """The utterance ends with these words; the next one begins after the pause."""
        words = self._words([*self._settled, *more])
        end = words[-1].end if words else self._start
        result = Final(self._utterance, words, (), self._start, end, end)
        self._utterance += 1
        self._settled = []
        self._start = end + pause
        return result

    def _words(self, texts: list[str]) -> tuple[Word, ...]:
        starts = [self._start + index * STEP for index in range(len(texts))]
        return tuple(
            Word(text, start, start + STEP, 0.9, start + STEP + 0.5) for text, start in zip(texts, starts, strict=True)
        )


def said(text: str) -> Final:
    """A whole utterance at once, the first of its stream."""
    return Talker().final(text.split())
