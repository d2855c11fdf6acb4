"""The stretch of sound that an attention model looks at.

A window opens with speech, grows while it goes on, and closes with a pause. Which sound and which tokens belong
to it is kept here, and the rules by which it opens and closes; `window_track.py` applies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.models.attention import DecoderState
from engine.models.window_encoder import WindowEncoder
from engine.types import SAMPLE_RATE, Frames, Samples, Token


@dataclass(frozen=True, slots=True)
class WindowRules:
    """When windows open, close and are decoded; seconds of audio unless said otherwise."""

    speech: float = 0.5
    """Probability of speech from which a block counts as speech."""
    no_speech: float = 0.35
    """Probability below which it counts as silence; in between nothing changes."""
    onset_blocks: int = 2
    """Blocks of speech in a row that open a window."""
    pre_roll: float = 0.5
    """Sound in front of them that belongs to the window: voice activity is late for soft first sounds."""
    pause: float = 0.6
    """Silence that closes the window."""
    long_window: float = 7.0
    short_pause: float = 0.25
    """Silence that closes a long window."""
    tail: float = 0.3
    """Sound after the last speech that belongs to the window: last sounds fade out."""
    longest_window: float = 10.0
    kept: float = 5.0
    """What a window that has become too long without a pause keeps of its sound."""
    step: float = 0.4
    """New sound between passes."""
    step_growth: float = 0.02
    """More of it for each second of the window, because a pass costs in proportion to it."""
    strides: tuple[int, ...] = (1, 4, 10)
    """How many times further apart passes are, by hurry. Where nobody pauses they cost 0.16, 0.07 and 0.05 processor
    seconds a second; at 16 no less, and words are lost, since windows grow beyond what the model hears well."""
    glance: float = 0.2
    """Silence after which a pass is made at once, so that last words show early."""
    agreeing: int = 2
    """Passes in a row that must find a token before it settles (local agreement, Liu et al. 2020)."""
    least_voice: float = 0.16
    """A window with less speech than this holds no word."""
    short_window: float = 1.0
    doubtful: float = -1.25
    """With less speech than `short_window`, a transcript with a lower mean log-probability is taken for noise."""


@dataclass(slots=True)
class Window:
    """An open window; positions are samples since the start of the stream."""

    encoder: WindowEncoder
    start: int
    end: int
    """Where its sound ends for now."""
    spoken_from: int
    spoken_until: int
    """Speech was last heard before this."""
    decoded: int
    """Where its sound ended when it was last decoded."""
    voiced_blocks: int
    earliest: float
    """No token of the window has an earlier time: up to here silence was reported. Seconds."""
    silent_blocks: int = 0
    """Blocks since speech was last heard."""
    prefix: list[Token] = field(default_factory=list)
    """Settled tokens whose sound is in the window."""
    draft: list[Token] = field(default_factory=list)
    """What follows them, as decoded last."""
    shown: list[Token] = field(default_factory=list)
    """What is shown after the prefix."""
    ended: bool = False
    """The prefix ends with the last word of an utterance that has ended."""
    kept: DecoderState | None = None
    """The decoder as the last pass left it: it has taken in the prefix."""
    _passes: list[int] = field(default_factory=list)
    """For each token of the draft, how many passes in a row have found it."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE

    def extend(self, samples: Samples) -> None:
        """More sound at the end."""
        self.encoder.extend(samples)
        self.end += len(samples)

    def frames(self, end: int) -> Frames:
        """Encoder frames of the window's sound up to `end`."""
        return self.encoder.frames(end - self.start)

    def move_start(self, start: int, tokens: int) -> None:
        """Forget the sound before `start`, and the first `tokens` tokens of the prefix, which it held."""
        self.encoder.forget(start - self.start)
        self.start = start
        self.kept = None
        del self.prefix[:tokens]

    def begin_anew(self, start: int, earliest: float) -> None:
        """Keep the sound from `start` on and nothing of what was heard; whether it is speech is to be seen again."""
        self.move_start(start, len(self.prefix))
        self.spoken_from = max(self.spoken_from, start)
        self.earliest = earliest
        self.voiced_blocks = 0
        self.draft, self.shown, self._passes, self.ended = [], [], [], False

    @property
    def guess(self) -> list[Token]:
        """What the next pass will probably find: the draft, or what is shown where that is something else."""
        return self.draft if _begins(self.draft, self.shown) else self.shown

    def redraft(self, tokens: list[Token]) -> None:
        """Another pass has found these tokens after the prefix."""
        same = common(self.draft, tokens)
        self._passes = [passes + 1 for passes in self._passes[:same]] + [1] * (len(tokens) - same)
        self.draft = tokens

    def agreed(self, passes: int) -> list[Token]:
        """The beginning of the draft that so many passes in a row have found."""
        return self.draft[: next((k for k, found in enumerate(self._passes) if found < passes), len(self.draft))]

    def show(self, passes: int, *, keep: bool) -> None:
        """Show the part of the draft that so many passes agree on; or `keep` what is shown, unless it only grows."""
        tokens = self.agreed(passes)
        if not keep or _begins(tokens, self.shown):
            self.shown = tokens

    def settle(self, tokens: int) -> list[Token]:
        """The first `tokens` tokens of the draft become prefix; returns them."""
        settled, self.draft = self.draft[:tokens], self.draft[tokens:]
        del self._passes[:tokens]
        self.shown = self.shown[tokens:] if _begins(self.shown, settled) else []
        self.prefix += settled
        self.ended = self.ended and not settled
        return settled


def common(one: Sequence[Token], other: Sequence[Token]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a.id != b.id), min(len(one), len(other)))


def _begins(tokens: Sequence[Token], beginning: Sequence[Token]) -> bool:
    return common(tokens, beginning) == len(beginning)
