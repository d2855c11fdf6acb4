"""What the steps between the decoder's words and the shown ones pass on."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import Word


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One shown word and how many of the decoder's words are used up once it is shown."""

    word: Word
    used: int
