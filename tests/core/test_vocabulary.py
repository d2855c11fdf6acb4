"""The word list file: what its lines mean, what happens to broken ones, and that changes are noticed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import WordListError
from app.core.vocabulary import Entry, WordList, line_in, line_of, parse, strength_of
from app.core.word_file import WatchedList, read, write
from engine.types import BoostPhrase


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("Kubernetes", Entry("Kubernetes")),
        ("  New   York  ", Entry("New York")),
        ("C# | strength: high", Entry("C#", 1.6)),
        ("Shaun | Strength: Avoid", Entry("Shaun", -1.0)),
        ("Caique|sounds like: kai eek, ky  eek,|note: a: b", Entry("Caique", 1.0, ("kai eek", "ky eek"), True, "a: b")),
        ("Old Project | off | strength: -2.5", Entry("Old Project", -2.5, on=False)),
        ("one | note: a | note: b", Entry("one", note="a; b")),
        ("one | sounds like: won | sounds like: wan", Entry("one", sounds_like=("won", "wan"))),
        ("HELLO WORLD :3.0", Entry("HELLO WORLD", 2.0)),
        ("▁HE LL O ▁WORLD :1.5", Entry("HELLO WORLD", 1.0)),
        ("文森特卡索", Entry("文森特卡索")),
        ("Ratio 4:3", Entry("Ratio 4:3")),
        ("# Kubernetes", None),
        ("", None),
    ],
)
def test_a_line(line: str, entry: Entry | None) -> None:
    found = parse(line.encode())
    assert found.problems == ()
    assert [each.entry for each in found.lines] == ([entry] if line else [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"one | strenth: high", 'Line 2 says "strenth: high"'),
        (b"one | strength: lots", 'Line 2 gives the strength "lots"'),
        (b"one | strength: 7", "Line 2 gives the strength 7"),
        (b"one | strength: nan", "no number"),
        (b"one :99", "Line 2 gives the strength 66"),
        (b"???", "Line 2 has no phrase"),
        (b"| off", "Line 2 has no phrase"),
        (b"one | off: no", 'says "off: no"'),
        (b"na\xefve", "Line 2 is no UTF-8 text"),
        (b"word " * 60 + b"| off", "too long"),
    ],
)
def test_a_broken_line_is_told_by_its_number_and_the_rest_works(line: bytes, says: str) -> None:
    found = parse(b"Kubernetes\n" + line + b"\nCaique\n")
    assert [entry.phrase for entry in found.entries] == ["Kubernetes", "Caique"]
    (problem,) = found.problems
    assert problem.startswith("Line 2 ") and says in problem and problem.endswith(".")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_files_as_windows_writes_them(encoding: str, newline: str) -> None:
    found = parse(newline.join(["Zoë", "Łukasz", ""]).encode(encoding))
    assert [entry.phrase for entry in found.entries] == ["Zoë", "Łukasz"] and not found.problems


WORDS = st.text("abcXYZé'+.-4", min_size=1, max_size=6).filter(lambda text: any(c.isalnum() for c in text))
ENTRIES = st.builds(
    Entry,
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
    st.sampled_from([1.0, 0.6, 1.6, -1.0, 2.5, -5.0]),
    st.lists(WORDS, max_size=2).map(tuple),
    st.booleans(),
    st.sampled_from(["", "a note: with colon"]),
)


@given(st.lists(ENTRIES, max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> None:
    path = tmp_path_factory.mktemp("lists") / "words.txt"
    write(path, WordList(tuple(map(line_of, entries))))
    assert read(path).entries == tuple(entries)


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a|b"),
        Entry("a\nb"),
        Entry("#a"),
        Entry("a", 9.0),
        Entry("..."),
        Entry("a", sounds_like=("b,c",)),
        Entry(""),
    ],
)
def test_what_a_line_cannot_hold_is_refused(entry: Entry) -> None:
    with pytest.raises(WordListError, match=r"cannot be put|needs a letter"):
        line_of(entry)


LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=6)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]))
def test_no_byte_of_a_file_is_lost(lines: list[bytes], newline: bytes) -> None:
    content = b"".join(line + newline for line in lines)
    if not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        assert parse(content).content == content


@given(st.text(max_size=30))
def test_a_utf16_file_keeps_its_text(text: str) -> None:
    assert parse(text.encode("utf-16")).content.decode().split() == text.split()


def test_a_broken_utf16_file_keeps_its_bytes() -> None:
    found = parse(b"\xff\xfea\0\n\0\0\xd8\n\0b")  # a lone surrogate, and half a character at the end
    assert [line.shown for line in found.lines] == ["a", "\ufffd\ufffd\ufffd", "b"]
    assert parse(found.content) == found and len(found.problems) == 1


def test_writing_keeps_comments_and_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"# names\n\nKubernetes :2\nx | what\nna\xefve\n")
    found = read(path)
    write(path, replace(found, lines=(*found.lines, line_of(Entry("Caique")))))
    assert path.read_bytes() == b"# names\n\nKubernetes :2\nx | what\nna\xefve\nCaique\n"


def test_a_linked_file_stays_where_it_is(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.txt", tmp_path / "words.txt"
    kept.write_text("Kubernetes\n")
    kept.chmod(0o644)
    link.symlink_to(kept)
    write(link, WordList((line_in("Caique"),)))
    assert link.is_symlink() and kept.read_text() == "Caique\n"
    assert kept.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", ["lots", "", "nan", "7"])
def test_a_strength_that_is_none_is_refused(text: str) -> None:
    assert strength_of(" High ") == 1.6 and strength_of("-2") == -2.0
    with pytest.raises(WordListError, match="This gives the strength"):
        strength_of(text)


def test_only_entries_that_are_on_reach_the_engine() -> None:
    found = parse(b"Kubernetes | strength: low | sounds like: cooper netties\nOld | off\n")
    assert found.phrases == (BoostPhrase("Kubernetes", 0.6, ("cooper netties",)),)


def test_a_list_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none.txt") == WordList()


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(WordListError, match=r"cannot be read: .+\.$"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WordListError, match="cannot be saved"):
        write(tmp_path / "file" / "words.txt", WordList())


def test_edits_on_disk_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    watched = WatchedList(path)
    assert watched.poll() and watched.read() == WordList()
    assert not watched.poll()
    path.write_text("Kubernetes\n")
    assert watched.poll() and watched.read().entries == (Entry("Kubernetes"),)
    assert not watched.poll()
    write(path, parse(b"Kubernetet\n"))
    assert watched.poll() and watched.read() == parse(b"Kubernetet\n")


def test_a_file_that_is_being_written_is_left_alone_until_it_rests(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Kubernetes\nCaique\n")
    watched = WatchedList(path)
    watched.poll()
    path.write_text("Kubernetes\n")
    os.utime(path, ns=(1, 1))
    assert not watched.poll()
    path.write_text("Kubernetes\nZoë\n")
    os.utime(path, ns=(2, 2))
    assert not watched.poll()
    assert watched.poll() and watched.read() == parse("Kubernetes\nZoë\n".encode())
    path.unlink()
    assert not watched.poll()
    assert watched.poll() and watched.read() == WordList()
