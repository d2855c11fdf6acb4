"""Spoils clean sound as rooms, microphones and neighbours do; every function takes and returns float32 samples [N]."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.model import SAMPLE_RATE
from training.store import Clip, ClipStore


@dataclass(frozen=True, slots=True)
class AugmentOptions:
    """How often and how strongly; the chances are of a clip or a row being touched."""

    gain_chance: float = 0.7
    gain_db: tuple[float, float] = (-18.0, 6.0)
    room_chance: float = 0.2
    telephone_chance: float = 0.08
    microphone_chance: float = 0.0
    """Another frequency response."""
    microphone_db: float = 8.0
    """How far it bends up or down."""
    noise_chance: float = 0.5
    """Noise, music or babble over a whole row."""
    snr_db: tuple[float, float] = (3.0, 25.0)
    floor: tuple[float, float] = (-5.0, -3.3)
    """Powers of ten between which the microphone's own noise lies, as a share of full scale."""


class Augment:
    """Draws disturbances from a store's noise and music and its other speech."""

    def __init__(self, store: ClipStore, options: AugmentOptions) -> None:
        self._store, self._options = store, options
        self._noise = store.select("noise", "babble")
        self._music = store.select("music")
        self._rooms = [store.read(c) for c in store.select("rir")]
        self._speech = store.select("speech", split="train")

    def clip(self, sound: Tensor, rng: random.Random) -> Tensor:
        """What differs from speaker to speaker: loudness, room, telephone line, microphone."""
        if rng.random() < self._options.room_chance:
            sound = reverberate(sound, self._room(rng))
        if rng.random() < self._options.telephone_chance:
            sound = band_pass(sound, rng.uniform(150, 400), rng.uniform(3000, 3700))
        if rng.random() < self._options.microphone_chance:
            sound = through_microphone(sound, rng, self._options.microphone_db)
        if rng.random() < self._options.gain_chance:
            sound = sound * 10 ** (rng.uniform(*self._options.gain_db) / 20)
        return sound

    def row(self, sound: Tensor, rng: random.Random) -> Tensor:
        """What lies over everything: noise, music or babble, and the microphone's own noise."""
        if rng.random() < self._options.noise_chance and (self._noise or self._music):
            sound = mix(sound, self.disturbance(len(sound), rng), rng.uniform(*self._options.snr_db))
        floor = 10 ** rng.uniform(*self._options.floor)
        return (sound + floor * white(len(sound), rng)).clamp(-1, 1)

    def disturbance(self, length: int, rng: random.Random) -> Tensor:
        """So many samples of noise, music or babble."""
        choice = rng.random()
        if choice < 0.2 and len(self._speech) >= 4:
            voices = rng.sample(self._speech, min(len(self._speech), rng.randint(4, 8)))
            return torch.stack([self._looped(v, length, rng) for v in voices]).sum(0)
        pool = self._music if choice < 0.45 and self._music else self._noise or self._music
        return self._looped(rng.choice(pool), length, rng)

    def _looped(self, clip: Clip, length: int, rng: random.Random) -> Tensor:
        sound = self._store.read(clip)
        start = rng.randrange(len(sound))
        return sound.roll(-start).repeat(length // len(sound) + 1)[:length]

    def _room(self, rng: random.Random) -> Tensor:
        if self._rooms and rng.random() < 0.3:
            return rng.choice(self._rooms)
        return synthetic_room(rng)


def white(length: int, rng: random.Random) -> Tensor:
    """Gaussian noise from the row's own random numbers, so that a batch depends on nothing else."""
    return torch.randn(length, generator=torch.Generator().manual_seed(rng.getrandbits(48)))


def mix(sound: Tensor, noise: Tensor, snr_db: float) -> Tensor:
    """Adds the noise so that it lies this far below the sound's power; silence stays as it is."""
    power, noise_power = sound.square().mean(), noise.square().mean()
    if power == 0 or noise_power == 0:
        return sound
    return sound + noise * (power / noise_power * 10 ** (-snr_db / 10)).sqrt()


def reverberate(sound: Tensor, room: Tensor) -> Tensor:
    """Convolves with an impulse response, its direct path kept in place so that words stay at their frames."""
    room = room[int(room.abs().argmax()) :]
    size = len(sound) + len(room)
    wet = torch.fft.irfft(torch.fft.rfft(sound, size) * torch.fft.rfft(room, size), size)[: len(sound)]
    scale = (sound.square().mean() / wet.square().mean().clamp(min=1e-12)).sqrt()
    return wet * scale


def through_microphone(sound: Tensor, rng: random.Random, most_db: float) -> Tensor:
    """Frequencies lifted and lowered by up to so many dB, smoothly from octave to octave, power kept."""
    octaves = np.log2([62.5, 125, 250, 500, 1000, 2000, 4000, 8000])
    bends = [rng.uniform(-most_db, most_db) for _ in octaves]
    spectrum = torch.fft.rfft(sound)
    hz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum)).clip(min=1)
    response = torch.from_numpy(10 ** (np.interp(np.log2(hz), octaves, bends) / 20)).float()
    heard = torch.fft.irfft(spectrum * response, len(sound))
    return heard * (sound.square().mean() / heard.square().mean().clamp(min=1e-12)).sqrt()


def synthetic_room(rng: random.Random) -> Tensor:
    """Direct path and a tail of decaying noise; reverberation times as in offices and living rooms."""
    decay_s = rng.uniform(0.15, 0.6)
    length = int(decay_s * SAMPLE_RATE)
    tail = white(length, rng) * torch.exp(-6.9 * torch.arange(length) / length)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    room = tail * rng.uniform(0.1, 0.6) / tail.norm()
    room[0] = 1.0
    return room


def band_pass(sound: Tensor, low_hz: float, high_hz: float) -> Tensor:
    """Leaves what a telephone line carries."""
    spectrum = torch.fft.rfft(sound)
    hz = torch.arange(len(spectrum)) * (SAMPLE_RATE / 2 / max(1, len(spectrum) - 1))
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return torch.fft.irfft(spectrum, len(sound))
