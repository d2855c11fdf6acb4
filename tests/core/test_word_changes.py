"""Changes to a word list: found, taken back, and merged without losing anything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import WordListError
from app.core.vocabulary import Line, WordList, line_in, parse
from app.core.word_changes import applied, changes, inverse, merge
from app.core.word_file import read, write
from app.core.word_sync import Known, is_current, sync

LISTS = st.lists(st.sampled_from("abcdef").map(line_in), max_size=8)


def lines(text: str) -> list[Line]:
    return [line_in(word) for word in text.split()]


def texts(found: object) -> str:
    return " ".join(line.text for line in found)  # type: ignore[attr-defined]


@given(LISTS, LISTS)
def test_changes_lead_from_one_list_to_the_other_and_back(old: list[Line], new: list[Line]) -> None:
    made = changes(old, new)
    assert applied(old, made) == tuple(new)
    assert applied(new, inverse(made)) == tuple(old)


def test_changes_all_over_a_long_list_are_found_in_time() -> None:
    old = [line_in(f"name {n}") for n in range(10_000)]
    new = [line_in(f"{line.text} again") if n % 2 else line for n, line in enumerate(old)]
    before = time.process_time()
    made = changes(old, new)
    assert time.process_time() - before < 2.0
    assert len(made) == 5_000 and applied(old, made) == tuple(new)


@given(LISTS, LISTS)
def test_what_one_side_did_stands(base: list[Line], new: list[Line]) -> None:
    for mine, theirs in ((new, base), (base, new), (new, new)):
        merged = merge(base, mine, theirs)
        assert merged.lines == tuple(new) and merged.twice == 0


@given(LISTS, LISTS, LISTS)
def test_nothing_that_was_added_is_lost(base: list[Line], mine: list[Line], theirs: list[Line]) -> None:
    merged = merge(base, mine, theirs).lines
    assert {*mine, *theirs} - {*base} <= {*merged}
    assert {*merged} <= {*base, *mine, *theirs}


@pytest.mark.parametrize(
    ("mine", "theirs", "together", "twice"),
    [
        ("a b c x", "a b c y", "a b c x y", 0),
        ("a b c x", "a b c x", "a b c x", 0),
        ("a2 b c", "a b2 c", "a2 b2 c", 0),
        ("a b", "a b c d", "a b d", 0),
        ("a b1 c", "a b2 c", "a b2 b1 c", 1),
        ("a c", "a b2 c", "a b2 c", 1),
    ],
)
def test_two_people_edit_a_list(mine: str, theirs: str, together: str, twice: int) -> None:
    merged = merge(lines("a b c"), lines(mine), lines(theirs))
    assert sorted(texts(merged.lines).split()) == sorted(together.split())
    assert merged.twice == twice


def test_an_edit_meets_one_that_was_made_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"# names\r\nKubernetes\r\n")
    known = sync(path, Known(), WordList())
    assert known.words == read(path) and is_current(path, known)
    write(path, parse(b"# names\r\nKubernetes | off\r\n"))
    assert not is_current(path, known)
    known = sync(path, known, parse(b"# names\r\nKubernetes\r\nCaique\r\n"))
    assert path.read_bytes() == b"# names\r\nKubernetes | off\r\nCaique\r\n"
    assert known.words == read(path) and known.twice == 0
    stamp = path.stat()
    assert sync(path, known, known.words) == known
    assert path.stat().st_mtime_ns == stamp.st_mtime_ns, "nothing to say, nothing written"


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.mkdir()
    with pytest.raises(WordListError, match="cannot be read"):
        sync(path, Known(), parse(b"Caique\n"))
