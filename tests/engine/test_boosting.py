"""A boost list over a vocabulary: which spellings match, what is shown, what the report says, what it costs."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boosting.boost import Boost
from engine.boosting.characters import fold
from engine.boosting.compile import Compiler, compile_boost
from engine.boosting.numbers import readings
from engine.boosting.pieces import Pieces
from engine.boosting.relabel import relabel
from engine.boosting.report import Risk
from engine.text.words import surface
from engine.types import BoostPhrase

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARKS = ["<unk>", "▁", "'", ".", ",", "-"]
CASED = [*MARKS, *LETTERS, *LETTERS.upper(), "▁the", "▁Ku", "ber", "▁ku", "netes", "▁New", "▁York"]
LOWER = ["<unk>", "▁", *LETTERS, "'", "▁the", "▁ku", "ber"]


def compiled(*entries: str | BoostPhrase, pieces: Sequence[str] = CASED) -> Boost:
    phrases = [BoostPhrase(entry) if isinstance(entry, str) else entry for entry in entries]
    return compile_boost(phrases, Pieces(pieces))


def spelt(text: str, pieces: Sequence[str] = CASED) -> list[int]:
    """Token ids that spell a text letter by letter."""
    return [pieces.index(c) for c in "▁" + text.replace(" ", "▁")]


def total(boost: Boost, tokens: Sequence[int], *, ended: bool = True) -> float:
    node, score = boost.start(), 0.0
    for token in tokens:
        node, added = boost.advance(node, token)
        score += added
    return score + (boost.finish(node) if ended else 0.0)


def shown(boost: Boost, pieces: Sequence[str]) -> str:
    return surface(relabel(boost, pieces, ended=True).texts).strip()


@given(st.data())
def test_every_segmentation_and_case_of_a_phrase_scores_the_same(data: st.DataObject) -> None:
    boost = compiled("Kubernetes")
    tokens, rest = [], "▁kubernetes"
    while rest:
        fitting = [i for i, piece in enumerate(CASED) if rest.startswith(piece.lower()) and piece != "<unk>"]
        token = data.draw(st.sampled_from(fitting))
        tokens.append(token)
        rest = rest[len(CASED[token]) :]
    assert total(boost, tokens) == pytest.approx(total(boost, spelt("kubernetes")))
    assert total(boost, tokens) > 5


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("Kubernetes", "kubernetes"),
        ("NVIDIA", "Nvidia"),
        ("GPU", "G P U"),
        ("GPU", "gee pee you"),
        ("A320", "a three twenty"),
        ("A320", "a three two zero"),
        ("PowerPoint", "power point"),
        ("Coca-Cola", "coca cola"),
        ("Coca-Cola", "cocacola"),
        ("AT&T", "at and t"),
        ("C++", "C plus plus"),
        ("node.js", "node dot js"),
        ("O'Brien", "OBrien"),
        ("Zoë", "Zoe"),
        ("Łukasz", "Lukasz"),
        ("New York", "new york"),
        ("Qt 6", "qt six"),
    ],
)
def test_what_is_heard_is_shown_as_typed(entry: str, said: str) -> None:
    pieces = [CASED[token] for token in spelt(f"the {said}")]
    assert shown(compiled(entry), pieces) == f"the {entry}"


def test_sounds_like_is_another_spelling_of_the_entry() -> None:
    boost = compiled(BoostPhrase("Caique", sounds_like=("kai eek",)))
    assert shown(boost, ["▁k", "a", "i", "▁e", "e", "k", "'", "s"]) == "Caique's"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁ku", "ber", "netes", ","], "Kubernetes,"),
        (["▁ku", "ber", "netes", "'", "s", "."], "Kubernetes's."),
        (["▁(", "ku", "ber", "netes", ")"], "(Kubernetes)"),
        (["▁ku", "ber", "netesy"], "kubernetesy"),
        (["▁sku", "ber", "netes"], "skubernetes"),
    ],
)
def test_only_whole_words_are_shown_as_typed(pieces: list[str], expected: str) -> None:
    assert shown(compiled("Kubernetes"), pieces) == expected


def test_words_of_an_entry_stay_at_their_own_tokens() -> None:
    found = relabel(compiled("GPU cluster"), ["▁g", "▁p", "▁u", "▁clu", "ster", "."], ended=True)
    assert found.texts == ("▁GPU", "", "", "▁cluster", "", ".")


def test_an_entry_without_capitals_keeps_the_first_letter_of_a_sentence() -> None:
    assert shown(compiled("kubernetes"), ["▁Ku", "ber", "netes"]) == "Kubernetes"


def test_tokens_of_a_match_in_progress_are_not_decided() -> None:
    boost = compiled("New York City")
    assert relabel(boost, ["▁the", "▁new", "▁york"], ended=False).decided == 1
    assert relabel(boost, ["▁the", "▁new", "▁york", "▁is"], ended=False).decided == 4
    assert relabel(boost, ["▁the", "▁new", "▁york"], ended=True).decided == 3


def test_children_go_on_with_the_live_match_and_open_new_ones() -> None:
    boost = compiled("Kubernetes", "York")
    at_start = {CASED[token] for token in boost.children(boost.start())}
    assert {"▁Ku", "▁ku", "▁York"} <= at_start and "▁the" not in at_start
    node, _ = boost.advance(boost.start(), CASED.index("▁ku"))
    children = {CASED[token] for token in boost.children(node)}
    assert {"ber", "b", "B", "▁York"} <= children and not {"netes", "a", "y"} & children


@given(st.lists(st.sampled_from(range(len(CASED))), max_size=12))
def test_children_are_the_tokens_that_leave_something_alive(tokens: list[int]) -> None:
    boost = compiled("Kubernetes", "the York", "cat")
    node = boost.start()
    for token in tokens:
        node, _ = boost.advance(node, token)
    for token in boost.children(node):
        after, _ = boost.advance(node, int(token))
        assert boost.node_text(after).strip()


def test_the_report_leaves_nothing_silently_dead() -> None:
    boost = compiled("Kubernetes", "kubernetes", "日本", "cat", "...", BoostPhrase("Loud", 99.0), pieces=LOWER)
    first, twin, foreign, short, empty, loud = boost.report.entries
    assert first.alive and first.spellings == 1 and not first.risks
    assert not twin.alive and twin.collides == ("Kubernetes",)
    assert not foreign.alive and foreign.unwritable == ("日本",)
    assert short.risks == (Risk.SHORT, Risk.COMMON)
    assert not empty.alive and empty.unwritable == ("...",)
    assert loud.risks == (Risk.LOUD,)
    assert boost.report.dead == (twin, foreign, empty)


def test_letters_the_vocabulary_knows_only_as_bytes_match_as_bytes() -> None:
    with_bytes = [*LOWER, *(f"<0x{value:02X}>" for value in range(256))]
    boost = compiled("żaba", pieces=with_bytes)
    pieces = ["▁", "<0xC5>", "<0xBC>", "a", "b", "a"]
    assert total(boost, [with_bytes.index(piece) for piece in pieces]) > 3
    assert shown(boost, pieces) == "żaba"


def test_short_and_common_words_and_large_lists_are_damped() -> None:
    alone = total(compiled("Kubernetes"), spelt("kubernetes"))
    crowd = [BoostPhrase(f"Q{a}{b}{c}x") for a in "bcdfg" for b in LETTERS for c in LETTERS[:8]]
    assert total(compiled(*crowd, "Kubernetes"), spelt("kubernetes")) < alone
    assert total(compiled("cat"), spelt("cat")) < 0.25 * total(compiled("catqz"), spelt("catqz"))
    assert total(compiled(BoostPhrase("window", 2.0)), spelt("window")) > 4 * total(compiled("window"), spelt("window"))


def test_common_words_that_begin_a_phrase_earn_nothing_until_it_is_whole() -> None:
    boost = compiled("the Kubernetes")
    assert total(boost, spelt("the"), ended=False) == pytest.approx(0.0)
    assert total(boost, spelt("the kub"), ended=False) == pytest.approx(
        total(compiled("kubernetes"), spelt("kub"), ended=False)
    )
    assert total(boost, spelt("the kubernetes")) > 7


def test_strength_below_zero_suppresses() -> None:
    assert total(compiled(BoostPhrase("Shaun", -1.0)), spelt("shaun")) < -5
    assert total(compiled(BoostPhrase("Shaun", -1.0)), spelt("shauns")) == pytest.approx(0.0)


def test_zero_strength_is_no_boost() -> None:
    assert total(compiled(BoostPhrase("Shaun", 0.0)), spelt("shaun")) == 0.0


@pytest.mark.parametrize(
    ("typed", "folded"),
    [("Coca-Cola", " coca cola"), ("AT&T", " at&t"), ("'tis O’Neil'", " tis o'neil"), ("  ", ""), ("東京", " 東 京")],
)
def test_folding(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("320", ("three hundred twenty", "three two zero", "three twenty")),
        ("1984", ("one thousand nine hundred eighty four", "one nine eight four", "nineteen eighty four")),
        ("2005", ("two thousand five", "two zero zero five", "twenty oh five")),
        ("007", ("zero zero seven",)),
        ("5", ("five",)),
    ],
)
def test_digits_are_read_as_english_says_them(digits: str, said: tuple[str, ...]) -> None:
    assert readings(digits) == said


ENTRIES = st.builds(
    BoostPhrase,
    st.sampled_from(["New York", "new york", "York", "Coca-Cola", "cocacola", "A320", "the Home Depot", "cat", "日本"]),
    st.sampled_from([1.0, 1.6, 0.0, -1.0, 99.0]),
    st.sampled_from([(), ("york",), ("coca",)]),
)


@given(st.lists(ENTRIES, max_size=6), st.lists(st.lists(ENTRIES, max_size=6), max_size=3), st.data())
def test_an_edited_list_is_as_one_that_was_never_another(
    first: list[BoostPhrase], edits: list[list[BoostPhrase]], data: st.DataObject
) -> None:
    compiler, entries = Compiler(Pieces(CASED)), first
    compiler.compile(entries)
    for new in edits:
        start = data.draw(st.integers(0, len(entries)))
        end = data.draw(st.integers(start, len(entries)))
        entries = [*entries[:start], *new, *entries[end:]]
        edited, anew = compiler.compile(entries), compile_boost(entries, Pieces(CASED))
        assert edited.report == anew.report
        for said in (
            "new york",
            "yorks",
            "coca cola",
            "cocacola is",
            "a three twenty",
            "the home depot",
            "a cat",
            "coca",
        ):
            tokens = spelt(said)
            assert total(edited, tokens) == pytest.approx(total(anew, tokens))
            assert shown(edited, [CASED[token] for token in tokens]) == shown(anew, [CASED[token] for token in tokens])


def test_an_edit_of_a_long_list_costs_a_fraction_of_the_list() -> None:
    made = random.Random(7)
    entries = [BoostPhrase(f"{''.join(made.choices(LETTERS, k=6)).title()}-{n}") for n in range(5_000)]
    entries.append(entries[0])
    anew, edited = [], []
    for turn in range(3):
        compiler = Compiler(Pieces(CASED))
        anew.append(_seconds(compiler, entries))
        edited.append(_seconds(compiler, [*entries[:2_000], BoostPhrase(f"Caique {turn}"), *entries[2_001:]]))
    assert min(edited) < min(anew) / 5


def _seconds(compiler: Compiler, entries: list[BoostPhrase]) -> float:
    before = time.process_time()
    compiler.compile(entries)
    return time.process_time() - before


@pytest.mark.parametrize(("size", "seconds"), [(1_000, 0.05), (20_000, 0.5)])
def test_a_list_is_ready_in_time(size: int, seconds: float) -> None:
    made = random.Random(7)
    syllables = ["ba", "ke", "li", "mo", "nu", "xu", "ra", "se", "ti"]
    names = ["".join(made.choices(syllables, k=4)).title() for _ in range(2 * size)]
    phrases = [BoostPhrase(f"{first} {last}") for first, last in zip(names[:size], names[size:], strict=True)]
    pieces = Pieces(CASED)
    taken = []
    for _ in range(5):
        before = time.process_time()
        compile_boost(phrases, pieces)
        taken.append(time.process_time() - before)
    assert min(taken) < seconds
