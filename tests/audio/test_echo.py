"""The echo goes and the voice stays, by how much of each is left."""

from __future__ import annotations

import numpy as np
import pytest

from app.audio.echo import EchoFilter
from engine.types import SAMPLE_RATE, Samples
from tests.helpers.call import FLOOR, Loudspeakers
from tests.helpers.starter import recording

FAR = ("commonvoice-000803", "commonvoice-001062", "commonvoice-001316")
NEAR = ("commonvoice-003309", "commonvoice-000306", "commonvoice-003852")
LEARNED = slice(2 * SAMPLE_RATE, None)
"""By then a second or more was played."""


def voices(names: tuple[str, ...], power: float) -> Samples:
    sound = np.concatenate([recording(name) for name in names])[: 10 * SAMPLE_RATE]
    return (sound * np.sqrt(power / np.mean(sound**2))).astype(np.float32)


@pytest.fixture(scope="module")
def played() -> Samples:
    return voices(FAR, 1e-3)


@pytest.fixture(scope="module")
def near() -> Samples:
    return voices(NEAR, 1e-3)


def clean(heard: Samples, played: Samples) -> Samples:
    """Chunk by chunk, as sound comes."""
    echo = EchoFilter()
    cuts = range(1_280, len(heard), 1_280)
    return np.concatenate(
        [echo.clean(h, p) for h, p in zip(np.split(heard, cuts), np.split(played, cuts), strict=True)]
    )


def quieter(before: Samples, after: Samples) -> float:
    """By how many dB, once the room is learned."""
    return float(10 * np.log10(np.mean(before[LEARNED] ** 2) / np.mean(after[LEARNED] ** 2)))


@pytest.mark.parametrize(
    "speakers",
    [
        Loudspeakers(level=-6, delay=0.02),
        Loudspeakers(level=-12, reverberation=0.5),
        Loudspeakers(level=-12, delay=0.3),
        Loudspeakers(level=-6, delay=0.1, drive=4.0),
        Loudspeakers(level=-6, delay=0.1, drift=30.0),
    ],
    ids=["near by", "reverberant", "late", "distorting", "drifting clock"],
)
def test_an_echo_is_made_quiet(played: Samples, speakers: Loudspeakers) -> None:
    heard = speakers.heard(np.zeros_like(played), played)[: len(played)]
    played = played[: len(heard)]
    assert quieter(heard, clean(heard, played)) >= 25


def test_a_microphone_that_is_moved_is_learned_anew(played: Samples) -> None:
    played = np.tile(played, 2)[: 14 * SAMPLE_RATE]
    here, there = Loudspeakers(level=-12), Loudspeakers(level=-12, delay=0.15, reverberation=0.5)
    heard = here.heard(np.zeros_like(played), played)
    change = round(11.25 * SAMPLE_RATE)
    heard[change:] = there.heard(np.zeros_like(played), played)[change:]
    after = slice(change, change + 2 * SAMPLE_RATE)
    assert np.mean(clean(heard, played)[after] ** 2) < np.mean(heard[after] ** 2) / 20


@pytest.mark.parametrize("level", [-6, -12, -20])
def test_a_voice_stays_when_both_speak(played: Samples, near: Samples, level: float) -> None:
    speakers = Loudspeakers(level=level)
    heard = speakers.heard(near, played)
    assert quieter(near, clean(heard, played) - near) >= 12


def test_a_voice_stays_with_headphones(played: Samples, near: Samples) -> None:
    heard = near + np.random.default_rng(1).normal(0, FLOOR, len(near)).astype(np.float32)
    assert quieter(heard, clean(heard, played) - heard) >= 15


def test_both_may_speak_from_the_first_moment(played: Samples, near: Samples) -> None:
    heard = Loudspeakers(level=-12).heard(near, played)
    first = slice(0, 2 * SAMPLE_RATE)
    assert np.mean((clean(heard, played) - near)[first] ** 2) < np.mean(near[first] ** 2) / 10


def test_nothing_is_changed_while_nothing_plays(near: Samples) -> None:
    assert np.array_equal(clean(near, np.zeros_like(near)), near)


@pytest.mark.parametrize("count", [0, 1, 639, 1_000])
def test_any_length_stays_what_it_is(played: Samples, near: Samples, count: int) -> None:
    assert EchoFilter().clean(near[:count], played[:count]).shape == (count,)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_played_nothing_louder_than_what_was_heard_comes_out(seed: int) -> None:
    """Noise, square waves, tones and direct current at full scale, changing every 80 ms, unlike any room."""
    random = np.random.default_rng(seed)
    count = 1_280

    def wild() -> Samples:
        at = np.arange(count)
        forms = (
            np.zeros(count),
            np.full(count, random.choice((-1, 1))),
            random.uniform(-1, 1, count),
            np.sign(random.standard_normal(count)),
            1e-5 * random.standard_normal(count),
            np.sin(at * random.uniform(0.001, 3)),
        )
        return forms[random.integers(len(forms))].astype(np.float32)

    echo = EchoFilter()
    for _ in range(100):
        played = wild()
        heard = played * np.float32(10 ** random.uniform(-3, 0)) if random.random() < 0.3 else wild()
        left = echo.clean(heard, played)
        assert np.mean(left**2) <= 1.001 * np.mean(heard**2)
