"""What an encoder reads of the sound: log-mel features as NeMo computes them, or the samples themselves.

Log-mel equals NeMo's AudioToMelSpectrogramPreprocessor however the sound is cut.

NeMo's front end (nemo/collections/asr/parts/preprocessing/features.py): pre-emphasis over the signal,
a symmetric 25 ms Hann window every 10 ms centred in a 512-point FFT with zero padding at both ends, power
spectrum, mel filters in Slaney's form, natural logarithm. Every frame is computed by the same operations on
the same numbers whichever pushes its samples came in, so cutting the sound differently changes no bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadSamples
from engine.types import SAMPLE_RATE, Frames, Samples

HOP = 160
"""Samples from one frame to the next: 10 ms."""
_WINDOW = 400
_FFT = 512
_PREEMPHASIS = 0.97
_GUARD = 2.0**-24
"""Added before the logarithm; digital silence is therefore about -16.6."""
_BLOCK = 64
"""Frames computed at once: a push of many minutes takes no more memory, and the numbers stay in cache."""
_STD_GUARD = 1e-5
"""NeMo's CONSTANT, added to each deviation before dividing by it."""

Wide = NDArray[np.float64]


def clean_samples(samples: NDArray[Any]) -> Samples:
    """Mono float32 with every NaN and infinity, which a broken driver may deliver, replaced by silence.

    Raises:
        BadSamples: not a one-dimensional array of floating-point numbers.
    """
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise BadSamples(
            f"Sound must be one channel of floating-point samples, not {samples.dtype} {list(samples.shape)}."
        )
    narrow = samples.astype(np.float32, copy=False)
    if np.isfinite(narrow).all():
        return narrow
    return np.nan_to_num(narrow, nan=0.0, posinf=0.0, neginf=0.0)


class Features(Protocol):
    """One stream's features."""

    hop: int
    """Samples from one frame to the next."""

    def push(self, samples: Samples) -> Frames:
        """Take in any number of samples; returns the frames they complete, float32 [T, D]."""
        ...

    def finish(self) -> Frames:
        """The frames still due when the sound has ended."""
        ...


class Blocks:
    """The samples themselves, `hop` of them a frame, for encoders that begin with convolutions of their own."""

    def __init__(self, hop: int) -> None:
        self.hop = hop
        self._rest: Samples = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Frames:
        """Take in any number of samples; returns the frames they complete, float32 [T, hop]."""
        sound = np.concatenate((self._rest, clean_samples(samples)))
        whole = len(sound) // self.hop * self.hop
        self._rest = sound[whole:].copy()
        return sound[:whole].reshape(-1, self.hop)

    def finish(self) -> Frames:
        """The last frame, filled up with silence, where samples are left."""
        return self.push(np.zeros(-len(self._rest) % self.hop, np.float32))


