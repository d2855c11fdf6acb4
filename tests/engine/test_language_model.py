"""N-gram scores against kenlm's, broken files, and the scores of words and pieces while they are spelt."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding.guidance import Guidance
from engine.errors import ModelFileBroken, ModelFileMissing
from engine.language_model import END, ROOT, LanguageModel, load_language_model
from engine.language_scores import PieceScores, WordScores, language_scores
from engine.recognizer import Recognizer, Stream
from engine.types import Final
from tests.helpers.arpa import arpa_of
from tests.helpers.reference import recording

LN10 = math.log(10)
SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=6)


def word_scores(model: LanguageModel, text: str, context: int) -> list[float]:
    scores = []
    for word in text.split():
        context, score = model.step(context, model.word(word))
        scores.append(score)
    return [*scores, model.step(context, model.word(END))[1]]


def test_scores_equal_kenlm(data: Path) -> None:
    model = load_language_model(data / "language_model/demo.arpa")
    expected = json.loads((data / "language_model/kenlm_scores.json").read_text())
    assert len(expected["sentences"]) > 10
    for sentence in expected["sentences"]:
        scores = word_scores(model, sentence["text"], model.start())
        assert [s / LN10 for s in scores] == pytest.approx([w[0] for w in sentence["words"]], abs=1e-4)
        unbounded = word_scores(model, sentence["text"], ROOT)[:-1]
        assert sum(unbounded) / LN10 == pytest.approx(sentence["unbounded"], abs=1e-4)


@settings(max_examples=40)
@given(SENTENCES, st.integers(2, 4), st.booleans(), st.text("abcdx ", max_size=12).map(" ".join))
def test_scores_equal_kenlm_on_any_file(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[str], order: int, unknown: bool, text: str
) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm is compiled from source and not always at hand")
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    path.write_text(arpa_of(sentences, order, unknown=unknown))
    expected = [score for score, _, _ in kenlm.Model(str(path)).full_scores(text)]
    model = load_language_model(path)
    assert [s / LN10 for s in word_scores(model, text, model.start())] == pytest.approx(expected, abs=1e-3)


def test_gzip_is_read_as_it_is(data: Path, tmp_path: Path) -> None:
    plain = data / "language_model/demo.arpa"
    zipped = tmp_path / "model.arpa.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    text = "the boy was released"
    one, two = load_language_model(plain), load_language_model(zipped)
    assert word_scores(one, text, one.start()) == word_scores(two, text, two.start())


ARPA = arpa_of(["a b a", "b a"], 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no ARPA header"),
        ("hello\nworld\n", "no ARPA header"),
        (ARPA.replace("\\data\\\nngram 1", "\\data\\\nngram one"), "line 2 is no count"),
        (ARPA.replace("ngram 2=", "ngram 2=9"), "where the header promises"),
        (ARPA.replace("\ta b", "\ta zebra"), "'zebra', which is not among the unigrams"),
        (ARPA.replace("\ta b", "\ta"), "is no 2-gram"),
        (ARPA.replace("-99.000000", "many"), "no number"),
        (ARPA.replace("\tb a", "\ta b"), "twice"),
        (ARPA[: len(ARPA) // 2], "promises"),
    ],
)
def test_a_broken_file_is_told_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "broken.arpa"
    path.write_text(text)
    with pytest.raises(ModelFileBroken, match=says):
        load_language_model(path)


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "noise.arpa"
    path.write_bytes(b"\x1f\x8b" + bytes(range(256)))
    with pytest.raises(ModelFileBroken, match="UTF-8"):
        load_language_model(path)
    with pytest.raises(ModelFileMissing):
        load_language_model(tmp_path / "nothing.arpa")


@pytest.fixture
def spoken(tmp_path: Path) -> LanguageModel:
    path = tmp_path / "model.arpa"
    path.write_text(arpa_of(["the cat sat", "the cat ran", "a cat sat"], 3))
    return load_language_model(path)


PIECES = ["▁the", "▁c", "at", "▁sat", ".", "▁", "▁The", "▁x"]


def test_words_are_scored_when_they_are_whole(spoken: LanguageModel) -> None:
    scores = language_scores(spoken, PIECES, weight=0.5, bonus=0.25)
    assert isinstance(scores, WordScores)
    node, added = scores.start(), []
    for piece in ["▁The", "▁c", "at", "▁sat", "."]:
        node, score = scores.advance(node, PIECES.index(piece))
        added.append(score)
    the, cat, sat = word_scores(spoken, "the cat sat", spoken.start())[:3]
    assert added == pytest.approx([0, 0.5 * the + 0.25, 0, 0.5 * cat + 0.25, 0])
    assert scores.finish(node) == pytest.approx(0.5 * sat + 0.25)


def test_an_unknown_word_scores_as_unknown_and_punctuation_as_nothing(spoken: LanguageModel) -> None:
    scores = WordScores(spoken, PIECES, weight=1.0, bonus=0.0)
    node, _ = scores.advance(scores.start(), PIECES.index("▁x"))
    assert scores.finish(node) == pytest.approx(word_scores(spoken, "zebra", spoken.start())[0])
    dot, _ = scores.advance(scores.start(), PIECES.index("."))
    assert scores.finish(dot) == 0.0


def test_a_model_of_pieces_scores_each_piece(tmp_path: Path) -> None:
    path = tmp_path / "pieces.arpa"
    path.write_text(arpa_of(["▁the ▁c at", "▁the ▁c at ▁sat"], 2))
    model = load_language_model(path)
    scores = language_scores(model, PIECES, weight=1.0, bonus=0.0)
    assert isinstance(scores, PieceScores)
    node, first = scores.advance(scores.start(), PIECES.index("▁the"))
    _, second = scores.advance(node, PIECES.index("▁c"))
    assert [first, second] == pytest.approx(word_scores(model, "▁the ▁c", model.start())[:2])


def test_the_model_in_the_folder_of_a_speech_model_takes_part_unless_another_is_chosen(
    models: Path, tmp_path: Path
) -> None:
    plain, with_it = models / "ctc-sherpa-80ms", tmp_path / "model"
    shutil.copytree(plain, with_it)
    heard = words_of(Recognizer.load(plain).stream())
    path = with_it / "lm.arpa"
    path.write_text(arpa_of(sorted({word.lower() for word in heard.split()})[::2], 1), encoding="utf-8")
    model, folder = load_language_model(path), Recognizer.load(with_it)
    guided = words_of(Recognizer.load(plain).stream(Guidance(language_model=model)))
    assert guided != heard
    assert words_of(folder.stream()) == guided
    other = tmp_path / "other.arpa"
    other.write_text(arpa_of(["zebra"], 1), encoding="utf-8")
    chosen = Guidance(language_model=load_language_model(other))
    assert words_of(folder.stream(chosen)) == words_of(Recognizer.load(plain).stream(chosen))


def words_of(stream: Stream) -> str:
    updates = stream.push(recording("a5_real.flac")) + stream.finish()
    return " ".join(update.text for update in updates if isinstance(update, Final))
