"""Captions as plain text for the clipboard and for files: a paragraph a turn, whatever the window's width."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.captions.layout import Line
from app.captions.model import CaptionState

NameOf = Callable[[str], str]
"""The name a speaker is shown by, in the user's language."""


def whole_text(state: CaptionState, name_of: NameOf) -> str:
    """All that was said; ends with a line break unless empty."""
    paragraphs: list[list[str]] = []
    for turn in state.turns:
        words = turn.words + turn.tail
        if words and not (turn.continues and paragraphs):
            paragraphs.append([f"{name_of(turn.speaker)}:"] if turn.labelled else [])
        if words:
            paragraphs[-1] += words
    return "".join(f"{' '.join(paragraph)}\n" for paragraph in paragraphs)


def shown_text(lines: Iterable[Line], name_of: NameOf) -> str:
    """What some lines of the window say, with their line breaks taken out again."""
    paragraphs: list[str] = []
    for line in lines:
        text = f"{name_of(line.label)}: {line.text}" if line.label else line.text
        if line.begins or not paragraphs:
            paragraphs.append(text)
        else:
            paragraphs[-1] += f" {text}"
    return "\n".join(paragraphs)
