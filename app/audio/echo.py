"""Takes out of a microphone's sound what the computer plays: loudspeakers send it there through the room.

Two steps for every 40 ms. A linear filter learns how the room carries what is played to the microphone, and subtracts
that: a Kalman filter in the frequency domain, partitioned so that it reaches back 0.6 s (Enzner and Vary 2006, Signal
Processing 86; Kuech, Mabande and Enzner 2014, ICASSP). It knows how uncertain it is, so people who speak over the echo
do not mislead it, and without loudspeakers it learns that there is nothing to subtract. A gate then makes quiet what
is left of the echo while nobody speaks to the microphone: loudspeakers distort, and clocks of devices differ.

Written here, where a library would be shorter, because cancellers made for calls spare the far side's ears: WebRTC's
suppresses the near talker whenever both speak, which costs captions the words (docs/sound-in.md has the figures).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.types import SAMPLE_RATE, Samples

BLOCK = SAMPLE_RATE // 25
"""Samples of one step: 40 ms."""
_BLOCKS = 16
"""Blocks that an echo may last, from when it is played until its last reflection."""
SILENT = 1e-4
"""What is played stays below this (-80 dB): it has no echo."""

_KEPT = 0.997
"""How much of what was learned still holds 40 ms later. Less follows clocks that drift (30 parts in a million), more
subtracts deeper."""
_UNKNOWN_ROOM = 0.02
"""Expected power of the echo path in each block of the filter, before anything was heard."""
_NEAR_KEPT = 0.8
"""Smoothing of the spectrum of what is not echo, over blocks."""

_BAND = slice(12, 320)
"""Bins that the gate looks at, 25 Hz each over two blocks: 150 Hz to 4 kHz, where voices are."""
_LEFT = 0.6
"""So much of the echo's power may be left by the filter. Speech at the level of the echo still opens the gate."""
_CAUTION = 3.0
"""In a room of which nothing is known, so many times more than expected; less, the more is known."""
_GATE_KEPT = 0.6
"""Smoothing of the gate, over blocks: some 100 ms."""

_MATCH_KEPT = 0.85
"""Smoothing of how well the echo is foretold, over blocks: some 0.3 s."""
_MATCHES = 0.5
"""An echo that is less or more than foretold by so much of it comes through another room: somebody turned the volume,
moved the microphone, or plugged in something else. ..."""
_SURE = 0.3
"""... This counts where the filter doubted at most so much of its echo, ..."""
_CLEAR = 20.0
"""... and where the echo is not so many times weaker than what else the microphone hears, by power."""
_TINY = 1e-9


