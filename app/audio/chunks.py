"""From the frames of a device to chunks: any rate and channel count in, 80 ms of 16 kHz mono out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from app.core.ports import CHUNK_SAMPLES, AudioChunk
from engine.types import SAMPLE_RATE, Samples

_QUALITY = "HQ"


def mix_down(frames: Samples) -> Samples:
    """Mono float32 [N] from frames [N] or [N, channels]: the mean over channels.

    NaN and infinities, which some drivers and files contain, become zeros.
    """
    # Fifty times a second, also in silence: looking first and a product are a fifth of nan_to_num and mean.
    clean = frames if np.isfinite(frames).all() else np.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0)
    mono = clean if clean.ndim == 1 else clean @ np.full(clean.shape[1], 1 / clean.shape[1], np.float32)
    return np.ascontiguousarray(mono, dtype=np.float32)


class ChunkCutter:
    """Cuts the sound of one source, however its blocks are sized, into consecutive `AudioChunk`s.

    The rate may change between blocks, as it does when another device takes over. One owner, no lock.
    """

    def __init__(self) -> None:
        self._rate: int | None = None
        self._resampler: soxr.ResampleStream | None = None
        self._kept: Samples = np.zeros(0, np.float32)
        self._start_sample = 0
        self._arrived = 0.0
        self._overflowed = False

    def push(self, frames: Samples, rate: int, arrived: float, *, overflowed: bool = False) -> Iterator[AudioChunk]:
        """Chunks completed by `frames` (float32 [N] or [N, channels] at `rate`), which came at `arrived`.

        `overflowed` says that sound was lost before these frames; the next chunk carries the mark.
        """
        if rate != self._rate:
            self._keep(self._drain_resampler())
            self._rate = rate
            if rate != SAMPLE_RATE:
                self._resampler = soxr.ResampleStream(
                    rate, SAMPLE_RATE, num_channels=1, dtype="float32", quality=_QUALITY
                )
        self._overflowed |= overflowed
        self._arrived = arrived
        mono = mix_down(frames)
        self._keep(mono if self._resampler is None else self._resampler.resample_chunk(mono))
        while len(self._kept) >= CHUNK_SAMPLES:
            yield self._take(CHUNK_SAMPLES)

    def flush(self) -> Iterator[AudioChunk]:
        """All that is left: what the resampler holds back, and the last chunk even if it is shorter."""
        self._keep(self._drain_resampler())
        self._rate = None
        while len(self._kept):
            yield self._take(min(CHUNK_SAMPLES, len(self._kept)))

    @property
    def missing(self) -> float:
        """Seconds of sound that the next chunk waits for."""
        return (CHUNK_SAMPLES - len(self._kept)) / SAMPLE_RATE

    def _drain_resampler(self) -> Samples:
        rest: Samples = np.zeros(0, np.float32)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(rest, last=True)
            self._resampler = None
        return rest

    def _keep(self, samples: Samples) -> None:
        self._kept = np.concatenate((self._kept, samples))

    def _take(self, count: int) -> AudioChunk:
        samples, self._kept = self._kept[:count].copy(), self._kept[count:]
        samples.setflags(write=False)
        chunk = AudioChunk(
            samples=samples,
            start_sample=self._start_sample,
            captured_at=self._arrived,
            level=float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))),
            overflowed=self._overflowed,
        )
        self._start_sample += count
        self._overflowed = False
        return chunk
