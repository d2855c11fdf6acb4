"""Attention decoders under a boost list: what is attempted, what is taken back, and what a wide search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.attention import Search, Spoken, beam, greedy
from engine.decoding.fusion import Fusion
from engine.decoding.guard import Chooser
from engine.types import BoostPhrase
from tests.helpers.table_model import END, FRAMES, TableModel

PIECES = ("▁ku", "▁cu", "ber", "netes", "<s>", "</s>")
KU, CU, BER, NETES = range(4)
Table = Mapping[tuple[int, ...], Mapping[int, float]]

MISHEARD: Table = {
    (): {CU: 0.6, KU: 0.3},
    **{(first,): {BER: 0.9} for first in (KU, CU)},
    **{(first, BER): {NETES: 0.8} for first in (KU, CU)},
}
OTHER_WORD: Table = {(): {CU: 0.6, KU: 0.3}, (KU,): {END: 0.9}, (CU,): {BER: 0.9}}


def model(table: Table) -> TableModel:
    return TableModel(table, pieces=PIECES)


def boosted(*phrases: str) -> Boost:
    return compile_boost([BoostPhrase(phrase) for phrase in phrases], Pieces(PIECES))


def ids(found: Sequence[Spoken]) -> list[int]:
    return [spoken.id for spoken in found]


def decoded(table: Table, *phrases: str, search: Search | None = None) -> list[int]:
    return ids(greedy(model(table), FRAMES, search or Search(seconds=5.0), Chooser(boosted(*phrases))))


def test_a_name_is_heard_where_it_is_nearly_as_probable() -> None:
    assert decoded(MISHEARD, "Zebra") == [CU, BER, NETES]
    assert decoded(MISHEARD, "Kubernetes") == [KU, BER, NETES]


def test_what_leads_to_no_phrase_is_taken_back_also_at_the_end() -> None:
    assert decoded(OTHER_WORD, "Kubernetes") == [CU, BER]
    ended = {**OTHER_WORD, (KU,): {BER: 0.9}}
    assert decoded(ended, "Kubernetes") == [CU, BER]


def test_a_phrase_that_costs_too_much_is_taken_back() -> None:
    dear = {
        (): {CU: 0.9, KU: 0.06},
        **{(first,): {CU: 0.9, BER: 0.06} for first in (KU, CU)},
        (KU, BER): {CU: 0.9, NETES: 0.06},
        (KU, BER, NETES): {END: 1.0},
        (CU, CU): {END: 1.0},
    }
    assert decoded(dear, "Kubernetes") == [CU, CU]


def test_a_match_goes_on_from_the_settled_prefix() -> None:
    table = {(KU,): {BER: 1.0}, (KU, BER): {CU: 0.6, NETES: 0.35}}
    assert decoded(table, "Kubernetes", search=Search(prefix=(KU, BER), seconds=2.0)) == [NETES]
    assert decoded(table, "Zebra", search=Search(prefix=(KU, BER), seconds=2.0)) == [CU]


PROBABILITIES = st.dictionaries(
    st.sampled_from([KU, CU, BER, NETES, END]), st.floats(0.05, 1.0), min_size=1, max_size=3
)
TABLES = st.dictionaries(st.lists(st.sampled_from([KU, CU, BER, NETES]), max_size=3).map(tuple), PROBABILITIES)


@given(TABLES, st.lists(st.sampled_from([KU, CU, BER, NETES]), max_size=4).map(tuple))
def test_a_draft_changes_the_cost_and_not_the_result(table: Table, draft: tuple[int, ...]) -> None:
    without = decoded(table, "Kubernetes", "cu", search=Search(seconds=1.0))
    assert decoded(table, "Kubernetes", "cu", search=Search(draft=draft, seconds=1.0)) == without


@given(TABLES)
def test_a_list_of_other_words_changes_nothing(table: Table) -> None:
    plain = greedy(model(table), FRAMES, Search(seconds=1.0))
    assert decoded(table, "Zebra", search=Search(seconds=1.0)) == ids(plain)


@pytest.mark.parametrize("width", [2, 4])
def test_a_beam_follows_the_list_and_gives_back_what_it_does_not_finish(width: int) -> None:
    fusion = Fusion([boosted("Kubernetes")])
    assert ids(beam(model(MISHEARD), FRAMES, Search(seconds=2.0), width)) == [CU, BER, NETES]
    assert ids(beam(model(MISHEARD), FRAMES, Search(seconds=2.0), width, fusion)) == [KU, BER, NETES]
    assert ids(beam(model(OTHER_WORD), FRAMES, Search(seconds=2.0), width, fusion)) == [CU, BER]
