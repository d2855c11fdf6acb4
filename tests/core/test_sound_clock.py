"""Where the seconds of a source's sound lie on the clock: late chunks change nothing, missed sound does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from app.captions.timeline import Timeline
from app.core.ports import CHUNK_SAMPLES, AudioChunk
from app.core.sound_clock import TOLERANCE, WATCHED, SoundClock
from engine.types import SAMPLE_RATE

CHUNK = CHUNK_SAMPLES / SAMPLE_RATE
SILENCE = np.zeros(CHUNK_SAMPLES, np.float32)


def chunk(arrived: float) -> AudioChunk:
    return AudioChunk(SILENCE, 0, arrived, 0.0)


def told(clock: SoundClock, chunks: Iterable[AudioChunk]) -> list[tuple[float, float]]:
    return [place for each in chunks for place in clock.hear(each)]


def at(places: Iterable[tuple[float, float]], second: float) -> float:
    """When a second of sound was captured, on the clock of the chunks; the first sound was at 100."""
    timeline = Timeline()
    timeline.place("other", 0.0, 0.0)
    for since, when in places:
        timeline.place("mic", since, when)
    return timeline.at("mic", second)


@pytest.mark.parametrize("seed", range(10))
def test_chunks_that_come_late_now_and_then_do_not_move_the_time(seed: int) -> None:
    chance = random.Random(seed)
    ends = [100.0 + CHUNK * (index + 1) for index in range(3_000)]
    late = [end + (chance.random() * 3 if chance.random() < 0.2 else 0.01) for end in ends]
    places = told(SoundClock(), map(chunk, late))
    assert at(places, 200.0) == pytest.approx(300.0, abs=TOLERANCE + 0.01)
    assert len(places) <= 5


def test_a_device_that_was_gone_is_heard_from_where_it_came_back() -> None:
    clock = SoundClock()
    places = told(clock, (chunk(100.0 + CHUNK * (index + 1)) for index in range(100)))
    clock.interrupt()
    places += told(clock, (chunk(400.0 + CHUNK * (index + 1)) for index in range(100)))
    assert at(places, 7.9) == pytest.approx(107.9)
    assert at(places, 8.1) == pytest.approx(400.1)


def test_lost_sound_is_noticed_at_once_where_the_device_says_so() -> None:
    clock = SoundClock()
    places = told(clock, [chunk(100.08), chunk(100.16), replace(chunk(105.24), overflowed=True), chunk(105.32)])
    assert at(places, 0.1) == pytest.approx(100.1)
    assert at(places, 0.2) == pytest.approx(105.2)


def test_sound_that_was_lost_without_a_word_is_noticed_in_a_minute() -> None:
    clock = SoundClock()
    count = round(3 * WATCHED / CHUNK)
    places = told(clock, (chunk(100.0 + CHUNK * (index + 1) + (2.0 if index > 200 else 0)) for index in range(count)))
    assert at(places, 10.0) == pytest.approx(110.0)
    assert at(places, 2.5 * WATCHED) == pytest.approx(102.0 + 2.5 * WATCHED)


def test_a_slow_clock_of_a_device_is_followed_for_hours() -> None:
    clock = SoundClock()
    slow = 1.0002
    hours = 4 * 3600
    places = told(clock, (chunk(100.0 + slow * CHUNK * (index + 1)) for index in range(round(hours / CHUNK))))
    assert at(places, hours - 1) == pytest.approx(100.0 + slow * hours, abs=2 + TOLERANCE)
    assert abs(at(places, 7_200.0) - (100.0 + slow * 7_200)) < 2 * TOLERANCE
