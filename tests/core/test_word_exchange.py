"""Word lists from and for other programs."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest

from app.core.errors import WordListError
from app.core.vocabulary import Entry, line_in, line_of, parse
from app.core.word_exchange import as_hotwords, as_html, as_plain, imported, pasted, wanted

ENTRIES = [
    Entry("Kubernetes"),
    Entry("Caique", 1.6, ("kai eek", "ky eek"), note='says "hi"'),
    Entry("Old Project", on=False),
    Entry("Shaun", -1.0),
    Entry("Triton", 2.0),
]


def spreadsheet(*rows: tuple[str, ...], delimiter: str = "\t") -> str:
    written = StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    return written.getvalue()


def test_lines_are_pasted_as_they_would_stand_in_a_list() -> None:
    found = pasted("Kubernetes\n\n  \nCaique | strength: high\nx | what\n")
    assert [line.entry for line in found] == [Entry("Kubernetes"), Entry("Caique", 1.6), None]
    assert found[2].problem


def test_columns_of_a_spreadsheet_are_told_by_what_is_in_them() -> None:
    text = spreadsheet(
        ("Caique", "kai eek, ky eek", "high", 'says "hi"'), ("Shaun", "avoid"), ("Old  Project", "FALSE"), ("one",)
    )
    assert [line.entry for line in pasted(text)] == [
        ENTRIES[1],
        ENTRIES[3],
        Entry("Old Project", on=False),
        Entry("one"),
    ]


def test_columns_of_a_spreadsheet_are_told_by_their_names() -> None:
    text = spreadsheet(("Note", "Phrase", "Sounds like"), ("high", "Caique", "kai eek"), ("", "Zoë", ""))
    assert [line.entry for line in pasted(text)] == [Entry("Caique", 1.0, ("kai eek",), note="high"), Entry("Zoë")]


def test_a_row_that_cannot_be_a_line_is_kept_and_told() -> None:
    (line,) = pasted("AC|DC\thigh\n")
    assert line.text == "AC|DC | high" and line.problem


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_table_in_a_file(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "names.CSV"
    path.write_text(spreadsheet(("word", "strength"), ("Zoë", "high"), ("Łukasz", ""), delimiter=delimiter))
    assert [line.entry for line in imported(path)] == [Entry("Zoë", 1.6), Entry("Łukasz")]


def test_any_list_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("# names\r\n\r\nKUBERNETES :3\r\n".encode("utf-16"))
    assert [line.text for line in imported(path)] == ["# names", "KUBERNETES :3"]
    with pytest.raises(WordListError, match="cannot be read"):
        imported(tmp_path)


def test_lists_for_other_programs_hold_what_is_to_be_heard() -> None:
    assert as_plain(wanted(ENTRIES)) == "Kubernetes\nCaique\nTriton\n"
    hotwords = as_hotwords(wanted(ENTRIES))
    assert hotwords == "Kubernetes\nCaique :2.4\nTriton :3\n"
    assert [entry.strength for entry in parse(hotwords.encode()).entries] == pytest.approx([1.0, 1.6, 2.0])


def test_a_copied_table_is_one_of_cells() -> None:
    html = as_html([line_of(ENTRIES[1]), line_in("x | <b>")])
    assert "<td>Caique</td><td>high</td><td>kai eek, ky eek</td><td>on</td><td>says &quot;hi&quot;</td>" in html
    assert "<td>x | &lt;b&gt;</td>" in html
