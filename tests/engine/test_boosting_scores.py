"""What a boost list adds to a hypothesis, against a scorer that reads the whole text each time."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.boosting.automaton import AT_BOUNDARY, Automaton
from engine.boosting.lexicon import Lexicon
from engine.boosting.weights import Scale

SCALE = Scale()
WORDS = st.text("ab", min_size=1, max_size=3)
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: " " + " ".join(words))
LISTS = st.dictionaries(PHRASES, st.sampled_from([-1.0, 0.25, 1.0, 2.0]), max_size=6)
TEXTS = st.text("ab c", max_size=14)


def finished(weights: dict[str, float], spelling: str) -> float:
    weight = weights[spelling]
    if weight < 0:
        return weight * SCALE.suppression
    return weight * (SCALE.growing(len(spelling) - 1) + SCALE.whole + SCALE.completion)


def whole_matches(weights: dict[str, float], text: str) -> list[str]:
    """Leftmost, longest, not overlapping, at word boundaries; the text is over."""
    text = " " + " ".join(text.split()) + " "
    found, at = [], 0
    while at < len(text) - 1:
        here = [spelling for spelling in weights if text.startswith(spelling + " ", at)]
        if here:
            found.append(max(here, key=len))
            at += len(found[-1])
        else:
            at = text.index(" ", at + 1)
    return found


def worth(weights: dict[str, float], text: str) -> float:
    """Value of a text that may go on: finished matches, and the match in progress."""
    at, total = 0, 0.0
    while 0 <= at < len(text) - 1:
        rest = text[at:]
        if any(spelling.startswith(rest) for spelling in weights):
            return total + worth_in_progress(weights, rest)
        at, total = passed_over(weights, text, at, total)
    return total


def passed_over(weights: dict[str, float], text: str, at: int, total: float) -> tuple[int, float]:
    here = [spelling for spelling in weights if text.startswith(spelling + " ", at)]
    if here:
        longest = max(here, key=len)
        return at + len(longest), total + finished(weights, longest)
    return text.find(" ", at + 1), total


def worth_in_progress(weights: dict[str, float], rest: str) -> float:
    strongest = max(weight for spelling, weight in weights.items() if spelling.startswith(rest))
    if weights.get(rest, 0) < 0 and strongest <= 0:
        return weights[rest] * SCALE.suppression
    at, total = passed_over(weights, rest, 0, 0.0)
    if at > 0:
        total += worth(weights, rest[at:])
    growing = max(
        max(weight, 0.0) * SCALE.growing(max(len(rest) - 1 - unpaid(spelling), 0))
        for spelling, weight in weights.items()
        if spelling.startswith(rest)
    )
    if rest in weights:
        growing = max(growing, weights[rest] * (SCALE.growing(len(rest) - 1) + SCALE.whole))
    return max(growing, total)


def unpaid(spelling: str) -> int:
    """An arbitrary rule: a leading "a" earns nothing."""
    return 2 if spelling.startswith(" a ") else 0


def automaton_of(weights: dict[str, float]) -> Automaton:
    return Automaton(Lexicon(weights, {s: unpaid(s) for s in weights if unpaid(s)}), SCALE)


def read(automaton: Automaton, text: str) -> tuple[int, float]:
    state, total = AT_BOUNDARY, 0.0
    for character in text:
        state, score = automaton.step(state, character)
        total += score
    return state, total


@given(LISTS, TEXTS)
@example({" ab": 1.0, " ab ab": 1.0, " ab a": 2.0}, "ab ab b")
@example({" a b": -1.0, " b": 2.0, " a b a": 1.0}, "a b b a b a")
def test_score_is_finished_matches_plus_the_match_in_progress(weights: dict[str, float], text: str) -> None:
    automaton = automaton_of(weights)
    for end in range(len(text) + 1):
        said = " " + text[:end].lstrip()
        while "  " in said:
            said = said.replace("  ", " ")
        assert read(automaton, text[:end])[1] == pytest.approx(worth(weights, said), abs=1e-9)


@given(LISTS, TEXTS)
def test_an_ended_text_is_worth_its_whole_matches_and_nothing_else(weights: dict[str, float], text: str) -> None:
    automaton = automaton_of(weights)
    state, total = read(automaton, text)
    expected = sum(finished(weights, spelling) for spelling in whole_matches(weights, text))
    assert total + automaton.finish(state) == pytest.approx(expected, abs=1e-9)


@given(LISTS, LISTS, TEXTS)
def test_a_state_moves_to_another_list_by_its_text(old: dict[str, float], new: dict[str, float], text: str) -> None:
    first, second = automaton_of(old), automaton_of(old | new)
    moved = second.state_of(first.text(read(first, text)[0]))
    assert first.state_of(first.text(read(first, text)[0])) == read(first, text)[0]
    # What the old list had given up on stays given up; whatever it still followed, the longer list follows too.
    assert second.text(read(second, text)[0]).endswith(second.text(moved))


def test_a_shared_prefix_gives_back_exactly_what_it_got() -> None:
    automaton = Automaton(Lexicon({" kubernetes": 1.0, " kubrick": 3.0}), SCALE)
    state, total = read(automaton, "kub")
    assert total == pytest.approx(3.0 * SCALE.growing(3))
    _, after = automaton.step(state, "a")
    assert total + after == pytest.approx(0.0)


NAMES = st.sets(st.text("absxe", min_size=1, max_size=4).map(lambda word: f" {word}"), min_size=1, max_size=4)


@given(NAMES, st.text("absxe' ", max_size=14))
def test_endings_score_as_if_they_stood_on_the_list(names: set[str], text: str) -> None:
    spelt_out = names | {f"{name}{ending}" for name in names for ending in ("'", "'s", plural(name))}
    with_endings = Automaton(Lexicon(dict.fromkeys(names, 1.0)), SCALE, with_endings=True)
    listed = Automaton(Lexicon(dict.fromkeys(spelt_out, 1.0)), SCALE)
    for end in range(len(text) + 1):
        (one, score), (other, expected) = read(with_endings, text[:end]), read(listed, text[:end])
        assert score == pytest.approx(expected, abs=1e-9)
        assert with_endings.finish(one) == pytest.approx(listed.finish(other), abs=1e-9)


def plural(name: str) -> str:
    return "es" if name.endswith(("s", "x", "z", "ch", "sh")) else "s"


@pytest.mark.parametrize("text", ["category", "bobcat", "concatenate", "cats"])
def test_nothing_fires_inside_a_word(text: str) -> None:
    automaton = Automaton(Lexicon({" cat": 1.0}), SCALE)
    state, total = read(automaton, text)
    assert total + automaton.finish(state) == pytest.approx(0.0)


def test_a_suppressed_word_costs_only_when_it_is_whole() -> None:
    automaton = Automaton(Lexicon({" cat": -1.0}), SCALE)
    assert read(automaton, "ca")[1] == 0.0
    assert read(automaton, "cat")[1] == pytest.approx(-SCALE.suppression)
    assert read(automaton, "cate")[1] == pytest.approx(0.0)
    assert read(automaton, "cat ")[1] == pytest.approx(-SCALE.suppression)
