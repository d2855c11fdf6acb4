"""Greedy and beam search against a made-up model whose every probability is known, and the guard against loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decoding.attention import Search, beam, greedy, loop_length, revise
from engine.models.attention import Advance, DecoderState, Ids
from tests.helpers.table_model import END, FRAMES, TableModel

# The first word that looks best leads to a poor continuation: 0.6 * 0.4 against 0.4 * 0.9.
GARDEN_PATH = {
    (): {0: 0.6, 1: 0.4},
    (0,): {2: 0.4, 3: 0.35, END: 0.25},
    (1,): {2: 0.9, 3: 0.1},
}


def test_greedy_takes_the_likeliest_token_each_time() -> None:
    found = greedy(TableModel(GARDEN_PATH), FRAMES, Search(seconds=2.0))
    assert [spoken.id for spoken in found] == [0, 2]
    assert [spoken.confidence for spoken in found] == pytest.approx([0.6, 0.4], rel=1e-4)
    assert [spoken.frame for spoken in found] == [0, 3]


@pytest.mark.parametrize("width", [2, 3])
def test_beam_finds_the_likeliest_whole(width: int) -> None:
    model = TableModel(GARDEN_PATH)
    found = beam(model, FRAMES, Search(seconds=2.0), width)
    assert [spoken.id for spoken in found] == [1, 2]
    assert [spoken.confidence for spoken in found] == pytest.approx([0.4, 0.9], rel=1e-4)
    assert max(rows for rows, _ in model.calls) == width  # all branches in one call


def test_search_goes_on_behind_a_settled_prefix_whatever_the_model_thinks_of_it() -> None:
    table = {**GARDEN_PATH, (1, 3): {2: 1.0}}
    for search in (greedy, lambda *args: beam(*args, 2)):
        found = search(TableModel(table), FRAMES, Search(prefix=(1, 3), seconds=2.0))
        assert [spoken.id for spoken in found] == [2]


@given(st.dictionaries(st.lists(st.integers(0, 3), max_size=4).map(tuple), st.integers(0, 3)), st.data())
def test_a_draft_changes_the_cost_and_not_the_result(script: dict[tuple[int, ...], int], data: st.DataObject) -> None:
    table = {said: {token: 1.0} for said, token in script.items()}
    plain = greedy(TableModel(table), FRAMES, Search(seconds=2.0))
    prefix = tuple(spoken.id for spoken in plain[: data.draw(st.integers(0, len(plain)))])
    draft = tuple(data.draw(st.lists(st.integers(0, 3), max_size=4)))
    before = data.draw(st.none() | st.integers(0, 20))
    with_draft = greedy(TableModel(table), FRAMES, Search(prefix, draft, before, 2.0))
    assert with_draft == greedy(TableModel(table), FRAMES, Search(prefix, (), before, 2.0))


def test_a_draft_is_told_by_how_much_it_is_worse_where_it_was_left() -> None:
    model = TableModel(GARDEN_PATH)
    assert revise(model, FRAMES, Search(draft=(0, 2), seconds=2.0)).loss == 0  # all of it is found again
    assert revise(model, FRAMES, Search(draft=(0,), seconds=2.0)).loss == 0  # and more
    other = revise(model, FRAMES, Search(draft=(1, 2), seconds=2.0))
    assert [spoken.id for spoken in other.spoken] == [0, 2]
    assert other.loss == pytest.approx(log(0.6 / 0.4), rel=1e-4)
    # Too near the end of the sound to be looked at: nothing is said against it.
    assert revise(model, FRAMES, Search(draft=(0, 3), before=1, seconds=2.0)).loss == 0


def test_a_kept_state_changes_the_cost_and_not_the_result() -> None:
    table = {(0,) * n: {0: 1.0} for n in range(6)}
    first = revise(TableModel(table), FRAMES, Search(before=10, seconds=5.0))
    assert len(first.spoken) == 4
    for settled in (1, 2, 4):
        model, search = TableModel(table), Search((0,) * settled, (0,) * (4 - settled), None, 5.0)
        again = revise(model, FRAMES, replace(search, kept=first.state))
        assert again.spoken == revise(TableModel(table), FRAMES, search).spoken
        assert model.calls[0] == (1, 1 + 4 - settled)  # the last settled token, and the draft


def test_a_state_is_kept_no_further_than_the_draft_was_right() -> None:
    first = revise(TableModel(GARDEN_PATH), FRAMES, Search(draft=(0, 3), before=5, seconds=2.0))
    assert [spoken.id for spoken in first.spoken] == [0, 2]
    model = TableModel({(0, 2): {1: 1.0}})
    again = revise(model, FRAMES, Search(prefix=(0, 2), seconds=2.0, kept=first.state))
    assert [spoken.id for spoken in again.spoken] == [1]


def test_a_right_draft_costs_one_call() -> None:
    table = {(0,) * n: {0: 1.0} for n in range(4)}
    model = TableModel(table)
    assert len(greedy(model, FRAMES, Search(draft=(0, 0, 0, 0), seconds=5.0))) == 4
    assert model.calls == [(1, 5)]


def test_tokens_that_look_at_the_newest_frames_are_left_out() -> None:
    table = {(0,) * n: {0: 1.0} for n in range(5)}
    found = greedy(TableModel(table), FRAMES, Search(before=7, seconds=5.0))
    assert [spoken.frame for spoken in found] == [0, 3, 6]


def test_endless_talk_stops_at_the_bound() -> None:
    class Babble(TableModel):
        def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
            step = super().advance(state, tokens, scored)
            step.logits[..., (state.length * state.length) % 4] = 9.0
            return step

    assert len(greedy(Babble({}), FRAMES, Search(seconds=1.0))) <= 8
    assert len(beam(Babble({}), FRAMES, Search(seconds=1.0), 2)) <= 8


def test_a_loop_is_left_with_one_turn_of_it() -> None:
    class Loop(TableModel):
        def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
            step = super().advance(state, tokens, scored)
            for k in range(tokens.shape[1]):
                step.logits[:, k, (state.length + k) % 3] = 9.0
            return step

    found = greedy(Loop({}), FRAMES, Search(seconds=60.0))
    assert [spoken.id for spoken in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("ids", "repeated"),
    [
        ([], 0),
        ([7] * 11, 0),  # "no, no, no"
        ([7] * 12, 11),
        ([1, 2, 3, 4] * 3, 8),
        ([9, 9, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4], 8),
        ([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 5], 0),
        (list(range(30)), 0),
        (list(range(20)) * 3, 40),
    ],
)
def test_loops(ids: Sequence[int], repeated: int) -> None:
    assert loop_length(ids) == repeated
