"""Any device's frames become 80 ms chunks of 16 kHz mono: nothing lost, nothing added, however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.audio.chunks import ChunkCutter, mix_down
from app.core.ports import AudioChunk
from tests.helpers.sound import check_chunks

RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)


def cut(frames: NDArray[np.float32], rate: int, cuts: list[int]) -> list[AudioChunk]:
    cutter = ChunkCutter()
    chunks = []
    for time, piece in enumerate(np.split(frames, cuts)):
        chunks += cutter.push(piece, rate, arrived=float(time))
    return chunks + list(cutter.flush())


def joined(chunks: list[AudioChunk]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])


@given(data=st.data(), rate=st.sampled_from(RATES), channels=st.integers(1, 6))
def test_result_does_not_depend_on_how_the_sound_was_cut(data: st.DataObject, rate: int, channels: int) -> None:
    length = data.draw(st.integers(1, rate // 2))
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=8)))
    frames = np.random.default_rng(length).uniform(-1, 1, (length, channels)).astype(np.float32)

    chunks, whole = cut(frames, rate, cuts), cut(frames, rate, [])

    check_chunks(chunks)
    assert abs(len(joined(chunks)) - length * 16_000 / rate) <= 1
    np.testing.assert_allclose(joined(chunks), joined(whole), atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_pitch_and_place(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    heard = joined(cut(tone, rate, list(range(0, rate, 441))))
    expected = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000)
    inner = slice(800, -800)  # a filter rings at the edges
    np.testing.assert_allclose(heard[inner], expected[inner], atol=1e-3)


def test_mono_is_the_mean_over_channels() -> None:
    frames = np.array([[1.0, 0.0, 0.5], [-1.0, -0.5, 0.0]], np.float32)
    np.testing.assert_allclose(mix_down(frames), [0.5, -0.5])


def test_what_is_no_number_becomes_silence() -> None:
    frames = np.array([np.nan, np.inf, -np.inf, 0.25], np.float32)
    np.testing.assert_array_equal(mix_down(frames), [0, 0, 0, 0.25])


def test_a_change_of_rate_loses_nothing() -> None:
    cutter = ChunkCutter()
    chunks = [
        *cutter.push(np.full(48_000, 0.5, np.float32), 48_000, 1.0),
        *cutter.push(np.full((22_050, 2), 0.5, np.float32), 44_100, 2.0),
        *cutter.flush(),
    ]
    check_chunks(chunks)
    assert len(joined(chunks)) == 16_000 + 8_000


def test_lost_sound_is_marked_on_the_next_chunk_only() -> None:
    cutter = ChunkCutter()
    silence = np.zeros(1_280, np.float32)
    marks = []
    for overflowed in (False, True, False):
        marks += [chunk.overflowed for chunk in cutter.push(silence, 16_000, 0.0, overflowed=overflowed)]
    assert marks == [False, True, False]


def test_a_chunk_tells_when_its_last_sample_came_and_how_loud_it_is() -> None:
    cutter = ChunkCutter()
    tone = (0.5 * np.sqrt(2) * np.sin(2 * np.pi * np.arange(1_280) / 64)).astype(np.float32)
    assert list(cutter.push(tone[:1_000], 16_000, 7.0)) == []
    (chunk,) = cutter.push(tone[1_000:], 16_000, 7.5)
    assert chunk.captured_at == 7.5
    assert chunk.level == pytest.approx(0.5, abs=1e-3)
