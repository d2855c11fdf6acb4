"""Word lists from and for other programs: spreadsheets, plain lists, sherpa-onnx hotwords."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from io import StringIO
from pathlib import Path

from app.core.errors import WordListError
from app.core.vocabulary import (
    SHERPA_NORMAL,
    Entry,
    Line,
    line_in,
    line_of,
    parse,
    spellings_in,
    strength_name,
    strength_of,
)

COLUMNS = ("word", "strength", "sounds like", "on", "note")
"""How the columns of a table are called that is copied, and may be called in one that is pasted."""

_ON = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def pasted(text: str) -> list[Line]:
    """The lines in a text from the clipboard: a list, or cells of a spreadsheet with tabs between. No empty ones."""
    return _table(text, "\t") if "\t" in text else [line_in(line) for line in text.splitlines() if line.strip()]


def imported(path: Path) -> list[Line]:
    """The lines in a file: any word list, or a table (.csv, or tabs). Raises WordListError."""
    try:
        words = parse(path.read_bytes())
    except OSError as error:
        raise WordListError(f"{path} cannot be read: {error.strerror or error}.") from error
    text = "\n".join(line.text for line in words.lines)
    if path.suffix.casefold() == ".csv":
        first = text.partition("\n")[0]
        return _table(text, ";" if first.count(";") > first.count(",") else ",")
    if "\t" in text:
        return _table(text, "\t")
    return [line for line in words.lines if line.text.strip()]


def as_plain(entries: Iterable[Entry]) -> str:
    """Only the phrases, for programs that know nothing else."""
    return "".join(f"{entry.phrase}\n" for entry in entries)


def as_hotwords(entries: Iterable[Entry]) -> str:
    """A hotwords file of sherpa-onnx."""
    return "".join(
        entry.phrase + (f" :{entry.strength * SHERPA_NORMAL:g}" if entry.strength != 1 else "") + "\n"
        for entry in entries
    )


def wanted(entries: Iterable[Entry]) -> list[Entry]:
    """Those that are on and to be heard: what lists without switches and "avoid" can hold."""
    return [entry for entry in entries if entry.on and entry.strength > 0]


def as_html(lines: Iterable[Line]) -> str:
    """A table, which spreadsheets paste as cells."""
    rows = [COLUMNS, *(_cells(line) for line in lines)]
    return f"<table>{''.join(f'<tr>{_tagged(row)}</tr>' for row in rows)}</table>"


def _tagged(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)


def _cells(line: Line) -> Sequence[str]:
    if line.entry is None:
        return (line.shown,)
    entry = line.entry
    on = "on" if entry.on else "off"
    return entry.phrase, strength_name(entry.strength), ", ".join(entry.sounds_like), on, entry.note


def _table(text: str, delimiter: str) -> list[Line]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(StringIO(text), delimiter=delimiter)]
    rows = [row for row in rows if any(row)]
    names = [cell.casefold() for cell in rows[0]] if rows else []
    named = names[:1] in (["word"], ["phrase"]) or len({*names} & {*COLUMNS}) > 1
    return [_row(row, names) for row in rows[1:]] if named else [_row(row, ()) for row in rows]


def _row(cells: Sequence[str], names: Sequence[str]) -> Line:
    """One row; without names of columns, what is in a cell says what it means."""
    if len([cell for cell in cells if cell]) == 1:
        return line_in(next(cell for cell in cells if cell))
    columns = dict(zip(names, cells, strict=False))
    phrase = columns.get("word") or columns.get("phrase") or cells[0]
    entry = Entry(" ".join(phrase.split()))
    try:
        if columns:
            for name in COLUMNS[1:]:
                entry = _with(entry, name, columns.get(name, ""))
        else:
            for cell in cells[1:]:
                entry = _with(entry, _meaning(entry, cell), cell)
        return line_of(entry)
    except WordListError:
        return line_in(" | ".join(cell for cell in cells if cell))


def _meaning(entry: Entry, cell: str) -> str:
    if cell.casefold() in _ON:
        return "on"
    try:
        strength_of(cell)
    except WordListError:
        return "note" if entry.sounds_like else "sounds like"
    return "strength"


def _with(entry: Entry, name: str, cell: str) -> Entry:
    if not cell:
        return entry
    match name:
        case "strength":
            return replace(entry, strength=strength_of(cell))
        case "sounds like":
            return replace(entry, sounds_like=spellings_in(cell))
        case "on":
            return replace(entry, on=_ON.get(cell.casefold(), True))
    return replace(entry, note=f"{entry.note}; {cell}" if entry.note else " ".join(cell.split()))
