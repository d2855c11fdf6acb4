"""Subtitles: words with their times cut into cues, and these written as SubRip (srt) or WebVTT (vtt).

They follow the habits of broadcasters: at most two lines of 42 characters, at most seven seconds, cut where a sentence
or a clause ends when that leaves the cue well filled, and shown a moment longer than the words last.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Protocol

LINE_CHARACTERS = 42
CUE_LINES = 2
CUE_SECONDS = 7.0

PAUSE_SECONDS = 1.5
"""A silence this long inside an utterance ends the cue."""

LINGER_SECONDS = 0.5
"""How much longer than its last word a cue may stay, to be read."""

MIN_FILL = 0.5
"""A cue is cut early, at the end of a sentence or clause, only if this share of its words stays in it."""


class TimedWord(Protocol):
    """What subtitles need of a word; times in seconds."""

    @property
    def text(self) -> str: ...

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Speech:
    """What one speaker said in one go."""

    words: Sequence[TimedWord]
    name: str = ""
    """The speaker's, as it is to be shown; empty: there is only one."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle; times in whole milliseconds, as both formats write them."""

    start: int
    end: int
    words: tuple[str, ...]
    name: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        return _lines(self.words)

    @property
    def named_lines(self) -> tuple[str, ...]:
        """The same words behind the speaker's name."""
        return _lines((_label(self.name), *self.words))


def srt(made: Sequence[Cue]) -> str:
    """SubRip: numbered cues; the speaker's name stands in front where it is another than that of the cue before."""
    before = [Cue(0, 0, ()), *made]
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n"
        + "".join(f"{line}\n" for line in (cue.lines if cue.name == last.name else cue.named_lines))
        for number, (last, cue) in enumerate(zip(before, made, strict=False), start=1)
    )


def vtt(made: Iterable[Cue]) -> str:
    """WebVTT: speakers are its voices; what its syntax would read as markup is escaped."""
    blocks = ["WEBVTT\n"]
    for cue in made:
        text = escape("\n".join(cue.lines), quote=False)
        voice = f"<v {escape(cue.name, quote=False)}>" if cue.name else ""
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def cues(speeches: Iterable[Speech]) -> list[Cue]:
    """Cut what was said into subtitles, in order of time; those of one speaker never overlap.

    A word longer than a line is left whole and stands on a line of its own.
    """
    of_each: dict[str, list[Speech]] = {}
    for speech in speeches:
        of_each.setdefault(speech.name, []).append(speech)
    made = [cue for name, theirs in of_each.items() for cue in _cues_of(name, theirs)]
    return sorted(made, key=lambda cue: cue.start)


def _cues_of(name: str, speeches: Iterable[Speech]) -> Iterator[Cue]:
    """One speaker's."""
    label = _label(name)
    groups = [group for speech in speeches for group in _groups(speech.words, label)]
    earliest = 0
    for group, following in pairwise([*groups, None]):
        if group is None:
            continue
        start = max(earliest, _milliseconds(group[0].start))
        latest = start + _milliseconds(CUE_SECONDS)
        if following is not None:
            latest = min(latest, _milliseconds(following[0].start))
        end = max(start + 1, min(latest, _milliseconds(group[-1].end + LINGER_SECONDS)))
        yield Cue(start, end, tuple(word.text for word in group), name)
        earliest = end


def _groups(words: Sequence[TimedWord], label: str) -> Iterator[Sequence[TimedWord]]:
    """The words of each cue of one speech, with room for the label."""
    for run in _runs(words):
        rest = run
        while rest:
            count = _fitting(rest, label)
            if count < len(rest):
                count = _good_cut(rest, count)
            yield rest[:count]
            rest = rest[count:]


def _runs(words: Sequence[TimedWord]) -> Iterator[Sequence[TimedWord]]:
    """The words between long pauses."""
    begin = 0
    for index in range(1, len(words)):
        if words[index].start - words[index - 1].end > PAUSE_SECONDS:
            yield words[begin:index]
            begin = index
    yield words[begin:]


def _fitting(words: Sequence[TimedWord], label: str) -> int:
    """How many words, at least one, one cue can take."""
    texts = [label] if label else []
    texts.append(words[0].text)
    for count, word in enumerate(words[1:], start=2):
        texts.append(word.text)
        if word.end - words[0].start > CUE_SECONDS or len(_wrap(texts)) > CUE_LINES:
            return count - 1
    return len(words)


def _good_cut(words: Sequence[TimedWord], count: int) -> int:
    """Where to cut so that the reader gets a whole sentence, or else a whole clause."""
    for marks in (".?!…", ",;:"):
        for cut in range(count, int(count * MIN_FILL), -1):
            if words[cut - 1].text.rstrip("\"'”’)").endswith(tuple(marks)):
                return cut
    return count


def _label(name: str) -> str:
    return f"{name}:" if name else ""


def _wrap(words: Sequence[str], width: int = LINE_CHARACTERS) -> list[str]:
    return textwrap.wrap(" ".join(words), width, break_long_words=False, break_on_hyphens=False)


def _lines(words: Sequence[str]) -> tuple[str, ...]:
    """As few lines as fit, of about equal length."""
    lines = _wrap(words)
    if len(lines) != CUE_LINES:
        return tuple(lines)
    halves = (_wrap(words[:cut], 10**6) + _wrap(words[cut:], 10**6) for cut in range(1, len(words)))
    return tuple(min(halves, key=lambda pair: max(map(len, pair)), default=lines))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(milliseconds: int, separator: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{thousandths:03}"