class LogMel:
    """One stream's features. Keeps the samples that later frames still need, and nothing else.

    Frame t is centred at sample 160 t and complete with sample 160 t + 199.
    """

    hop = HOP

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self._filters = _MelFilters.of(bins)
        # Zero padding on the left: frame 0 reaches 200 samples before the sound.
        self._tail: Wide = np.zeros(_WINDOW // 2)
        """Pre-emphasised samples from the start of the next frame on."""
        self._last = 0.0
        self._heard = 0
        self._given = 0

    def push(self, samples: Samples) -> Frames:
        """Take in any number of samples; returns the frames they complete, float32 [T, bins]."""
        wide = clean_samples(samples).astype(np.float64)
        self._heard += len(wide)
        before = np.concatenate(([self._last], wide[:-1]))[: len(wide)]
        if len(wide):
            self._last = float(wide[-1])
        return self._frames(wide - _PREEMPHASIS * before)

    def finish(self) -> Frames:
        """The frames still due when the sound has ended: NeMo gives one for every 160 samples heard."""
        due = self._heard // HOP - self._given
        if due <= 0:
            return np.zeros((0, self.bins), np.float32)
        # NeMo pads with zeros after the pre-emphasis.
        missing = (due - 1) * HOP + _WINDOW - len(self._tail)
        return self._frames(np.zeros(max(missing, 0)))[:due]

    def _frames(self, emphasised: Wide) -> Frames:
        signal = np.concatenate((self._tail, emphasised))
        count = max((len(signal) - _WINDOW) // HOP + 1, 0)
        frames = np.empty((count, self.bins), np.float32)
        for first in range(0, count, _BLOCK):
            last = min(first + _BLOCK, count)
            part = signal[first * HOP : (last - 1) * HOP + _WINDOW]
            cut = np.lib.stride_tricks.sliding_window_view(part, _WINDOW)[::HOP]
            frames[first:last] = self._filters.log_energies(cut)
        self._tail = signal[count * HOP :].copy()
        self._given += count
        return frames


def normalize(frames: Frames, kind: str) -> Frames:
    """Normalise over the frames of one window as NeMo's normalize_batch does.

    Args:
        frames: float32 [T, bins].
        kind: "" (as they are), "per_feature" (each bin by its own mean and deviation) or "all_features".
    """
    if not kind or not len(frames):
        return frames
    axis = 0 if kind == "per_feature" else None
    mean = frames.mean(axis=axis, dtype=np.float64)
    # A single frame has no deviation; NeMo then divides by the guard alone.
    deviation = frames.std(axis=axis, ddof=1, dtype=np.float64) if len(frames) > 1 else np.float64(0.0)
    normal: Frames = ((frames - mean) / (deviation + _STD_GUARD)).astype(np.float32)
    return normal


class _MelFilters:
    """Slaney's triangular filters, stored as runs of non-zero weights (each FFT bin is in two at most)."""

    def __init__(self, bins: int) -> None:
        weights = _slaney_weights(bins)
        # A filter narrower than the FFT's bins has no weight at all; it still needs a run to sum.
        runs = [np.flatnonzero(row) if row.any() else np.zeros(1, np.intp) for row in weights]
        self._index = np.concatenate(runs)
        self._weight = np.concatenate([row[run] for row, run in zip(weights, runs, strict=True)])
        self._start = np.cumsum([0, *(len(run) for run in runs[:-1])])
        # 400 samples centred in 512 only turn the phase, which the power spectrum does not have.
        phase = 2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1)
        self._hann = 0.5 - 0.5 * np.cos(phase)

    @staticmethod
    @cache
    def of(bins: int) -> _MelFilters:
        return _MelFilters(bins)

    def log_energies(self, cut: Wide) -> Wide:
        """Log-mel of windows cut from the signal: [T, 400] to [T, bins]."""
        spectrum = np.fft.rfft(cut * self._hann, _FFT, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        # Summed run by run: a matrix product would add in an order that depends on the number of frames.
        energies = np.add.reduceat(power[:, self._index] * self._weight, self._start, axis=1)
        logs: Wide = np.log(energies + _GUARD)
        return logs


def _slaney_weights(bins: int) -> Wide:
    """Filters [bins, FFT bins] from 0 to 8,000 Hz, each of unit area, as librosa builds them (htk=False)."""
    edges = _mel_to_hertz(np.linspace(0.0, _hertz_to_mel(SAMPLE_RATE / 2), bins + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - np.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1)[None, :]
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    weights: Wide = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return weights


# Slaney's scale is linear to 1,000 Hz (15 mel) and logarithmic above.
_LINEAR = 200.0 / 3
_LOG_STEP = np.log(6.4) / 27.0


def _hertz_to_mel(hertz: float) -> float:
    return float(15.0 + np.log(hertz / 1000.0) / _LOG_STEP) if hertz >= 1000.0 else hertz / _LINEAR


def _mel_to_hertz(mel: Wide) -> Wide:
    return np.where(mel >= 15.0, 1000.0 * np.exp(_LOG_STEP * (mel - 15.0)), mel * _LINEAR)
