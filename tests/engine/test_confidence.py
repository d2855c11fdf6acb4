"""Confidence is the model's own probability of a piece, whatever guides the search; in every decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.attention import Search, Spoken, beam, greedy, n_best
from engine.decoding.boosted_ctc import BoostedCtc
from engine.decoding.boosted_transducer import BoostedTransducer
from engine.decoding.ctc import GreedyCtc
from engine.decoding.ctc_beam import CtcBeam
from engine.decoding.fusion import Fusion
from engine.decoding.guard import Chooser
from engine.decoding.hypothesis import Emission
from engine.decoding.transducer import GreedyTransducer
from engine.decoding.transducer_beam import TransducerBeam
from engine.types import BoostPhrase, Frames
from tests.helpers.decoding import TableNets, log_softmax
from tests.helpers.table_model import FRAMES, TableModel

PIECES = ["▁the", "▁ku", "▁cu", "ber", "netes", "▁is"]
BLANK = len(PIECES)
SEEDS = st.integers(0, 10_000)


def boost(strength: float = 3.0) -> Boost:
    phrases = [BoostPhrase(phrase, strength) for phrase in ("Kubernetes", "the cu", "is the")]
    return compile_boost(phrases, Pieces(PIECES))


def ctc_decoders() -> dict[str, Any]:
    return {
        "greedy": GreedyCtc(lambda frames: frames, BLANK),
        "boosted": BoostedCtc(lambda frames: frames, BLANK, Chooser(boost())),
        "beam": CtcBeam(lambda frames: frames, BLANK, Fusion()),
        "boosted beam": CtcBeam(lambda frames: frames, BLANK, Fusion([boost()])),
    }


def transducer_decoders(nets: TableNets, durations: tuple[int, ...]) -> dict[str, Any]:
    limits = (nets, BLANK, durations, 3)
    return {
        "greedy": GreedyTransducer(*limits),
        "boosted": BoostedTransducer(*limits, Chooser(boost())),
        "beam": TransducerBeam(*limits, Fusion()),
        "boosted beam": TransducerBeam(*limits, Fusion([boost()])),
    }


NAMES = list(ctc_decoders())


def decoded(decoder: Any, chunks: Sequence[Frames]) -> list[Emission]:
    state, emitted = decoder.start(), []
    for chunk in chunks:
        new, state = decoder.step(chunk, state)
        emitted += new
    return emitted + decoder.settle(state)[0]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(seed=SEEDS)
def test_ctc(name: str, seed: int) -> None:
    scores = log_softmax(np.random.default_rng(seed).normal(0, 3, (24, BLANK + 1))).astype(np.float32)
    probabilities = np.exp(scores)
    for emission in decoded(ctc_decoders()[name], np.split(scores, 6)):
        # A search may have moved the time behind that of the token before, never forward.
        assert emission.confidence == pytest.approx(
            _nearest(emission, probabilities[: emission.frame + 1, emission.token]), abs=1e-5
        )


@pytest.mark.parametrize("durations", [(), (0, 1, 2)])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(seed=SEEDS)
def test_transducers(name: str, durations: tuple[int, ...], seed: int) -> None:
    nets = TableNets(BLANK + 1 + len(durations), BLANK, seed)
    frames = np.random.default_rng(seed).normal(0, 2, (24, BLANK + 1 + len(durations))).astype(np.float32)
    frames[:, BLANK] += 3
    said: list[int] = []
    for emission in decoded(transducer_decoders(nets, durations)[name], np.split(frames, 6)):
        rows = np.stack([nets.logits(frame, said)[: BLANK + 1] for frame in frames[: emission.frame + 1]])
        probabilities = np.exp(log_softmax(rows))[:, emission.token]
        assert emission.confidence == pytest.approx(_nearest(emission, probabilities), abs=1e-5)
        said.append(emission.token)


def _nearest(emission: Emission, probabilities: np.ndarray) -> float:
    """The probability of the token, at its frame or at an earlier one, that is nearest to the confidence."""
    return float(probabilities[np.abs(probabilities - emission.confidence).argmin()])


def test_attention() -> None:
    pieces = ("▁ku", "▁cu", "ber", "netes", "<s>", "</s>")
    table = {
        (): {1: 0.6, 0: 0.4},
        **{key: {2: 0.9, 3: 0.1} for key in [(0,), (1,)]},
        **{key: {3: 0.8, 2: 0.2} for key in [(0, 2), (1, 2)]},
    }
    model, search = TableModel(table, pieces=pieces), Search(seconds=5.0)
    listed = compile_boost([BoostPhrase("Kubernetes", 3.0)], Pieces(pieces))
    found: list[Sequence[Spoken]] = [
        greedy(model, FRAMES, search),
        greedy(model, FRAMES, search, Chooser(listed)),
        beam(model, FRAMES, search, 3),
        beam(model, FRAMES, search, 3, Fusion([listed])),
        *(branch.spoken for branch in n_best(model, FRAMES, search, 3, Fusion([listed]))),
    ]
    assert {spoken[0].id for spoken in found} == {0, 1}
    for transcript in found:
        said: tuple[int, ...] = ()
        for spoken in transcript:
            own = table.get(said, {}).get(spoken.id, 0.0)
            assert spoken.confidence == pytest.approx(own, abs=1e-6)
            said += (spoken.id,)
