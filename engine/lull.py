"""Notices that somebody has just stopped speaking, so that what they said last can be shown at once."""

from __future__ import annotations

import numpy as np

from engine.types import Samples
from engine.vad import BLOCK, Voice

_SPEECH, _NO_SPEECH = 0.5, 0.35
"""Probability from which a block counts as speech, and below which it counts as silence."""
_QUIET_BLOCKS = 5
"""Silence in a row, 0.16 s: longer than the stop before a consonant."""


class Lull:
    """Listens to one stream."""

    def __init__(self, voice: Voice) -> None:
        """
        Args:
            voice: judges this stream's sound and no other's.
        """
        self._voice = voice
        self._pending: Samples = np.zeros(0, np.float32)
        self._spoken = False
        self._quiet = 0

    def hear(self, samples: Samples) -> bool:
        """Take in the next samples; True once for each time that speech has stopped."""
        sound = np.concatenate([self._pending, samples])
        whole = len(sound) // BLOCK * BLOCK
        self._pending = sound[whole:]
        stopped = False
        for start in range(0, whole, BLOCK):
            stopped = self._block(sound[start : start + BLOCK]) or stopped
        return stopped

    def _block(self, block: Samples) -> bool:
        probability = self._voice.probability(block)
        if probability >= _SPEECH:
            self._spoken, self._quiet = True, 0
        elif probability < _NO_SPEECH:
            self._quiet += 1
        if not self._spoken or self._quiet < _QUIET_BLOCKS:
            return False
        self._spoken = False
        return True
