"""Writes what captions have said, for files that the user saves. Text in, text out; no files.

Times are seconds since the first session began. Who spoke is told where there was more than one to be captioned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.captions.model import CaptionState, Turn
from app.captions.plain_text import NameOf, whole_text
from app.core.transcript.subtitles import Speech, cues, srt, vtt

Writer = Callable[[CaptionState, NameOf], str]


def timed_text(state: CaptionState, name_of: NameOf) -> str:
    """A line for each turn: when it began, who spoke, what was said."""
    return "".join(
        f"[{_clock(turn.starts[0])}] {name}{': ' if name else ''}{' '.join(turn.words + turn.tail)}\n"
        for turn, name in _told_apart(state, name_of)
    )


def subrip(state: CaptionState, name_of: NameOf) -> str:
    return srt(cues(_speeches(state, name_of)))


def webvtt(state: CaptionState, name_of: NameOf) -> str:
    return vtt(cues(_speeches(state, name_of)))


WRITERS: dict[str, Writer] = {"text": whole_text, "timed": timed_text, "srt": subrip, "vtt": webvtt}
"""Form -> writer."""


def form_of(ending: str, chosen: str) -> str:
    """The form that a file gets: what the ending of its name says (".srt"), else what was chosen in the dialog."""
    named = ending.lower().lstrip(".")
    if named in ("srt", "vtt"):
        return named
    return "text" if named and chosen in ("srt", "vtt") else chosen


def _speeches(state: CaptionState, name_of: NameOf) -> Iterator[Speech]:
    return (Speech(tuple(turn.spoken), name) for turn, name in _told_apart(state, name_of))


def _told_apart(state: CaptionState, name_of: NameOf) -> Iterator[tuple[Turn, str]]:
    """Turns with words, each with the name of its speaker; empty where there is nobody to be told apart from."""
    turns = [turn for turn in state.turns if turn.words or turn.tail]
    several = any(turn.named for turn in turns) or len({turn.speaker for turn in turns}) > 1
    return ((turn, name_of(turn.speaker) if several else "") for turn in turns)


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}"
