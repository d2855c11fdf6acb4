"""What is taken for the room, judged by voice activity: never a voice."""

from __future__ import annotations

import numpy as np
import pytest

from app.audio.room import Room
from engine.types import Samples
from engine.vad import BLOCK, SileroVoice, packaged_model
from tests.helpers.starter import quiet, recording

CHUNK = 1_280


def is_room(sound: Samples) -> list[bool]:
    """For each chunk."""
    room = Room()
    chunks = np.split(sound[: len(sound) // CHUNK * CHUNK], len(sound) // CHUNK)
    return [room.hear(float(np.sqrt(np.mean(chunk**2)))) for chunk in chunks]


def voiced(sound: Samples) -> list[bool]:
    """For each chunk, whether the packaged model hears speech in it."""
    voice = SileroVoice(packaged_model())
    blocks = [voice.probability(sound[at : at + BLOCK]) >= 0.5 for at in range(0, len(sound) - BLOCK + 1, BLOCK)]
    return [any(blocks[at // BLOCK : (at + CHUNK) // BLOCK + 1]) for at in range(0, len(sound) - CHUNK + 1, CHUNK)]


@pytest.mark.parametrize("decibels", [-90, -66, -54, -48])
def test_a_steady_room_is_learned_in_six_seconds(decibels: int) -> None:
    noise = np.random.default_rng(3).normal(0, 10 ** (decibels / 20), 16_000 * 12).astype(np.float32)
    assert all(is_room(noise)[75:])


def test_a_loud_room_is_never_taken_for_quiet() -> None:
    assert not any(is_room(np.random.default_rng(3).normal(0, 0.02, 16_000 * 20).astype(np.float32)))


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.03])
def test_a_voice_is_not_the_room_for_a_second(gain: float) -> None:
    for name in ("commonvoice-001062", "commonvoice-002307"):
        sound = np.concatenate([quiet(6.0), gain * recording(name)]).astype(np.float32)
        room = is_room(sound)
        long = [all(room[max(at - 11, 0) : at + 1]) for at in range(len(room))]
        speech = voiced(sound)[: len(room)]
        assert sum(speech) > 20
        assert sum(np.logical_and(long, speech)) <= 1  # the first chunk may hold the very beginning only


def test_a_room_that_falls_quiet_is_believed_at_once() -> None:
    loud, soft = np.full(16_000 * 6, 0.004, np.float32), np.full(16_000, 0.0005, np.float32)
    after = is_room(np.concatenate([loud, soft, 4 * soft]))
    assert all(after[100:112])
    assert not any(after[113:])
