"""The stretch of sound that an attention model looks at.

A window opens with speech, grows while it goes on, and closes with a pause. Which sound and which tokens belong
to it is kept here; when it is decoded, and what of it is settled, is decided in `window_track.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.models.window_encoder import WindowEncoder
from engine.types import SAMPLE_RATE, Frames, Samples, Token


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
        del self.prefix[:tokens]
