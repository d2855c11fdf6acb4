"""Beam searches wide enough to drop nothing find the sum over all alignments of every reading."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding.ctc_beam import CtcBeam
from engine.decoding.fusion import Fusion
from engine.decoding.transducer_beam import TransducerBeam
from tests.helpers.decoding import (
    EVERYTHING,
    Pairs,
    TableNets,
    every_ctc_reading,
    every_transducer_reading,
    log_softmax,
)

BLANK = 2
SEEDS = st.integers(0, 10_000)
CUTS = st.lists(st.integers(1, 3), max_size=3)


def chunks(frames: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    return np.split(frames, np.cumsum(cuts))


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 5), CUTS)
def test_ctc(seed: int, length: int, cuts: list[int]) -> None:
    made = np.random.default_rng(seed)
    scores = log_softmax(made.normal(0, 2, (length, BLANK + 1))).astype(np.float32)
    pairs = Pairs(made.normal(0, 1, (BLANK + 1, BLANK + 1)))
    beam = CtcBeam(lambda frames: frames, BLANK, Fusion([pairs]), EVERYTHING)
    state = beam.start()
    settled: list[int] = []
    for chunk in chunks(scores, cuts):
        emitted, state = beam.step(chunk, state)
        settled += [e.token for e in emitted]
    found = {
        (*settled, *(e.token for e in alternative.emissions)): alternative.score
        for alternative in beam.alternatives(state)
    }
    expected = {tokens: score + pairs.of(tokens) for tokens, score in every_ctc_reading(scores, BLANK).items()}
    assert found == pytest.approx(expected, abs=1e-5)
    best, _ = beam.settle(state)
    assert (*settled, *(e.token for e in best)) == max(expected, key=lambda tokens: expected[tokens])


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 3), CUTS, st.sampled_from([(), (0, 1, 2), (1, 2, 3)]))
def test_transducer(seed: int, length: int, cuts: list[int], durations: tuple[int, ...]) -> None:
    outputs, most = BLANK + 1 + len(durations), 2
    made = np.random.default_rng(seed)
    frames = made.normal(0, 1.5, (length, outputs)).astype(np.float32)
    nets = TableNets(outputs, BLANK, seed)
    pairs = Pairs(made.normal(0, 1, (BLANK + 1, BLANK + 1)))
    beam = TransducerBeam(nets, BLANK, durations, most, Fusion([pairs]), EVERYTHING)
    state = beam.start()
    settled: list[int] = []
    for chunk in chunks(frames, cuts):
        emitted, state = beam.step(chunk, state)
        settled += [e.token for e in emitted]
    found = {
        ((*settled, *path.tokens), path.frame): path.score + pairs.of((*settled, *path.tokens)) for path in state.paths
    }
    every = every_transducer_reading(nets, frames, BLANK, durations, most)
    expected = {reading: score + pairs.of(reading[0]) for reading, score in every.items()}
    assert found == pytest.approx(expected, abs=1e-5)
    scores = sorted((a.score for a in beam.alternatives(state)), reverse=True)
    assert scores == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-5)
