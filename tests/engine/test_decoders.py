"""Greedy decoders on hand-made scores: rules that no reference recording happens to reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decoding.ctc import GreedyCtc
from engine.decoding.hypothesis import Decoder, Emission
from engine.decoding.transducer import GreedyTransducer
from engine.models.parts import already_scored
from engine.models.session import Array
from engine.models.transducer_nets import Prediction
from engine.types import Frames

BLANK = 3
A, B, C = 0, 1, 2


def _rows(symbols: Sequence[int]) -> Frames:
    """Log-probabilities whose best symbols are these, each with probability 0.7."""
    rows = np.full((len(symbols), BLANK + 1), np.log(0.1), np.float32)
    rows[np.arange(len(symbols)), symbols] = np.log(0.7)
    return rows


def _run(decoder: Decoder, frames: Frames, cuts: Sequence[int]) -> list[Emission]:
    state, emitted = decoder.start(), []
    for part in np.split(frames, sorted(cuts)):
        said, state = decoder.step(part, state)
        emitted += said
    return emitted


def _collapse(symbols: Sequence[int]) -> list[tuple[int, int]]:
    """CTC by its definition: first frame of every run that is no blank."""
    return [(symbol, t) for t, symbol in enumerate(symbols) if symbol != BLANK and (t == 0 or symbols[t - 1] != symbol)]


@given(st.lists(st.integers(0, BLANK), max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_ctc_collapses_repeats_wherever_chunks_end(symbols: list[int], cuts: list[int]) -> None:
    emitted = _run(GreedyCtc(already_scored, BLANK), _rows(symbols), [min(cut, len(symbols)) for cut in cuts])
    assert [(emission.token, emission.frame) for emission in emitted] == _collapse(symbols)


def test_ctc_confidence_is_the_probability_of_the_symbol() -> None:
    (emission,) = _run(GreedyCtc(already_scored, BLANK), _rows([A]), [])
    assert emission.confidence == pytest.approx(0.7)


class ScriptedNets:
    """A transducer whose joint answers by the frame alone: a frame holds what is said there, in turn.

    Frame values are indices into `script`; the n-th visit of a frame gives the n-th (token, duration) of its
    entry, and blank with duration 1 when they are used up.
    """

    def __init__(self, script: Sequence[Sequence[tuple[int, int]]], durations: int) -> None:
        self._script = [list(entry) for entry in script]
        self._durations = durations
        self.visits: list[int] = []

    def start(self) -> Prediction:
        return Prediction(BLANK, (np.zeros(0), np.zeros(0)))

    def predict(self, token: int, previous: Prediction) -> Prediction:
        return Prediction(token, previous.before)

    def joint(self, frames: Frames, predictions: Sequence[Prediction]) -> Array:
        assert len(frames) == len(predictions) == 1
        frame = int(frames[0, 0])
        self.visits.append(frame)
        token, duration = self._script[frame].pop(0) if self._script[frame] else (BLANK, 1)
        scores = np.zeros((1, 1, BLANK + 1 + self._durations), np.float32)
        scores[0, 0, token] = 5.0
        if self._durations:
            # Higher than any token: the two groups must not be compared with each other.
            scores[0, 0, BLANK + 1 + duration] = 9.0
        return scores


def _frames(count: int) -> Frames:
    return np.arange(count, dtype=np.float32)[:, None]


def _tdt(script: Sequence[Sequence[tuple[int, int]]], max_symbols: int = 10) -> tuple[GreedyTransducer, ScriptedNets]:
    nets = ScriptedNets(script, durations=5)
    return GreedyTransducer(nets, BLANK, (0, 1, 2, 3, 4), max_symbols), nets


def _said(emitted: list[Emission]) -> list[tuple[int, int, int]]:
    return [(emission.token, emission.frame, emission.duration) for emission in emitted]


@pytest.mark.parametrize("cuts", [[], [2], [1, 2, 3, 4, 5], [3, 3]])
def test_tdt_skips_run_on_into_the_next_chunks(cuts: list[int]) -> None:
    decoder, nets = _tdt([[(A, 0), (B, 4)], [], [], [], [(C, 3)], [], [], [(A, 1)]])
    assert _said(_run(decoder, _frames(8), cuts)) == [(A, 0, 0), (B, 0, 4), (C, 4, 3), (A, 7, 1)]
    assert nets.visits == [0, 0, 4, 7]


def test_tdt_skip_beyond_several_chunks() -> None:
    decoder, nets = _tdt([[(A, 4)], [], [], [], [(B, 1)]])
    assert _said(_run(decoder, _frames(5), [1, 2, 3, 4])) == [(A, 0, 4), (B, 4, 1)]
    assert nets.visits == [0, 4]


def test_a_blank_that_skips_nothing_counts_as_one_frame() -> None:
    decoder, nets = _tdt([[(BLANK, 0)] * 9, [(A, 1)]])
    assert _said(_run(decoder, _frames(2), [])) == [(A, 1, 1)]
    assert nets.visits == [0, 1]


def test_blank_skips_are_taken_too() -> None:
    decoder, nets = _tdt([[(BLANK, 3)], [(A, 1)], [(B, 1)], [(C, 1)]])
    assert _said(_run(decoder, _frames(4), [2])) == [(C, 3, 1)]
    assert nets.visits == [0, 3]


def test_tdt_leaves_a_frame_after_the_last_symbol_allowed() -> None:
    decoder, _ = _tdt([[(A, 0)] * 50, [(B, 1)]], max_symbols=3)
    assert _said(_run(decoder, _frames(2), [])) == [(A, 0, 0)] * 3 + [(B, 1, 1)]


def test_a_duration_of_the_last_symbol_allowed_is_not_lengthened() -> None:
    decoder, nets = _tdt([[(A, 0), (B, 2)], [(C, 1)], [(C, 1)]], max_symbols=2)
    assert _said(_run(decoder, _frames(3), [])) == [(A, 0, 0), (B, 0, 2), (C, 2, 1)]
    assert nets.visits == [0, 0, 2]


def test_rnnt_stays_on_a_frame_until_the_blank_or_the_bound() -> None:
    nets = ScriptedNets([[(A, 0), (B, 0)], [(C, 0)] * 50, [(A, 0)]], durations=0)
    decoder = GreedyTransducer(nets, BLANK, (), 3)
    emitted = _run(decoder, _frames(3), [1])
    assert _said(emitted) == [(A, 0, 0), (B, 0, 0), (C, 1, 0), (C, 1, 0), (C, 1, 0), (A, 2, 0)]
    assert nets.visits == [0, 0, 0, 1, 1, 1, 2, 2]


def test_confidence_is_among_tokens_and_blank_only() -> None:
    decoder, _ = _tdt([[(A, 1)]])
    (emission,) = _run(decoder, _frames(1), [])
    assert emission.confidence == pytest.approx(np.exp(5) / (np.exp(5) + 3))
