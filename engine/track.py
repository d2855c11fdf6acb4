"""The seam between decoding and captions: a track turns one stream's samples into a growing hypothesis.

There are two kinds. A frame track runs a frame-synchronous decoder (CTC, RNN-T, TDT) over encoder frames,
cache-aware or buffered; what it has emitted stays. A window track decodes an attention model's window
again and again and says how much of the result is settled. Endpoints, words, casing and updates are made
behind this seam, in `recognizer.py`, the same way for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.alternatives import Choice
from engine.cache_aware import CacheAwareStream
from engine.decoding.guidance import Guidance
from engine.types import Samples, Token


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What has been decoded since the last `drop`, oldest token first."""

    tokens: tuple[Token, ...]
    settled: int
    """The first `settled` tokens stay; the others may still change or vanish."""
    decoded: float
    """Seconds of audio up to which the tokens are complete: nothing will be inserted before this time,
    apart from the tokens that are not settled."""
    choices: tuple[Choice, ...] = ()
    """Other ways to read the tokens, where guidance asks for alternatives."""


class Track(Protocol):
    """One stream's way from samples to tokens. One owner thread, no lock.

    Sound is taken in piece by piece and decoded piece by piece, later or at once: in between, what tracks have to
    encode may be encoded together.
    """

    @property
    def hypothesis(self) -> Hypothesis: ...

    @property
    def foreseen(self) -> tuple[Token, ...]:
        """What will probably come after the settled tokens, in place of the others, once more sound is in: for show."""
        ...

    @property
    def encoder(self) -> CacheAwareStream | None:
        """What may be encoded together with that of other tracks; None where all is done in `advance`."""
        ...

    def hear(self, samples: Samples) -> None:
        """Take in a piece of sound, of any length."""
        ...

    def advance(self) -> bool:
        """Decode the oldest piece that is not decoded; True when the hypothesis moved on (new tokens, or later
        `decoded`), whatever is foreseen.

        Cutting the same sound differently gives the same hypothesis once the same samples are in.
        """
        ...

    def push(self, samples: Samples) -> bool:
        """Take in a piece of sound and decode it at once."""
        self.hear(samples)
        return self.advance()

    def finish(self) -> None:
        """The sound has ended and is decoded up to here: decode what is left, so that the last word is there, and
        settle all."""
        ...

    def drop(self, tokens: int) -> None:
        """Forget the first `tokens` (all settled) tokens of the hypothesis because their utterance ended.

        Encoder caches, predictor and decoder states stay as they are: an endpoint is a cut in the text only.
        """
        ...

    def guide(self, guidance: Guidance) -> None:
        """From the next step on, search under another boost list, language model or width."""
        ...
