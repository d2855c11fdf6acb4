"""How texts and models are judged."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

from tests.helpers.starter import SPEECH, recording, starter_folder, transcripts
from training.evaluate import hour, recordings, tables, talks, through_engine
from training.score import CharacterErrors, WordErrors, Writing

NAMES = ("commonvoice-002089", "commonvoice-002307", "commonvoice-003852")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Three recordings to judge on and one to learn from, and a noise."""
    rows = [
        {"id": name, "path": f"{name}.opus", "text": transcripts()[name], "corpus": "commonvoice", "split": "dev"}
        for name in NAMES
    ]
    rows.append(rows[0] | {"id": "other", "split": "train"})
    for name in (*NAMES, "noise-2"):
        shutil.copy(SPEECH / f"{name}.opus", tmp_path)
    (tmp_path / "noise").mkdir()
    shutil.move(tmp_path / "noise-2.opus", tmp_path / "noise")
    for folder, entries in ((tmp_path, rows), (tmp_path / "noise", [{"path": "noise-2.opus", "kind": "noise"}])):
        (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in entries), "utf8")
    return tmp_path


def test_word_and_character_errors_are_counted_without_case_and_punctuation() -> None:
    words, characters = WordErrors(), CharacterErrors()
    for errors in (words, characters):
        errors.add("THE CAT SAT", "The hat, sat.")
    assert (words.errors, words.reference_words) == (1, 3)
    assert (characters.errors, characters.reference_words) == (1, 11)


@pytest.mark.parametrize(
    ("reference", "heard", "marks", "capitals"),
    [
        ("Well, is it Tom? Yes.", "Well, is it Tom? Yes.", (3, 3, 3), (3, 3, 3)),
        ("Well, is it Tom? Yes.", "well is it, Tom. Yes.", (1, 3, 3), (2, 3, 2)),
        ("So it is.", "So it really, is.", (1, 1, 2), (1, 1, 1)),
        ("So it is.", "Oh it", (0, 1, 0), (0, 0, 0)),
        ("no marks here", "No marks, here.", (0, 0, 0), (0, 0, 0)),
        ("NO, NONE HERE.", "No, none here.", (0, 0, 0), (0, 0, 0)),
    ],
)
def test_punctuation_and_capitals_are_counted_where_the_words_stand(
    reference: str, heard: str, marks: tuple[int, int, int], capitals: tuple[int, int, int]
) -> None:
    writing = Writing()
    writing.add(reference, heard)
    assert (writing.marks.right, writing.marks.wanted, writing.marks.given) == marks
    assert (writing.capitals.right, writing.capitals.wanted, writing.capitals.given) == capitals


def test_a_folder_is_heard_through_the_engine() -> None:
    hear = through_engine(starter_folder())
    errors = WordErrors()
    for name in NAMES:
        errors.add(transcripts()[name], hear(recording(name)))
    assert errors.percent <= 20


def test_texts_that_training_knows_are_told_apart(collection: Path) -> None:
    judged = recordings(collection, {NAMES[1]}, None)
    assert [(known, len(one.recordings)) for known, one in talks(judged)] == [(False, 2), (True, 1)]


def test_the_hour_ends_as_it_began(collection: Path) -> None:
    spoken, compared = hour(recordings(collection, set(), None))
    assert spoken.texts[:compared] == spoken.texts[-compared:]
    assert len(spoken.texts) > 2 * compared


def test_the_tables_have_a_row_for_every_set(collection: Path) -> None:
    options = argparse.Namespace(
        speech=collection,
        noise=collection / "noise",
        models=["accurate", str(starter_folder())],
        leave_out=None,
        limit=2,
    )
    rows = [line.strip("| ").split(" | ") for line in tables(options).splitlines() if line.startswith("| ")]
    measured = {tuple(row[:2]): row[2:] for row in rows if len(row) == 9}
    for model in ("accurate", str(starter_folder())):
        assert measured[model, "all"] == measured[model, "commonvoice"]
        words, errors, *_, median, _ = measured[model, "all"]
        assert int(words) == sum(len(transcripts()[name].split()) for name in NAMES[:2])
        assert float(errors) <= 20
        assert 0 < float(median) < 1.5
    assert [row[:3] for row in rows if row[0] == "noise"] == [["noise", "0.1", "0"]] * 2
