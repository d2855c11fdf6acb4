"""Writes a transcript as plain text, JSON, SubRip (srt) or WebVTT (vtt). Text in, text out; no files.

Subtitles follow the habits of broadcasters: at most two lines of 42 characters, at most seven seconds, cut where a
sentence or a clause ends when that leaves the cue well filled, and shown a moment longer than the words last.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.types import Final, Word

LINE_CHARACTERS = 42
CUE_LINES = 2
CUE_SECONDS = 7.0

PAUSE_SECONDS = 1.5
"""A silence this long inside an utterance ends the cue."""

LINGER_SECONDS = 0.5
"""How much longer than its last word a cue may stay, to be read."""

MIN_FILL = 0.5
"""A cue is cut early, at the end of a sentence or clause, only if this share of its words stays in it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was said in one recording."""

    file: str
    """As the user named it."""
    duration: float
    """Seconds of audio."""
    utterances: tuple[Final, ...]

    @property
    def text(self) -> str:
        return " ".join(utterance.text for utterance in self.utterances if utterance.words)


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle; times in whole milliseconds, as both formats write them."""

    start: int
    end: int
    lines: tuple[str, ...]


def to_txt(transcript: Transcript) -> str:
    """One utterance a line."""
    return "".join(f"{utterance.text}\n" for utterance in transcript.utterances if utterance.words)


def to_json(transcript: Transcript) -> str:
    """One object on one line; all times in seconds of audio."""
    record = {
        "file": transcript.file,
        "text": transcript.text,
        "duration": round(transcript.duration, 3),
        "utterances": [_utterance(utterance) for utterance in transcript.utterances if utterance.words],
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def to_srt(transcript: Transcript) -> str:
    """SubRip: numbered cues."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n" + "".join(f"{line}\n" for line in cue.lines)
        for number, cue in enumerate(cues(transcript.utterances), start=1)
    )


def to_vtt(transcript: Transcript) -> str:
    """WebVTT; what its syntax would read as markup is escaped."""
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript.utterances):
        text = "".join(f"{line}\n" for line in cue.lines)
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}")
    return "\n".join(blocks)


WRITERS: dict[str, Callable[[Transcript], str]] = {"txt": to_txt, "json": to_json, "srt": to_srt, "vtt": to_vtt}
"""Format name -> writer."""


def cues(utterances: Iterable[Final]) -> list[Cue]:
    """Cut utterances into subtitles that never overlap and never go back in time.

    A word longer than a line is left whole and stands on a line of its own.
    """
    groups = [group for utterance in utterances for group in _groups(utterance.words)]
    made: list[Cue] = []
    earliest = 0
    for group, following in pairwise([*groups, None]):
        if group is None:
            continue
        start = max(earliest, _milliseconds(group[0].start))
        latest = start + _milliseconds(CUE_SECONDS)
        if following is not None:
            latest = min(latest, _milliseconds(following[0].start))
        end = max(start + 1, min(latest, _milliseconds(group[-1].end + LINGER_SECONDS)))
        made.append(Cue(start, end, _lines(group)))
        earliest = end
    return made


def _groups(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words of each cue of one utterance."""
    for run in _runs(words):
        rest = run
        while rest:
            count = _fitting(rest)
            if count < len(rest):
                count = _good_cut(rest, count)
            yield rest[:count]
            rest = rest[count:]


def _runs(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words between long pauses."""
    begin = 0
    for index in range(1, len(words)):
        if words[index].start - words[index - 1].end > PAUSE_SECONDS:
            yield words[begin:index]
            begin = index
    yield words[begin:]


def _fitting(words: Sequence[Word]) -> int:
    """How many words, at least one, one cue can take."""
    for count in range(2, len(words) + 1):
        if words[count - 1].end - words[0].start > CUE_SECONDS or len(_wrap(words[:count])) > CUE_LINES:
            return count - 1
    return len(words)


def _good_cut(words: Sequence[Word], count: int) -> int:
    """Where to cut so that the reader gets a whole sentence, or else a whole clause."""
    for marks in (".?!…", ",;:"):
        for cut in range(count, int(count * MIN_FILL), -1):
            if words[cut - 1].text.rstrip("\"'”’)").endswith(tuple(marks)):
                return cut
    return count


def _wrap(words: Sequence[Word], width: int = LINE_CHARACTERS) -> list[str]:
    text = " ".join(word.text for word in words)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _lines(words: Sequence[Word]) -> tuple[str, ...]:
    """As few lines as fit, of about equal length."""
    lines = _wrap(words)
    if len(lines) != CUE_LINES:
        return tuple(lines)
    halves = ((_wrap(words[:cut], 10**6) + _wrap(words[cut:], 10**6)) for cut in range(1, len(words)))
    return tuple(min(halves, key=lambda pair: max(map(len, pair)), default=lines))


def _utterance(utterance: Final) -> dict[str, object]:
    record: dict[str, object] = {
        "start": round(utterance.start, 3),
        "end": round(utterance.end, 3),
        "text": utterance.text,
        "words": [{**_word(word), "emitted": round(word.emitted, 3)} for word in utterance.words],
        "tokens": [{"id": token.id, "text": token.text, "time": round(token.time, 3)} for token in utterance.tokens],
    }
    if utterance.alternatives:
        record["alternatives"] = [
            {"text": other.text, "cost": round(other.cost, 3), "words": [_word(word) for word in other.words]}
            for other in utterance.alternatives
        ]
    return record


def _word(word: Word) -> dict[str, object]:
    return {
        "text": word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(milliseconds: int, separator: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{thousandths:03}"
