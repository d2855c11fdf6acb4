"""Beam searches as they run in a stream: what is settled, when, and that a list changes only what it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.beam import BeamOptions, common, log_add, to_show
from engine.decoding.ctc import GreedyCtc
from engine.decoding.ctc_beam import CtcBeam
from engine.decoding.fusion import Fusion
from engine.decoding.hypothesis import Emission
from engine.decoding.transducer import GreedyTransducer
from engine.decoding.transducer_beam import TransducerBeam
from engine.types import BoostPhrase, Frames
from tests.helpers.decoding import TableNets, log_softmax

PIECES = ["▁the", "▁ku", "▁cu", "ber", "netes", "▁is", "▁"]
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


def ctc(boost: Boost | None = None, options: BeamOptions | None = None) -> CtcBeam:
    return CtcBeam(lambda frames: frames, BLANK, Fusion([boost] if boost else []), options)


def decoded(decoder: Any, chunks: Sequence[Frames]) -> list[Emission]:
    state, emitted = decoder.start(), []
    for chunk in chunks:
        new, state = decoder.step(chunk, state)
        emitted += new
    return emitted + (decoder.settle(state)[0] if hasattr(decoder, "settle") else [])


def text(emissions: Sequence[Emission]) -> str:
    return "".join(PIECES[e.token] for e in emissions).replace("▁", " ").strip()


SENTENCE = rows({"▁the": 0.9}, {}, {"▁cu": 0.6, "▁ku": 0.3}, {"ber": 0.9}, {}, {"netes": 0.8}, {}, {"▁is": 0.9}, {})


def test_ctc_hears_a_boosted_name_and_says_the_models_own_confidence() -> None:
    assert text(decoded(ctc(), [SENTENCE])) == "the cubernetes is"
    found = decoded(ctc(boosted("Kubernetes")), [SENTENCE])
    assert text(found) == "the kubernetes is"
    assert [e.frame for e in found] == [0, 2, 3, 5, 7]
    assert [e.confidence for e in found] == pytest.approx([0.9, 0.3, 0.9, 0.8, 0.9], abs=1e-3)


def test_a_boosted_prefix_is_given_back_when_the_word_goes_on_otherwise() -> None:
    scores = rows({"▁cu": 0.6, "▁ku": 0.3}, {"ber": 0.9}, {}, {"▁is": 0.9}, {})
    assert text(decoded(ctc(boosted("Kubernetes")), [scores])) == "cuber is"


def test_a_token_nobody_would_try_is_tried_when_a_match_needs_it() -> None:
    scores = rows({"▁ku": 0.9}, {"ber": 0.9}, {"▁is": 0.9 - 3e-3, "netes": 3e-3, "▁the": 0.05}, {})
    narrow = BeamOptions(candidates=2)
    assert text(decoded(ctc(boosted("Kubernetes"), narrow), [scores])) == "kubernetes"


def test_time_of_a_token_is_where_it_was_most_probable() -> None:
    scores = rows({"▁the": 0.01}, {}, {"▁the": 0.02}, {"▁the": 0.95}, {})
    assert [e.frame for e in decoded(ctc(), [scores])] == [3]


def random_scores(seed: int, length: int) -> Frames:
    made = np.random.default_rng(seed)
    return log_softmax(made.normal(0, 3, (length, BLANK + 1))).astype(np.float32)


def transducer(seed: int, durations: tuple[int, ...], boost: Boost | None) -> TransducerBeam:
    nets = TableNets(BLANK + 1 + len(durations), BLANK, seed)
    return TransducerBeam(nets, BLANK, durations, 3, Fusion([boost] if boost else []))


def random_frames(seed: int, length: int, durations: tuple[int, ...]) -> Frames:
    frames = np.random.default_rng(seed).normal(0, 2, (length, BLANK + 1 + len(durations)))
    frames[:, BLANK] += 3
    return frames.astype(np.float32)


@settings(max_examples=25)
@example(3072, [1, 1, 1, 4, 5, 5, 2], ())
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 5), min_size=2, max_size=8),
    st.sampled_from(["ctc", (), (0, 1, 2, 4)]),
)
def test_what_is_settled_stays_and_what_is_shown_begins_with_it(seed: int, sizes: list[int], kind: Any) -> None:
    boost = boosted("Kubernetes", "the cu")
    decoder: Any = ctc(boost) if kind == "ctc" else transducer(seed, kind, boost)
    frames = random_scores(seed, sum(sizes)) if kind == "ctc" else random_frames(seed, sum(sizes), kind)
    state, settled = decoder.start(), []
    for chunk in np.split(frames, np.cumsum(sizes)):
        new, state = decoder.step(chunk, state)
        settled += new
        assert len(decoder.alternatives(state)[0].emissions) <= 60
        shown = settled + decoder.tail(state)
        assert [e.frame for e in shown] == sorted(e.frame for e in shown)
        assert all(0 <= e.confidence <= 1 for e in shown)
    assert [e.frame for e in settled] == sorted(e.frame for e in settled)
    rest, plain = decoder.settle(state)
    assert plain.frames == sum(sizes)
    assert [e.token for e in rest] == [e.token for e in decoder.alternatives(state)[0].emissions]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=8), st.sampled_from([(), (0, 1, 2, 4)]))
def test_chunk_borders_and_jumps_over_them_change_nothing(
    seed: int, sizes: list[int], durations: tuple[int, ...]
) -> None:
    frames = random_frames(seed, sum(sizes), durations)
    at_once = decoded(transducer(seed, durations, boosted("Kubernetes", "the cu")), [frames])
    in_chunks = decoded(
        transducer(seed, durations, boosted("Kubernetes", "the cu")), np.split(frames, np.cumsum(sizes))
    )
    assert [(e.token, e.frame, e.duration) for e in in_chunks] == [(e.token, e.frame, e.duration) for e in at_once]


def test_a_token_is_settled_after_some_patience_though_paths_disagree() -> None:
    options = BeamOptions(patience=5)
    decoder = ctc(options=options)
    scores = rows({"▁cu": 0.5, "▁ku": 0.45}, *[{"▁is": 0.01}] * 7)
    state, settled_at = decoder.start(), {}
    for frame in range(len(scores)):
        emitted, state = decoder.step(scores[frame : frame + 1], state)
        settled_at.update({e.token: frame for e in emitted})
    assert settled_at == {PIECES.index("▁cu"): 5}


@dataclass(frozen=True)
class _Reading:
    tokens: tuple[int, ...]
    rank: float
    emissions: tuple[Emission, ...] = ()


def test_what_is_shown_is_kept_while_it_is_nearly_as_good() -> None:
    best, shown, far = _Reading((1, 2, 3), -1.0), _Reading((1, 4), -1.8), _Reading((1, 4, 5), -2.5)
    assert to_show([best, shown, far], (1, 4, 5), BeamOptions(loyalty=1.0)) is shown
    assert to_show([best, shown, far], (1, 4, 5), BeamOptions(loyalty=2.0)) is far
    assert to_show([best, shown, far], (7,), BeamOptions(loyalty=2.0)) is best


SILENCE = [rows({}), rows({"▁ku": 0.01}), rows({"▁ku": 0.04, "▁the": 0.01}), rows({"▁": 0.03})]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_heard_in_silence_with_a_list(seed: int) -> None:
    picks = np.random.default_rng(seed).integers(0, len(SILENCE), 1_000)
    scores = np.concatenate([SILENCE[i] for i in picks])
    assert decoded(ctc(boosted("Kubernetes", "the cu")), np.array_split(scores, 150)) == []


def test_a_long_stretch_loses_no_words() -> None:
    words = np.concatenate([SENTENCE, rows({}, {"▁is": 0.02}, {})])
    many = np.concatenate([words] * 80)
    found = text(decoded(ctc(boosted("Kubernetes")), np.array_split(many, 120))).split()
    assert found == ["the", "kubernetes", "is"] * 80


ONE_AT_A_TIME = rows(
    {"▁the": 0.9}, {}, {"▁cu": 0.45, "▁ku": 0.25}, {"ber": 0.9}, {}, {"netes": 0.8}, {}, {"▁is": 0.9}, {}
)


class _Clear:
    """A transducer that says what its frames say, once: a piece at its frame, then the blank."""

    def start(self) -> Any:
        return TableNets(1, 0).start()

    def predict(self, token: int, previous: Any) -> Any:
        return TableNets(1, 0).predict(token, previous)

    def joint(self, frames: Frames, predictions: Sequence[Any]) -> Frames:
        return np.stack([[self._one(frame, p.history) for p in predictions] for frame in frames])

    def _one(self, frame: Frames, history: tuple[int, ...]) -> Frames:
        row = frame.copy()
        if history:  # what was just said is not said again
            row[history[-1]] -= 12
        return row


class _Endless(_Clear):
    """Never says the blank."""

    def _one(self, frame: Frames, history: tuple[int, ...]) -> Frames:
        row = super()._one(frame, history)
        row[BLANK] = -50
        return row


def with_durations(scores: Frames, durations: tuple[int, ...]) -> Frames:
    """Frames of a transducer that mostly goes on by one frame."""
    one_after = np.tile(np.log([0.05, 0.9, 0.05])[: len(durations)].astype(np.float32), (len(scores), 1))
    return np.concatenate([scores, one_after], axis=1)


@pytest.mark.parametrize("durations", [(), (0, 1, 2)])
@pytest.mark.parametrize("phrases", [(), ("Kubernetes", "the cu")])
def test_transducers_hear_nothing_in_silence(durations: tuple[int, ...], phrases: tuple[str, ...]) -> None:
    picks = np.random.default_rng(1).integers(0, len(SILENCE), 500)
    scores = with_durations(np.concatenate([SILENCE[i] for i in picks]), durations)
    fusion = Fusion([boosted(*phrases)] if phrases else [])
    assert decoded(TransducerBeam(_Clear(), BLANK, durations, 5, fusion), np.array_split(scores, 80)) == []


@pytest.mark.parametrize("most", [1, 3])
def test_a_transducer_that_never_stops_says_so_many_symbols_a_frame(most: int) -> None:
    frames = random_frames(1, 20, ())
    found = decoded(TransducerBeam(_Endless(), BLANK, (), most, Fusion()), [frames])
    assert Counter(e.frame for e in found) == dict.fromkeys(range(20), most)


@pytest.mark.parametrize("durations", [(), (0, 1, 2)])
def test_transducers_hear_a_boosted_name_and_nothing_is_lost_in_a_long_stretch(durations: tuple[int, ...]) -> None:
    many = np.concatenate([with_durations(ONE_AT_A_TIME, durations)] * 40)
    plain = decoded(GreedyTransducer(_Clear(), BLANK, durations, 5), [many])
    assert text(plain).split() == ["the", "cubernetes", "is"] * 40
    beam = TransducerBeam(_Clear(), BLANK, durations, 5, Fusion([boosted("Kubernetes")]))
    found = decoded(beam, np.array_split(many, 40))
    assert text(found).split() == ["the", "kubernetes", "is"] * 40
    assert [e.frame for e in found] == [e.frame for e in plain]


def test_without_scores_a_clear_signal_decodes_as_greedily() -> None:
    found, expected = decoded(ctc(), [SENTENCE]), decoded(GreedyCtc(lambda f: f, BLANK), [SENTENCE])
    assert [(e.token, e.frame) for e in found] == [(e.token, e.frame) for e in expected]
    assert [e.confidence for e in found] == pytest.approx([e.confidence for e in expected], abs=1e-6)


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=6))
def test_log_add(logs: list[float]) -> None:
    total = -np.inf
    for value in logs:
        total = log_add(total, value)
    assert total == pytest.approx(float(np.log(np.exp(logs).sum())), abs=1e-9)


def test_common() -> None:
    assert common((1, 2, 3), (1, 2, 4)) == 2
    assert common((), (1,)) == 0