class EchoFilter:
    """For one microphone. Owned by one thread at a time."""

    def __init__(self) -> None:
        bins = BLOCK + 1
        self._played: Samples = np.zeros(2 * BLOCK, np.float32)
        """The newest two blocks of what was played."""
        self._spectra: NDArray[np.complex64] = np.zeros((_BLOCKS, bins), np.complex64)
        """Of these and the blocks before, newest first."""
        self._room: NDArray[np.complex64] = np.zeros((_BLOCKS, bins), np.complex64)
        """What the room does to each of them."""
        self._doubt: NDArray[np.float32] = np.full((_BLOCKS, bins), _UNKNOWN_ROOM, np.float32)
        """Expected squared error of that."""
        self._near: NDArray[np.float32] = np.zeros(bins, np.float32)
        """Power of what is not echo."""
        self._sounding = 0
        """Blocks for which something that was played may still be heard."""
        self._match = np.zeros(4)
        """Of late: power of the foretold echo, what of the rest goes with it, the rest, and the doubt."""
        self._voice = self._all = _TINY
        self._open = 1.0

    def clean(self, heard: Samples, played: Samples) -> Samples:
        """What is left of `heard` without the echo of `played`, both float32 [N] of the same time.

        The echo may be late by up to half a second, and never early. While nothing is played nothing is changed.
        """
        missing = -len(heard) % BLOCK
        heard_blocks = np.pad(heard, (0, missing)).reshape(-1, BLOCK)
        played_blocks = np.pad(played, (0, missing)).reshape(-1, BLOCK)
        cleaned = [self._clean(near, far) for near, far in zip(heard_blocks, played_blocks, strict=True)]
        return np.concatenate(cleaned)[: len(heard)] if cleaned else heard

    def _clean(self, heard: Samples, played: Samples) -> Samples:
        if np.abs(played).max() >= SILENT:
            self._sounding = _BLOCKS + 1
        elif not self._sounding:
            return self._gated(heard, 1.0)
        else:
            played, self._sounding = np.zeros_like(played), self._sounding - 1
        self._played = np.concatenate((self._played[BLOCK:], played))
        self._spectra = np.roll(self._spectra, 1, axis=0)
        self._spectra[0] = np.fft.rfft(self._played)
        loud = np.abs(self._spectra) ** 2
        foretold = self._echo()
        missed = self._learn(heard - foretold, foretold, loud)
        unsure = missed[_BAND].sum() / (0.5 * _UNKNOWN_ROOM * loud[:, _BAND].sum() + _TINY)
        echo = self._echo()
        left: Samples = heard - echo
        if np.square(left).sum() > np.square(heard).sum():
            left = heard  # there is less echo than the filter believes
        may_be_echo = _LEFT * _power(echo) + (1 + _CAUTION * min(unsure, 1.0)) * missed
        return self._gated(left, self._share_of_voice(_power(left), may_be_echo))

    def _echo(self) -> Samples:
        """What the room is believed to make of what was played, for the newest block."""
        spectrum = np.einsum("pk,pk->k", self._room, self._spectra)
        echo: Samples = np.fft.irfft(spectrum)[BLOCK:].astype(np.float32)
        return echo

    def _learn(self, error: Samples, foretold: Samples, loud: NDArray[np.float32]) -> NDArray[np.float32]:
        """Correct the room by what it did not explain; returns the power of echo it was expected to miss.

        loud: power of what was played, float32 [_BLOCKS, BLOCK + 1].
        """
        spectrum = _spectrum(error)
        self._near = (_NEAR_KEPT * self._near + (1 - _NEAR_KEPT) * np.abs(spectrum) ** 2).astype(np.float32)
        expected = self._missed(loud)
        if self._is_another_room(spectrum[_BAND], _spectrum(foretold)[_BAND], expected[_BAND]):
            self._doubt += 2.0 * np.mean(np.abs(self._room) ** 2, axis=0)
            expected = self._missed(loud)
        gain = self._doubt / (expected + self._near + _TINY)
        change = np.fft.irfft(gain * self._spectra.conj() * spectrum, axis=1)
        change[:, BLOCK:] = 0.0
        self._room = (_KEPT * (self._room + np.fft.rfft(change, axis=1))).astype(np.complex64)
        sure = _KEPT**2 * np.maximum(1 - 0.5 * gain * loud, 0) * self._doubt  # rounded, it may fall below zero
        self._doubt = (sure + (1 - _KEPT**2) * np.abs(self._room) ** 2).astype(np.float32)
        return expected

    def _missed(self, loud: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half of the products, since of the two blocks that a spectrum spans only the newer one is compared."""
        missed: NDArray[np.float32] = 0.5 * np.einsum("pk,pk->k", loud, self._doubt)
        return missed

    def _is_another_room(
        self, error: NDArray[np.complex64], foretold: NDArray[np.complex64], expected: NDArray[np.float32]
    ) -> bool:
        """Whether the echo is another one than the filter was sure of."""
        echo, along, rest = np.abs(foretold) ** 2, (error * foretold.conj()).real, np.abs(error) ** 2
        now = np.array([part.sum() for part in (echo, along, rest, expected)])
        self._match = _MATCH_KEPT * self._match + (1 - _MATCH_KEPT) * now
        foretold_power, along_power, rest_power, doubt = self._match
        if doubt >= _SURE * foretold_power or rest_power >= _CLEAR * foretold_power:
            return False
        if abs(along_power) <= _MATCHES * foretold_power:
            return False
        self._match = np.zeros_like(self._match)
        return True

    def _share_of_voice(self, left: NDArray[np.float32], may_be_echo: NDArray[np.float32]) -> float:
        """How much of what is left cannot be echo, 0 to 1, by power."""
        voice = np.maximum(left - may_be_echo, 0.0)
        self._voice = _GATE_KEPT * self._voice + (1 - _GATE_KEPT) * float(voice[_BAND].sum())
        self._all = _GATE_KEPT * self._all + (1 - _GATE_KEPT) * float(left[_BAND].sum())
        return self._voice / (self._all + _TINY)

    def _gated(self, sound: Samples, voice: float) -> Samples:
        """Squared: speech of which a sixth is doubted loses 3 dB, echo of which a third is not explained 20 dB."""
        before, self._open = self._open, voice**2
        if before == self._open == 1.0:
            return sound
        gated: Samples = sound * np.linspace(before, self._open, len(sound), dtype=np.float32)
        return gated


def _spectrum(block: Samples) -> NDArray[np.complex64]:
    """complex [BLOCK + 1] of a block behind one of zeros, as the filter compares it."""
    padded: NDArray[np.complex64] = np.fft.rfft(np.concatenate((np.zeros_like(block), block))).astype(np.complex64)
    return padded


def _power(block: Samples) -> NDArray[np.float32]:
    power: NDArray[np.float32] = np.abs(_spectrum(block)) ** 2
    return power
