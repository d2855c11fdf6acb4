"""Greedy decoding under a boost list: what it may change, and what it may never do."""

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
from engine.decoding.boosted_ctc import BoostedCtc
from engine.decoding.boosted_transducer import BoostedTransducer
from engine.decoding.ctc import GreedyCtc
from engine.decoding.guard import Chooser, Guard
from engine.decoding.hypothesis import Emission
from engine.decoding.transducer import GreedyTransducer
from engine.types import BoostPhrase, Frames
from tests.helpers.decoding import TableNets, log_softmax

PIECES = ["▁the", "▁ku", "▁cu", "ber", "netes", "▁is", "▁", "nets"]
BLANK = len(PIECES)


def boosted(*phrases: str) -> Boost:
    return compile_boost([BoostPhrase(phrase) for phrase in phrases], Pieces(PIECES))


def rows(*frames: dict[str, float]) -> Frames:
    """Log-probabilities [T, pieces + blank]; what a frame does not give goes to the blank."""
    scores = np.full((len(frames), BLANK + 1), 1e-7)
    for row, given_ in zip(scores, frames, strict=True):
        for piece, probability in given_.items():
            row[PIECES.index(piece)] = probability
        row[BLANK] = max(1.0 - sum(given_.values()), 1e-7)
    return np.log(scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def ctc(*phrases: str) -> BoostedCtc:
    return BoostedCtc(lambda frames: frames, BLANK, Chooser(boosted(*phrases)))


def decoded(decoder: Any, chunks: Sequence[Frames]) -> list[Emission]:
    state, emitted = decoder.start(), []
    for chunk in chunks:
        new, state = decoder.step(chunk, state)
        emitted += new
    return emitted


def text(emissions: Sequence[Emission]) -> str:
    return "".join(PIECES[e.token] for e in emissions).replace("▁", " ").strip()


def test_a_name_is_chosen_where_it_is_nearly_as_probable() -> None:
    scores = rows({"▁cu": 0.6, "▁ku": 0.3}, {"▁cu": 0.6, "▁ku": 0.3}, {"ber": 0.9}, {}, {"nets": 0.6, "netes": 0.3}, {})
    found = decoded(ctc("Kubernetes"), [scores])
    assert text(found) == "kubernetes"
    assert found[0].confidence == pytest.approx(0.3, abs=1e-3)
    assert text(decoded(ctc("Other"), [scores])) == "cubernets"


def test_a_run_is_one_token_also_when_its_peak_is_the_swapped_one() -> None:
    scores = rows({"▁cu": 0.6, "▁ku": 0.3}, {"▁ku": 0.8}, {"▁ku": 0.8}, {"ber": 0.9}, {})
    assert text(decoded(ctc("Kubernetes"), [scores])) == "kuber"


def test_a_skipped_piece_comes_back() -> None:
    scores = rows({"▁ku": 0.9}, {}, {"ber": 0.9}, {}, {"netes": 0.1}, {"netes": 0.3}, {"netes": 0.1}, {}, {"▁is": 0.9})
    found = decoded(ctc("Kubernetes"), [scores])
    assert text(found) == "kubernetes is"
    assert [e.frame for e in found] == [0, 2, 5, 8]
    assert text(decoded(GreedyCtc(lambda f: f, BLANK), [scores])) == "kuber is"


@pytest.mark.parametrize("peak", ["netes", "nets"])
def test_the_rising_edge_of_a_token_is_no_skipped_one(peak: str) -> None:
    scores = rows({"▁ku": 0.9}, {}, {"ber": 0.9}, {}, {"netes": 0.3}, {peak: 0.9}, {}, {"▁is": 0.9})
    assert text(decoded(ctc("Kubernetes"), [scores])) == f"kuber{peak} is"


def test_a_token_far_from_probable_is_never_chosen() -> None:
    scores = rows({"▁ku": 0.9}, {"ber": 0.9}, {"▁is": 0.99, "netes": 1e-5}, {})
    assert text(decoded(ctc("Kubernetes"), [scores])) == "kuber is"


def test_the_blank_is_not_beaten_for_ever() -> None:
    scores = rows(*[{"▁the": 0.2, "▁ku": 0.2, "ber": 0.2}, {}] * 40)
    assert 0 < len(decoded(ctc("the ku", "ku the", "ku", "the"), [scores])) <= Guard().lifts


CTC_CHUNKS = st.lists(st.integers(1, 6), min_size=1, max_size=6)


@given(st.integers(0, 10_000), CTC_CHUNKS)
def test_ctc_without_a_match_is_the_models_own_and_chunks_change_nothing(seed: int, sizes: list[int]) -> None:
    made = np.random.default_rng(seed)
    scores = log_softmax(made.normal(0, 3, (sum(sizes), BLANK + 1))).astype(np.float32)
    chunks = np.split(scores, np.cumsum(sizes))
    assert decoded(ctc("zzz"), chunks) == decoded(GreedyCtc(lambda f: f, BLANK), [scores])
    assert decoded(ctc("Kubernetes", "the cu"), chunks) == decoded(ctc("Kubernetes", "the cu"), [scores])


@settings(max_examples=50)
@given(st.integers(0, 10_000), CTC_CHUNKS, st.sampled_from([(), (0, 1, 2, 4)]))
def test_transducers_without_a_match_are_the_models_own_and_jumps_past_a_chunk_change_nothing(
    seed: int, sizes: list[int], durations: tuple[int, ...]
) -> None:
    outputs = BLANK + 1 + len(durations)
    frames = np.random.default_rng(seed).normal(0, 2, (sum(sizes), outputs)).astype(np.float32)
    frames[:, BLANK] += 3
    nets, chunks = TableNets(outputs, BLANK, seed), np.split(frames, np.cumsum(sizes))

    def under(*phrases: str) -> BoostedTransducer:
        return BoostedTransducer(nets, BLANK, durations, 3, Chooser(boosted(*phrases)))

    assert decoded(under("zzz"), chunks) == decoded(GreedyTransducer(nets, BLANK, durations, 3), [frames])
    assert decoded(under("Kubernetes", "the cu"), chunks) == decoded(under("Kubernetes", "the cu"), [frames])


class _Spelling:
    """A transducer that says what its frames say; what was said at a frame is not said again."""

    def start(self) -> Any:
        return TableNets(1, 0).start()

    def predict(self, token: int, previous: Any) -> Any:
        return TableNets(1, 0).predict(token, previous)

    def joint(self, frames: Frames, predictions: Sequence[Any]) -> Frames:
        return np.stack([[self._one(frame, p.history) for p in predictions] for frame in frames])

    def _one(self, frame: Frames, history: tuple[int, ...]) -> Frames:
        row = frame.copy()
        if history:
            row[history[-1]] -= 12
        return row


@pytest.mark.parametrize("durations", [(), (0, 1, 2)])
def test_transducers_swap_and_bring_back(durations: tuple[int, ...]) -> None:
    scores = rows({"▁cu": 0.45, "▁ku": 0.25}, {}, {"ber": 0.9}, {}, {"netes": 0.3}, {}, {"▁is": 0.9}, {})
    one_after = np.tile(np.log([0.05, 0.9, 0.05])[: len(durations)].astype(np.float32), (len(scores), 1))
    frames = np.concatenate([scores, one_after], axis=1) if durations else scores
    chooser = Chooser(boosted("Kubernetes"))
    found = decoded(BoostedTransducer(_Spelling(), BLANK, durations, 5, chooser), np.split(frames, [3, 5]))
    assert text(found) == "kubernetes is"
    assert [e.frame for e in found] == [0, 2, 4, 6]
    assert text(decoded(GreedyTransducer(_Spelling(), BLANK, durations, 5), [frames])) == "cuber is"


def test_a_match_goes_on_in_a_decoder_that_takes_over() -> None:
    head = rows({"▁ku": 0.9}, {"ber": 0.9}, {})
    plain = GreedyCtc(lambda frames: frames, BLANK)
    said, state = plain.step(head, plain.start())
    decoder = ctc("Kubernetes")
    emitted, _ = decoder.step(rows({"nets": 0.6, "netes": 0.3}, {}), decoder.resume(state, [e.token for e in said]))
    assert text(emitted) == "netes"
