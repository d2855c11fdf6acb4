"""The list of words that captions should know: a plain UTF-8 text file, one entry a line.

    # comments and empty lines are kept
    Kubernetes
    Caique | sounds like: kai eek, ky eek | note: our product
    NVIDIA Triton | strength: high
    Shaun | strength: avoid
    Old Project | off

Strength is low, normal, high, avoid, or a number from -5 to 5 (normal is 1, below 0 avoids the word). sherpa-onnx
hotword files (`PHRASE :2.0`, pieces with U+2581) and plain lists are such files as they are. A line that cannot be
understood is reported with its number and kept in the file; the others still work.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.errors import WordListError
from app.core.files import write_atomically
from engine.types import BoostPhrase

STRENGTHS = {"low": 0.6, "normal": 1.0, "high": 1.6, "avoid": -1.0}
"""Strengths by the words people use for them."""

WEAKEST, STRONGEST = -5.0, 5.0

MOST_CHARACTERS = 200
"""Longer lines are text that was pasted by mistake."""

_SHERPA_NORMAL = 1.5
"""sherpa-onnx's default score of a hotword: normal strength here."""
_SHERPA_SCORE = re.compile(r"(?P<phrase>.*\S)\s+:(?P<score>[+-]?\d+(?:\.\d*)?)")
_WORD_MARK = "\u2581"


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase and what is known about it."""

    phrase: str
    """As it is shown in captions."""
    strength: float = 1.0
    sounds_like: tuple[str, ...] = ()
    on: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: its text as it stands there, and the entry in it, if it is one."""

    text: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be used."""

    number: int
    """Counted from 1."""
    sentence: str


@dataclass(frozen=True, slots=True)
class WordList:
    """A list as it stands in its file."""

    lines: tuple[Line, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(line.entry for line in self.lines if line.entry)

    @property
    def phrases(self) -> tuple[BoostPhrase, ...]:
        """What the engine is given: the entries that are on."""
        return tuple(BoostPhrase(e.phrase, e.strength, e.sounds_like) for e in self.entries if e.on)


def parse(content: bytes) -> WordList:
    """Read the content of a list file; whatever it holds, what can be used is used."""
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, raw in enumerate(_as_utf8(content).splitlines(), 1):
        try:
            text = raw.decode("utf-8")
            lines.append(Line(text, _entry_in(text)))
        except UnicodeDecodeError:
            lines.append(Line(raw.decode("utf-8", "replace")))
            problems.append(Problem(number, f"Line {number} is no UTF-8 text; save the file as UTF-8."))
        except ValueError as error:
            lines.append(Line(text))
            problems.append(Problem(number, f"Line {number} {error}."))
    return WordList(tuple(lines), tuple(problems))


def read(path: Path) -> WordList:
    """The list in a file; empty when there is none. Raises WordListError when the file cannot be read."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return WordList()
    except OSError as error:
        raise WordListError(f"The word list {path} cannot be read: {error.strerror or error}.") from error


def write(path: Path, lines: Iterable[Line]) -> None:
    """Replace the file in one step. Raises WordListError; the old file is then untouched."""
    text = "".join(f"{line.text}\n" for line in lines)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise WordListError(f"The word list {path} cannot be saved: {error.strerror or error}.") from error


def line_of(entry: Entry) -> Line:
    """The line that says what the entry says. Raises WordListError for what a line cannot hold."""
    fields = [entry.phrase]
    if entry.strength != 1.0:
        named = next((name for name, value in STRENGTHS.items() if value == entry.strength), None)
        fields.append(f"strength: {named or f'{entry.strength:g}'}")
    if entry.sounds_like:
        fields.append(f"sounds like: {', '.join(entry.sounds_like)}")
    if not entry.on:
        fields.append("off")
    if entry.note:
        fields.append(f"note: {entry.note}")
    line = Line(" | ".join(fields))
    if _understood(line.text) != entry:
        raise WordListError(
            f'"{entry.phrase}" cannot be put into a word list: no "|", line break or leading "#" may be in it, '
            f"strength is from {WEAKEST:g} to {STRONGEST:g}, and sounds-like spellings have no commas."
        )
    return replace(line, entry=entry)


class WatchedList:
    """A list file that may change at any time. `poll` looks at it; nothing runs by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._fresh = True

    def poll(self) -> WordList | None:
        """The list if the file has changed since the last call (the first one always gives it), else None.

        Raises WordListError once for a file that cannot be read; then it counts as seen until it changes.
        """
        stamp = _stamp(self._path)
        if stamp == self._seen and not self._fresh:
            return None
        self._seen, self._fresh = stamp, False
        return read(self._path)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file does: (time of change, size); None while it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _as_utf8(content: bytes) -> bytes:
    """The content without a byte order mark; what Windows calls Unicode (UTF-16) becomes UTF-8."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if content.startswith(mark):
            return content.removeprefix(mark).decode(encoding, "replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def _understood(text: str) -> Entry | None:
    try:
        return None if "\n" in text or "\r" in text else _entry_in(text)
    except ValueError:
        return None


def _entry_in(text: str) -> Entry | None:
    """The entry of a line; None for comments and empty lines. Raises ValueError with the end of a sentence."""
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"has {len(text)} characters, which is too long for a phrase")
    phrase, *fields = (part.strip() for part in text.split("|"))
    entry = _phrase_in(phrase)
    if not any(character.isalnum() for character in entry.phrase):
        raise ValueError(f'has no phrase with a letter or digit: "{text.strip()}"')
    for field in fields:
        entry = _with_field(entry, field)
    return entry


def _phrase_in(text: str) -> Entry:
    """A phrase as typed, or as sherpa-onnx writes it: with a score, in pieces."""
    strength = 1.0
    if scored := _SHERPA_SCORE.fullmatch(text):
        text = scored["phrase"]
        strength = _strength(float(scored["score"]) / _SHERPA_NORMAL)
    if _WORD_MARK in text:
        text = "".join(text.split()).replace(_WORD_MARK, " ")
    return Entry(" ".join(text.split()), strength)


def _with_field(entry: Entry, field: str) -> Entry:
    name, colon, value = field.partition(":")
    match name.strip().casefold(), value.strip():
        case "off" | "on", "" if not colon:
            return replace(entry, on=name.strip().casefold() == "on")
        case "strength", value:
            return replace(entry, strength=_strength_in(value))
        case "sounds like" | "sounds-like", value:
            return replace(entry, sounds_like=_spellings(value.split(",")))
        case "note", value:
            return replace(entry, note=value)
    raise ValueError(
        f'says "{field}", where strength: …, sounds like: …, note: …, on or off can stand behind the phrase'
    )


def _spellings(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in parts if part.strip())


def _strength_in(value: str) -> float:
    if value.casefold() in STRENGTHS:
        return STRENGTHS[value.casefold()]
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ValueError(f'gives the strength "{value}", which is none of {", ".join(STRENGTHS)} and no number')
    return _strength(number)


def _strength(number: float) -> float:
    if not WEAKEST <= number <= STRONGEST:
        raise ValueError(f"gives the strength {number:g}, which is not between {WEAKEST:g} and {STRONGEST:g}")
    return number
