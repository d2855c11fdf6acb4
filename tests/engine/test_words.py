"""Pieces become words with sane times."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from engine.text.words import ends_sentence, spans, surface, words_of
from engine.types import Token

PIECES = st.sampled_from(["\u2581the", "\u2581a", "cat", "s", ".", ",", "\u2581", "<unk>", "<0xC3>", "<0xA9>", "<en>"])


def tokens(*pieces: str) -> list[Token]:
    return [Token(i, piece, 0.1 * i, 0.9 - 0.01 * i) for i, piece in enumerate(pieces)]


def test_pieces_join_and_punctuation_sticks() -> None:
    words = words_of(tokens("\u2581Hel", "lo", ",", "\u2581wor", "ld", "."), heard=2.0)
    assert [w.text for w in words] == ["Hello,", "world."]
    assert words[0].start == pytest.approx(0.0)
    assert words[0].end == pytest.approx(0.3)
    assert words[1].end == pytest.approx(0.5 + 0.16)
    assert words[0].confidence == pytest.approx(0.88)


def test_no_word_ends_after_the_sound() -> None:
    assert words_of(tokens("\u2581so"), heard=0.1)[-1].end == pytest.approx(0.1)


def test_byte_pieces_are_decoded_together() -> None:
    assert surface(["\u2581caf", "<0xC3>", "<0xA9>"]).strip() == "caf\u00e9"
    assert [w.text for w in words_of(tokens("\u2581caf", "<0xC3>", "<0xA9>", "\u2581au"), 1.0)] == ["caf\u00e9", "au"]


def test_marks_of_the_model_are_no_text() -> None:
    assert [w.text for w in words_of(tokens("<en>", "\u2581yes", "<eou>"), 1.0)] == ["yes"]


def test_a_lone_word_mark_opens_the_word_after_it() -> None:
    assert [w.text for w in words_of(tokens("\u2581so", "\u2581", "x", "y"), 1.0)] == ["so", "xy"]


@given(st.lists(PIECES, max_size=30))
def test_every_token_is_in_exactly_one_span_and_times_never_run_back(pieces: list[str]) -> None:
    own = tokens(*pieces)
    groups = list(spans(own))
    assert [i for first, end in groups for i in range(first, end)] == list(range(len(own)))
    words = words_of(own, 9.0)
    assert all(w.start <= w.end for w in words)
    assert all(a.start <= b.start for a, b in itertools.pairwise(words))


@given(st.lists(PIECES, max_size=30))
def test_the_text_of_words_is_the_text_of_pieces(pieces: list[str]) -> None:
    joined = " ".join(w.text for w in words_of(tokens(*pieces), 1.0))
    assert joined.replace(" ", "") == "".join(surface(pieces).split())


def test_text_equals_sentencepiece(models: Path) -> None:
    """The library's own decoding is the judge, over every pair of pieces of a real tokenizer."""
    model = models / "ctc-sherpa-80ms" / "tokenizer.model"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    pieces = [processor.IdToPiece(i) for i in range(processor.vocab_size())]
    for first in range(1, len(pieces)):
        for second in range(1, len(pieces), 7):
            assert surface([pieces[first], pieces[second]]).strip() == processor.DecodeIds([first, second]).strip()


def test_sentence_ends() -> None:
    assert ends_sentence("He said “stop.”")
    assert ends_sentence("Really?")
    assert not ends_sentence("e.g. this")
    assert not ends_sentence("3.5")
