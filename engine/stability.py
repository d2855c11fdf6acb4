"""How steady captions are: what the modes mean for both kinds of decoding, as data.

What is settled stays in every mode. The modes differ in how soon that happens, and in how much is shown before.
Frame-synchronous greedy decoders take nothing back in the first place, so for them all modes are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Steadiness(StrEnum):
    """What a user prefers: words at once, or words that do not change any more."""

    RESPONSIVE = "responsive"
    BALANCED = "balanced"
    STEADY = "steady"


@dataclass(frozen=True, slots=True)
class Stability:
    """One mode. Times are seconds of audio, scores natural logs."""

    loyalty: float
    """Windows: a reading that goes on with what is shown may be this much worse than the best and is still shown. What
    settles does not ask for it."""
    newest: float
    """Windows: no token is shown that looks nearer than this to the end of the sound."""
    shown_after: int
    """Windows: passes in a row that must find a token before it is shown."""
    settles: float
    """Windows: a token may settle when it lies further back than this, ..."""
    sure: float
    """... where the model holds it for at least so probable; ..."""
    doubted: float
    """... and further back than this where it does not. Tokens settle in order, so those behind it wait with it."""

    beam_loyalty: float
    """Beams: the same as `loyalty`."""
    patience: int
    """Beams: frames after which a symbol of the best path is settled, whatever other paths say."""
    tail: int | None
    """Beams: tokens shown beyond those that all paths share; None for all there are."""


_BALANCED = Stability(
    loyalty=1.5,
    newest=0.2,
    shown_after=1,
    settles=1.3,
    sure=0.8,
    doubted=2.5,
    beam_loyalty=1.0,
    patience=12,
    tail=3,
)

STABILITY = {
    Steadiness.RESPONSIVE: replace(
        _BALANCED, loyalty=0.5, newest=0.1, settles=0.9, doubted=0.9, beam_loyalty=0.5, patience=8, tail=None
    ),
    Steadiness.BALANCED: _BALANCED,
    Steadiness.STEADY: replace(_BALANCED, loyalty=3.0, shown_after=2, beam_loyalty=2.0, patience=16, tail=0),
}
"""What each trades is measured in tests/benchmarks/README.md."""
