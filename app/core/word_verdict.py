"""What became of each entry of a word list, in words: from the compile report to what a person is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.core.vocabulary import Entry, Line, WordList, problem_at
from engine.boosting.report import CompileReport, EntryReport, Risk


class Standing(Enum):
    """How an entry fares; in the order of how much attention it needs."""

    WORKS = auto()
    OFF = auto()
    CARE = auto()
    """It works, and something about it should be known."""
    DEAD = auto()
    """It is on and can have no effect."""
    BROKEN = auto()
    """The line cannot be understood."""


@dataclass(frozen=True, slots=True)
class Verdict:
    standing: Standing
    label: str
    """In two or three words."""
    sentences: tuple[str, ...] = ()
    """All there is to say."""


OFF = Verdict(Standing.OFF, "Off")


def verdicts(words: WordList, report: CompileReport) -> list[Verdict | None]:
    """One a line of the list that the report is about; None for comments and empty lines."""
    reports = iter(report.entries)
    return [_verdict(number, line, reports) for number, line in enumerate(words.lines, 1)]


def complaints(words: WordList, report: CompileReport) -> tuple[str, ...]:
    """A sentence for every line and entry that has no effect."""
    on = (entry for entry in words.entries if entry.on)
    dead = (_why_dead(entry, found)[1] for entry, found in zip(on, report.entries, strict=True) if not found.alive)
    return (*words.problems, *dead)


def broken(number: int, line: Line) -> Verdict:
    """The verdict on a line that cannot be understood, which needs no report."""
    return Verdict(Standing.BROKEN, "Not understood", (problem_at(number, line),))


def _verdict(number: int, line: Line, reports: Iterator[EntryReport]) -> Verdict | None:
    if line.problem:
        return broken(number, line)
    if line.entry is None:
        return None
    return judge(line.entry, next(reports)) if line.entry.on else OFF


def judge(entry: Entry, report: EntryReport) -> Verdict:
    """The verdict on an entry that is on."""
    if not report.alive:
        label, sentence = _why_dead(entry, report)
        return Verdict(Standing.DEAD, label, (sentence,))
    cares = _cares(entry, report)
    works = _works(entry, report)
    if not cares:
        return Verdict(Standing.WORKS, "Avoided" if entry.strength < 0 else "Works", (works,))
    return Verdict(Standing.CARE, cares[0][0], (*(sentence for _, sentence in cares), works))


def _works(entry: Entry, report: EntryReport) -> str:
    ways = "in one spelling" if report.spellings == 1 else f"in {report.spellings} spellings"
    return f'"{entry.phrase}" is {"avoided" if entry.strength < 0 else "listened for"} {ways}.'


def _why_dead(entry: Entry, report: EntryReport) -> tuple[str, str]:
    """Why nothing the model can write would match: a label and a sentence."""
    if entry.strength == 0:
        return "No effect", f'"{entry.phrase}" has strength 0, which does nothing; give it another, or switch it off.'
    if report.collides:
        return "Already listed", f'"{entry.phrase}" is in the list already, as "{report.collides[0]}".'
    return (
        "Cannot be written",
        f'"{entry.phrase}" cannot be written by this model; give it a "sounds like" that can.',
    )


def _cares(entry: Entry, report: EntryReport) -> Sequence[tuple[str, str]]:
    """What may go wrong with an entry that works: labels and sentences, the gravest first."""
    found = [(label, sentence.format(entry.phrase)) for risk in report.risks for label, sentence in [_RISKS[risk]]]
    found += [
        ("Shares a spelling", f'Some spellings of "{entry.phrase}" belong to "{owner}", which stands further up.')
        for owner in report.collides
    ]
    return found + [
        ("Partly unwritable", f'"{spelling}" cannot be written by this model; the other spellings work.')
        for spelling in entry.sounds_like
        if spelling in report.unwritable
    ]


_RISKS = {
    Risk.SHORT: ("Very short", '"{}" is so short that other words may be taken for it; it gets less weight.'),
    Risk.COMMON: ("Ordinary word", '"{}" is an ordinary word; it gets less weight unless its strength is high.'),
    Risk.LOUD: ("Too strong", '"{}" is stronger than words can be; it counts as the strongest.'),
}
