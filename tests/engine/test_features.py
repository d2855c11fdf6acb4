"""Log-mel features: NeMo's numbers, whatever the cuts, at little cost."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadSamples
from engine.features import LogMel, clean_samples, normalize
from engine.types import Frames, Samples
from tests.helpers.reference import features, recording

REFERENCE = list(features())


def _all_at_once(sound: Samples, bins: int) -> Frames:
    extractor = LogMel(bins)
    return np.concatenate((extractor.push(sound), extractor.finish()))


@pytest.mark.parametrize(("bins", "name", "expected"), REFERENCE, ids=lambda value: str(value)[:20])
def test_frames_equal_nemos(bins: int, name: str, expected: Frames) -> None:
    given_frames = _all_at_once(recording(name), bins)
    assert given_frames.shape == expected.shape
    assert np.abs(given_frames - expected).max() < 1e-3


@given(cuts=st.lists(st.integers(0, 12_000), max_size=30), bins=st.sampled_from([80, 128]))
def test_cuts_change_no_bit(cuts: list[int], bins: int) -> None:
    sound = recording("a5_real.flac")[:12_000]
    extractor = LogMel(bins)
    parts = [extractor.push(part) for part in np.split(sound, sorted(cuts))]
    assert np.array_equal(np.concatenate([*parts, extractor.finish()]), _all_at_once(sound, bins))


@given(samples=st.integers(0, 2_000))
def test_a_frame_comes_with_its_last_sample(samples: int) -> None:
    """Frame t is complete with sample 160 t + 199, so t + 1 frames need 160 t + 200 samples."""
    pushed = LogMel(80).push(np.zeros(samples, np.float32))
    assert len(pushed) == max((samples - 200) // 160 + 1, 0)


@given(samples=st.integers(0, 2_000))
def test_finish_gives_one_frame_for_every_160_samples(samples: int) -> None:
    sound = recording("a1_short.flac")[:samples]
    assert len(_all_at_once(sound, 80)) == samples // 160


def test_broken_samples_count_as_silence() -> None:
    sound = recording("a1_short.flac")[:4_000].copy()
    silent = sound.copy()
    sound[[100, 900, 2_000]] = np.nan, np.inf, -np.inf
    silent[[100, 900, 2_000]] = 0.0
    assert np.array_equal(LogMel(80).push(sound), LogMel(80).push(silent))


@pytest.mark.parametrize("bad", [np.zeros((2, 100), np.float32), np.zeros(100, np.int16)], ids=["stereo", "int16"])
def test_sound_of_another_kind_is_refused_in_one_sentence(bad: Samples) -> None:
    with pytest.raises(BadSamples, match=r"^Sound must be one channel of floating-point samples, not [^.]+\.$"):
        clean_samples(bad)


@given(
    st.lists(st.lists(st.floats(-20, 20, width=32), min_size=3, max_size=3), min_size=2, max_size=12),
)
def test_per_feature_normalisation_is_that_of_each_bin(rows: list[list[float]]) -> None:
    """NeMo's normalize_batch: less the mean, by the unbiased deviation plus 1e-5."""
    normal = normalize(np.array(rows, np.float32), "per_feature")
    for column, values in zip(normal.T, zip(*rows, strict=True), strict=True):
        mean, deviation = statistics.fmean(values), statistics.stdev(values)
        assert column == pytest.approx([(value - mean) / (deviation + 1e-5) for value in values], abs=1e-3)


def test_normalisation_of_a_single_frame_is_finite() -> None:
    assert np.array_equal(normalize(np.ones((1, 4), np.float32), "per_feature"), np.zeros((1, 4), np.float32))


def test_features_take_half_a_percent_of_a_core_at_most() -> None:
    sound = np.tile(recording("a2_three.flac"), 3)
    extractor = LogMel(128)
    chunks = [sound[start : start + 1280] for start in range(0, len(sound), 1280)]
    extractor.push(sound[:1280])
    started = time.process_time()
    for chunk in chunks:
        extractor.push(chunk)
    assert (time.process_time() - started) / (len(sound) / 16_000) < 0.005
