"""Other readings: put together as a search through all of them would, and from every decoder through its stream."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alternatives import Choice, choice, dropped, readings
from engine.decoding.attention import Search, n_best
from engine.decoding.guidance import DEFAULT_BEAM, Guidance
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.types import BoostPhrase, Final, Token
from tests.helpers.reference import recording
from tests.helpers.starter import recording as speech
from tests.helpers.starter import starter_folder, transcripts
from tests.helpers.table_model import FRAMES, TableModel


def tokens(*ids: int) -> tuple[Token, ...]:
    return tuple(Token(k, f"▁{k}", 0.0, 0.5) for k in ids)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    at = draw(st.integers(0, 5))
    length = draw(st.integers(0, min(3, 6 - at)))
    other = draw(st.lists(st.integers(10, 13), min_size=0 if length else 1, max_size=2))
    return Choice(at, tuple(range(at, at + length)), tokens(*other), draw(st.floats(0, 5)))


@settings(max_examples=150)
@given(st.lists(choices(), max_size=6), st.integers(1, 20))
def test_the_cheapest_readings_are_found(made: list[Choice], most: int) -> None:
    said = tokens(*range(6))
    different = {(c.at, c.end, tuple(t.id for t in c.tokens)): c for c in sorted(made, key=lambda c: -c.cost)}
    every = []
    for count in range(1, len(different) + 1):
        for subset in combinations(sorted(different.values(), key=lambda c: (c.at, c.end)), count):
            if all(a.end <= b.at and a.at < b.at for a, b in pairwise(subset)):
                every += [sum(c.cost for c in subset)]
    found = readings(said, made, most)
    assert [cost for _, cost in found] == pytest.approx(sorted(every)[: len(found)])
    assert len(found) == min(most, len(every))


def test_what_both_ways_have_in_common_is_no_part_of_the_choice() -> None:
    made = choice(3, (1, 2, 3, 4), tokens(1, 9, 8, 4), 0.7)
    assert (made.at, made.replaced, [t.id for t in made.tokens]) == (4, (2, 3), [9, 8])
    assert [t.id for t in readings(tokens(0, 0, 0, 1, 2, 3, 4), [made], 1)[0][0]] == [0, 0, 0, 1, 9, 8, 4]
    assert readings(tokens(0, 0, 0, 1, 2, 5, 4), [made], 1) == []  # not what was shown in the end
    left_out = choice(0, (1, 1, 2), tokens(1, 2), 0.1)
    assert (len(left_out.replaced), left_out.tokens) == (1, ())


def test_choices_move_with_the_tokens_that_are_forgotten() -> None:
    one, other = choice(0, (1,), tokens(9), 1.0), choice(2, (3,), tokens(8), 1.0)
    assert dropped([one, other], 2) == [choice(0, (3,), tokens(8), 1.0)]


def test_an_attention_search_gives_its_branches_in_order() -> None:
    table = {(): {0: 0.6, 1: 0.4}, (0,): {2: 0.4, 3: 0.6}, (1,): {2: 0.9, 3: 0.1}}
    found = n_best(TableModel(table), FRAMES, Search(seconds=2.0), 4)
    assert [[spoken.id for spoken in branch.spoken] for branch in found][:2] == [[0, 3], [1, 2]]
    assert [branch.merit for branch in found] == sorted((branch.merit for branch in found), reverse=True)
    assert [spoken.confidence for spoken in found[1].spoken] == pytest.approx([0.4, 0.9], rel=1e-4)


DECODERS = [
    ("ctc-sherpa-80ms", "ctc"),
    ("rnnt-sherpa-80ms", "transducer"),
    ("tdt-nemo-80ms", "transducer"),
]


def finals(recognizer: Recognizer, guidance: Guidance) -> list[Final]:
    stream = recognizer.stream(guidance)
    updates = stream.push(recording("a5_real.flac")) + stream.finish()
    return [update for update in updates if isinstance(update, Final)]


@pytest.mark.parametrize("phrases", [[], [BoostPhrase("Kubernetes"), BoostPhrase("the")]], ids=["plain", "boosted"])
@pytest.mark.parametrize(("model", "decoder"), DECODERS)
def test_frame_synchronous_beams_tell_of_other_readings(
    model: str, decoder: str, phrases: list[BoostPhrase], models: Path
) -> None:
    recognizer = Recognizer.load(models / model, ModelOptions(decoder=decoder))
    boost = recognizer.compile(phrases) if phrases else None
    asked = finals(recognizer, Guidance(boost=boost, alternatives=3))
    plain = finals(recognizer, Guidance(boost=boost, beam=DEFAULT_BEAM))
    assert [final.text for final in asked] == [final.text for final in plain]
    assert any(final.alternatives for final in asked)
    for final in asked:
        _check(final, most=3)
    assert not any(final.alternatives for final in plain)
    assert not any(final.alternatives for final in finals(recognizer, Guidance(boost=boost, beam=1, alternatives=3)))


@pytest.mark.parametrize("phrases", [[], [BoostPhrase("zodiac")]], ids=["plain", "boosted"])
def test_windows_tell_of_other_readings(phrases: list[BoostPhrase]) -> None:
    recognizer = Recognizer.load(starter_folder())
    boost = recognizer.compile(phrases) if phrases else None
    name = "commonvoice-001316"
    said: list[list[Final]] = []
    for guidance in (Guidance(boost=boost, alternatives=4), Guidance(boost=boost)):
        stream = recognizer.stream(guidance)
        updates = stream.push(np.array(speech(name))) + stream.finish()
        said.append([update for update in updates if isinstance(update, Final)])
    asked, plain = said
    assert [final.text for final in asked] == [final.text for final in plain]
    assert any(final.alternatives for final in asked)
    for final in asked:
        _check(final, most=4)
        common = set(transcripts()[name].split())
        for other in final.alternatives:  # close to what was said, and no fragment of it
            assert len(common & set(other.text.lower().strip(".").split())) >= len(common) - 4


def _check(final: Final, most: int) -> None:
    assert len(final.alternatives) <= most
    texts = [final.text, *(other.text for other in final.alternatives)]
    assert len(set(texts)) == len(texts)
    costs = [other.cost for other in final.alternatives]
    assert costs == sorted(costs)
    assert all(cost >= 0 for cost in costs)
    for other in final.alternatives:
        times = [time for word in other.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(0 < word.confidence <= 1 for word in other.words)
        assert all(final.start - 1.0 <= word.start <= final.end + 1.0 for word in other.words)
