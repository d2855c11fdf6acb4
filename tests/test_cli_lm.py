"""`caique lm`: from a user's texts to a file that kenlm reads and that prefers what the texts say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app import cli
from app.commands.lm import run, sentences, train
from app.core.errors import OutputError, TextError
from engine.language_model import END, UNKNOWN, LanguageModel, language_model_in, load_language_model

TEXT = """\
The tundra thaws in June. Herds of musk-oxen graze on the tundra, and the wolves follow them!
"Wolves follow musk-oxen," wrote Dr. Ingebjorg; the herds don't stop.
"""


def score(model: LanguageModel, text: str) -> float:
    """Natural log of the probability of a sentence."""
    context, total = model.start(), 0.0
    for word in (*text.split(), END):
        context, step = model.step(context, model.word(word))
        total += step
    return total


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text(TEXT * 4, encoding="utf-8")
    return path


def test_words_stand_as_a_decoder_looks_them_up() -> None:
    assert list(sentences(TEXT))[:3] == [
        ["the", "tundra", "thaws", "in", "june"],
        ["herds", "of", "musk-oxen", "graze", "on", "the", "tundra", "and", "the", "wolves", "follow", "them"],
        ["wolves", "follow", "musk-oxen", "wrote", "dr"],
    ]


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_a_model_of_ones_own_text_is_found_in_a_model_folder_and_prefers_the_text(text: Path, name: str) -> None:
    out = io.StringIO()
    assert run([text], text.parent / name, 3, out) == 0
    assert "108 words" in out.getvalue()
    model = language_model_in(text.parent)
    assert model is not None
    assert score(model, "wolves follow the herds") > score(model, "herds the follow wolves")
    assert score(model, "wolves follow the zebras") > -30  # a word it has never seen is unlikely, not impossible


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("times", [1, 7])
def test_kenlm_reads_the_file_and_gives_the_same_scores(order: int, times: int, tmp_path: Path) -> None:
    """However often things are said: in a short text the trainer's own discount would leave nothing of some."""
    kenlm = pytest.importorskip("kenlm", reason="kenlm is compiled from source and not always at hand")
    said = list(sentences(TEXT)) * times
    path = tmp_path / "lm.arpa"
    path.write_text(train(said, order), encoding="utf-8")
    oracle, model = kenlm.Model(str(path)), load_language_model(path)
    for sentence in (*said, ["wolves", "graze", "on", "zebras"], [UNKNOWN]):
        line = " ".join(sentence)
        assert score(model, line) / 2.302585 == pytest.approx(oracle.score(line), abs=1e-3)
        assert oracle.score(line) / (len(sentence) + 1) > -4


def test_texts_that_cannot_be_used_are_named(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "lm.arpa")
    missing, binary, short = tmp_path / "none.txt", tmp_path / "talk.doc", tmp_path / "short.txt"
    binary.write_bytes(b"\xd0\xcf\x11\xe0")
    short.write_text("Hello.")
    for path, says in ((missing, str(missing)), (binary, str(binary)), (short, "at least 100")):
        assert cli.main(["lm", str(path), "--out", out]) == 1
        assert says in capsys.readouterr().err
    with pytest.raises(TextError):
        run([missing], Path(out), 3, io.StringIO())
    with pytest.raises(OutputError, match="cannot be written"):
        run([text], text / "lm.arpa", 3, io.StringIO())
