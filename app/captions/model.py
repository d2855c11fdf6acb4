"""What has been said, in turns: an append-only past and a present of at most a few words that may change.

A turn is what one speaker (one source of sound) said in one go. Settled words are only ever appended; the
model keeps them even if a later update should take them back. Two speakers may talk at once: their open
turns stand one below the other at the end, and a turn that goes on after the other has finished is carried
on below it, so that new words always appear at the bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from sys import intern
from typing import NamedTuple

from engine.types import Final, Partial, Silence, Update, Word

PARAGRAPH_PAUSE = 2.0
"""Seconds of silence after which the same speaker goes on in a new line."""

When = Callable[[float], float]
"""From seconds of a source's sound to seconds since the first session began."""


class SpokenWord(NamedTuple):
    """A word and when it was said, seconds since the first session began."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Words of one speaker in a row."""

    speaker: str
    words: tuple[str, ...]
    """Settled: they stay as they are."""
    tail: tuple[str, ...] = ()
    """May still change or vanish; empty once the utterance has ended."""
    named: bool = False
    """There are others to be told apart from."""
    labelled: bool = False
    """The speaker's name stands in front."""
    continues: bool = False
    """Goes on in the line of the turn before, which is the same speaker's."""
    starts: tuple[float, ...] = ()
    """When each word began, the tail's too; seconds since the first session began."""
    ends: tuple[float, ...] = ()
    """When each of them ended."""

    @property
    def end(self) -> float:
        return self.ends[-1] if self.ends else 0.0

    @property
    def spoken(self) -> Iterator[SpokenWord]:
        """Its words, those of the tail too, with their times."""
        return map(SpokenWord, self.words + self.tail, self.starts, self.ends)

    def without_tail(self) -> Turn:
        kept = len(self.words)
        return replace(self, tail=(), starts=self.starts[:kept], ends=self.ends[:kept])


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn together with the utterance that feeds it."""

    turn: Turn
    utterance: int
    taken: int = 0
    """Words of the utterance that stand in earlier turns already."""
    done: bool = False
    """The utterance has ended; the turn waits for one above it that has not."""
    fresh: bool = False
    """It began a new line because the text was cleared or a session started."""


@dataclass(frozen=True, slots=True)
class CaptionState:
    """Everything said so far. Immutable; every change gives a new state."""

    closed: tuple[Turn, ...] = ()
    """Turns that never change any more."""
    present: tuple[OpenTurn, ...] = ()
    """Turns that may still grow, oldest first; they stand below the closed ones."""
    named: bool = False
    """Turns that begin from now on carry their speaker's name."""
    fresh: bool = True
    """The next turn begins a new line and a new label, whoever speaks."""
    carried: tuple[tuple[str, int, int], ...] = ()
    """(speaker, utterance, words taken) of utterances that go on although their turn was closed."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        return self.closed + tuple(entry.turn for entry in self.present)

    @property
    def said(self) -> bool:
        """There is a word."""
        return bool(self.closed) or any(entry.turn.words or entry.turn.tail for entry in self.present)

    def apply(self, speaker: str, update: Update, when: When = float) -> CaptionState:
        """Take in what the engine said about this speaker's sound."""
        match update:
            case Silence():
                return self
            case Partial(utterance=number, words=words, settled=settled):
                return self._advance(speaker, number, _timed(words, when), settled, done=False)
            case Final(utterance=number, words=words):
                return self._advance(speaker, number, _timed(words, when), len(words), done=True)

    def cleared(self) -> CaptionState:
        """The same text, with whatever is said next on a new line of its own."""
        closed = tuple(entry.turn.without_tail() for entry in self.present if entry.turn.words)
        carried = tuple(
            (entry.turn.speaker, entry.utterance, entry.taken + len(entry.turn.words))
            for entry in self.present
            if not entry.done
        )
        return replace(self, closed=self.closed + closed, present=(), fresh=True, carried=self.carried + carried)

    def ended(self, *, named: bool) -> CaptionState:
        """The session is over: nothing will be corrected any more, so tails stay as they read now.

        The next session counts its utterances from 0; `named` says whether its speakers get labels.
        """
        closed = tuple(
            replace(entry.turn, words=entry.turn.words + entry.turn.tail, tail=())
            for entry in self.present
            if entry.turn.words or entry.turn.tail
        )
        return CaptionState(self.closed + closed, named=named)

    def _advance(
        self, speaker: str, utterance: int, words: tuple[SpokenWord, ...], settled: int, *, done: bool
    ) -> CaptionState:
        state, entry = self._entry(speaker, utterance)
        if entry is None:
            taken = state._taken(speaker, utterance)
            if done:
                state = state._forget(speaker)
            if len(words) <= taken:
                return state
            state, entry = state._begin(speaker, utterance, taken, words[taken].start)
        elif state._overtaken(entry) and len(words) > entry.taken:
            state, entry = state._carry_on(entry, words, settled)
            if entry is None:
                return state._forget(speaker) if done else state
        entry = _grown(entry, words, settled, done=done)
        return state._put(entry)._closed_up()

    def _entry(self, speaker: str, utterance: int) -> tuple[CaptionState, OpenTurn | None]:
        """The open turn of this utterance; one of an older utterance that was never finished is ended."""
        for entry in self.present:
            if entry.turn.speaker == speaker and not entry.done:
                if entry.utterance == utterance:
                    return self, entry
                ended = replace(entry, turn=entry.turn.without_tail(), done=True)
                return self._put(ended)._closed_up(), None
        return self, None

    def _taken(self, speaker: str, utterance: int) -> int:
        return next((taken for who, number, taken in self.carried if (who, number) == (speaker, utterance)), 0)

    def _forget(self, speaker: str) -> CaptionState:
        return replace(self, carried=tuple(item for item in self.carried if item[0] != speaker))

    def _begin(self, speaker: str, utterance: int, taken: int, start: float) -> tuple[CaptionState, OpenTurn]:
        """Open a turn below all others."""
        before = self.present[-1].turn if self.present else self.closed[-1] if self.closed else None
        same = before is not None and before.speaker == speaker and not self.fresh
        near = before is not None and start - before.end < PARAGRAPH_PAUSE
        turn = Turn(speaker, (), named=self.named, labelled=self.named and not same, continues=same and near)
        entry = OpenTurn(turn, utterance, taken, fresh=self.fresh)
        state = replace(self._forget(speaker), present=(*self.present, entry), fresh=False)
        return state, entry

    def _overtaken(self, entry: OpenTurn) -> bool:
        """Somebody else began below this turn and has finished already."""
        below = self.present[self.present.index(entry) + 1 :]
        return any(other.done for other in below)

    def _carry_on(
        self, entry: OpenTurn, words: tuple[SpokenWord, ...], settled: int
    ) -> tuple[CaptionState, OpenTurn | None]:
        """Leave what stands there as it is, and go on below; None when nothing is left to go on with."""
        shown = len(entry.turn.words) + len(entry.turn.tail)
        stays = max(min(settled - entry.taken, shown), len(entry.turn.words))
        left = _grown(entry, words[: entry.taken + stays], settled, done=True)
        state = self._put(left)._closed_up()
        taken = entry.taken + len(left.turn.words)
        speaker = entry.turn.speaker
        if len(words) <= taken:
            return replace(state, carried=(*state.carried, (speaker, entry.utterance, taken))), None
        return state._begin(speaker, entry.utterance, taken, words[taken].start)

    def _put(self, entry: OpenTurn) -> CaptionState:
        """Replace this speaker's open turn."""
        return replace(
            self,
            present=tuple(
                entry if other.turn.speaker == entry.turn.speaker and not other.done else other
                for other in self.present
            ),
        )

    def _closed_up(self) -> CaptionState:
        """Move finished turns at the top to the past; finished ones without words were a false start."""
        present = tuple(entry for entry in self.present if not entry.done or entry.turn.words)
        fresh = self.fresh or any(entry.fresh for entry in self.present if entry not in present)
        count = next((i for i, entry in enumerate(present) if not entry.done), len(present))
        closed = tuple(entry.turn for entry in present[:count])
        return replace(self, closed=self.closed + closed, present=present[count:], fresh=fresh)


def _timed(words: tuple[Word, ...], when: When) -> tuple[SpokenWord, ...]:
    """The words on the clock of all sessions; a gap in the sound makes no word longer."""
    starts = [when(word.start) for word in words]
    return tuple(
        SpokenWord(word.text, start, start + word.end - word.start) for word, start in zip(words, starts, strict=True)
    )


def _grown(entry: OpenTurn, words: tuple[SpokenWord, ...], settled: int, *, done: bool) -> OpenTurn:
    """The turn after an update: what it had settled, what is settled now, and the new tail."""
    turn = entry.turn
    kept = len(turn.words)
    new = words[entry.taken + kept :]
    # Hours of talk are tens of thousands of words, but only a few thousand different ones.
    fixed = turn.words + tuple(intern(word.text) for word in new[: max(settled - entry.taken - kept, 0)])
    tail = () if done else tuple(word.text for word in new[len(fixed) - kept :])
    starts = turn.starts[:kept] + tuple(word.start for word in new)
    ends = turn.ends[:kept] + tuple(word.end for word in new)
    grown = replace(turn, words=fixed, tail=tail, starts=starts, ends=ends)
    return replace(entry, turn=grown.without_tail() if done else grown, done=done)
