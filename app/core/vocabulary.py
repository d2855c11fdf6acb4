"""The list of words that captions should know, as text: what its lines mean and how they are written.

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
from dataclasses import dataclass, replace
from functools import lru_cache

from app.core.errors import WordListError
from engine.types import BoostPhrase

STRENGTHS = {"low": 0.6, "normal": 1.0, "high": 1.6, "avoid": -1.0}
"""Strengths by the words people use for them."""

WEAKEST, STRONGEST = -5.0, 5.0

MOST_CHARACTERS = 200
"""Longer phrases are text that was pasted by mistake."""

MOST_REMEMBERED = 50_000
"""Lines that need not be taken apart again when a list is read anew because one of them was edited."""

SHERPA_NORMAL = 1.5
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
    """A line of the file, and the entry in it, if it is one."""

    text: str
    """As it stands there, without its end; bytes that are no UTF-8 as lone surrogates, so that nothing is lost."""
    entry: Entry | None = None
    problem: str = ""
    """Why it cannot be used, to be said after "Line 7 "; empty for entries, comments and empty lines."""

    @property
    def shown(self) -> str:
        """The text as it can be shown."""
        return self.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class WordList:
    """A list as it stands in its file."""

    lines: tuple[Line, ...] = ()
    newline: str = "\n"
    """What ends its lines."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(line.entry for line in self.lines if line.entry)

    @property
    def phrases(self) -> tuple[BoostPhrase, ...]:
        """What the engine is given: the entries that are on."""
        return tuple(BoostPhrase(e.phrase, e.strength, e.sounds_like) for e in self.entries if e.on)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for every line that cannot be used."""
        return tuple(problem_at(number, line) for number, line in enumerate(self.lines, 1) if line.problem)

    @property
    def content(self) -> bytes:
        """What its file holds."""
        return "".join(f"{line.text}{self.newline}" for line in self.lines).encode("utf-8", "surrogateescape")


def problem_at(number: int, line: Line) -> str:
    """What is wrong with the line of this number, counted from 1."""
    return f"Line {number} {line.problem}."


def parse(content: bytes) -> WordList:
    """Read the content of a list file; whatever it holds, what can be used is used."""
    raw = _as_utf8(content)
    texts = (line.decode("utf-8", "surrogateescape") for line in raw.splitlines())
    return WordList(tuple(map(line_in, texts)), "\r\n" if b"\r\n" in raw else "\n")


@lru_cache(MOST_REMEMBERED)
def line_in(text: str) -> Line:
    """The line that this text is; what cannot be used becomes its `problem`."""
    try:
        text.encode()
        return Line(text, _entry_in(text))
    except UnicodeEncodeError:
        return Line(text, problem="is no UTF-8 text; save the file as UTF-8")
    except ValueError as error:
        return Line(text, problem=str(error))


def line_of(entry: Entry) -> Line:
    """The line that says what the entry says. Raises WordListError for what a line cannot hold."""
    fields = [entry.phrase]
    if entry.strength != 1.0:
        fields.append(f"strength: {strength_name(entry.strength)}")
    if entry.sounds_like:
        fields.append(f"sounds like: {', '.join(entry.sounds_like)}")
    if not entry.on:
        fields.append("off")
    if entry.note:
        fields.append(f"note: {entry.note}")
    line = line_in(" | ".join(fields))
    if line.entry != entry or "\n" in line.text or "\r" in line.text:
        raise WordListError(_why_refused(entry, line))
    return line


def strength_of(text: str) -> float:
    """The strength that a person means by a word or number. Raises WordListError."""
    try:
        return _strength_in(text.strip())
    except ValueError as error:
        raise WordListError(f"This {error}.") from error


def strength_name(strength: float) -> str:
    """The word for a strength, or its number."""
    return next((name for name, value in STRENGTHS.items() if value == strength), f"{strength:g}")


def _why_refused(entry: Entry, line: Line) -> str:
    if not any(character.isalnum() for character in entry.phrase):
        return "A word needs a letter or a digit."
    if len(entry.phrase) > MOST_CHARACTERS:
        return f"This line {line.problem}."
    return (
        f'"{entry.phrase}" cannot be put into a word list: no "|", line break or leading "#" may be in it, '
        f"strength is from {WEAKEST:g} to {STRONGEST:g}, and sounds-like spellings have no commas."
    )


def _as_utf8(content: bytes) -> bytes:
    """The content without a byte order mark; what Windows calls Unicode (UTF-16) becomes UTF-8, every bit of it."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if content.startswith(mark):
            whole = len(content) // 2 * 2
            text = content[len(mark) : whole].decode(encoding, "surrogatepass")
            return text.encode("utf-8", "surrogatepass") + content[whole:]
    return content.removeprefix(codecs.BOM_UTF8)


def _entry_in(text: str) -> Entry | None:
    """The entry of a line; None for comments and empty lines. Raises ValueError with the end of a sentence."""
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    phrase, *fields = (part.strip() for part in text.split("|"))
    if len(phrase) > MOST_CHARACTERS:
        raise ValueError(f"has {len(phrase)} characters, which is too long for a phrase")
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
        strength = _strength(float(scored["score"]) / SHERPA_NORMAL)
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
            return replace(entry, sounds_like=(*entry.sounds_like, *spellings_in(value)))
        case "note", value:
            return replace(entry, note=f"{entry.note}; {value}" if entry.note else value)
    raise ValueError(
        f'says "{field}", where strength: …, sounds like: …, note: …, on or off can stand behind the phrase'
    )


def spellings_in(text: str) -> tuple[str, ...]:
    """Spellings that a word sounds like, as people write them: with commas between."""
    return tuple(" ".join(part.split()) for part in text.split(",") if part.strip())


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
