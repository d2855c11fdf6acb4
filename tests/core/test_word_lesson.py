"""A correction becomes an entry of the list, and takes nothing from what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import WordListError
from app.core.vocabulary import parse
from app.core.word_lesson import learn, misheard


def after(tmp_path: Path, before: str, heard: str, word: str) -> str:
    file = tmp_path / "words.txt"
    file.write_text(before)
    entry = learn(file, heard, word)
    assert entry in parse(file.read_bytes()).entries
    return file.read_text()


@pytest.mark.parametrize(
    ("before", "heard", "word", "expected"),
    [
        ("", "cube or netties", "Kubernetes", "Kubernetes | sounds like: cube or netties\n"),
        ("# mine\nGrafana\n", "shawn", " Shaun ", "# mine\nGrafana\nShaun | sounds like: shawn\n"),
        (
            "Kubernetes | strength: high | sounds like: koo ber\nGrafana\n",
            "cube or netties",
            "kubernetes",
            "Kubernetes | strength: high | sounds like: koo ber, cube or netties\nGrafana\n",
        ),
        ("Shaun | off\n", "shawn", "Shaun", "Shaun | sounds like: shawn\n"),
        ("Shaun | sounds like: Shawn\n", "shawn", "Shaun", "Shaun | sounds like: Shawn\n"),
        ("broken | colour: red\n", "ada", "Ada", "broken | colour: red\nAda\n"),
    ],
)
def test_the_list_holds_the_lesson(tmp_path: Path, before: str, heard: str, word: str, expected: str) -> None:
    assert after(tmp_path, before, heard, word) == expected


def test_a_first_lesson_makes_the_list(tmp_path: Path) -> None:
    learn(tmp_path / "new" / "words.txt", "shawn", "Shaun")
    assert (tmp_path / "new" / "words.txt").read_text() == "Shaun | sounds like: shawn\n"


@pytest.mark.parametrize("word", ["", " ", "...", "a | b"])
def test_what_is_no_word_is_refused_and_changes_nothing(tmp_path: Path, word: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text("Grafana\n")
    with pytest.raises(WordListError):
        learn(file, "shawn", word)
    assert file.read_text() == "Grafana\n"


@pytest.mark.parametrize(
    ("selected", "heard"),
    [
        (" cube or netties, ", "cube or netties"),
        ("cube,\nor | netties.", "cube or netties"),
        ("“O'Reilly's”", "O'Reilly's"),
        (" … ", ""),
        ("one two three four five six seven eight nine", ""),
    ],
)
def test_what_was_selected_is_taken_without_what_stands_around_it(selected: str, heard: str) -> None:
    assert misheard(selected) == heard
