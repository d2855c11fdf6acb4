"""Captions as plain text for the clipboard and for files: a paragraph a turn, whatever the window's width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from app.captions.layout import Line
from app.captions.model import CaptionState, Turn

NameOf = Callable[[str], str]
"""The name a speaker is shown by, in the user's language."""


def whole_text(state: CaptionState, name_of: NameOf) -> str:
    """All that was said; ends with a line break unless empty."""
    text = "".join(pieces(state.turns, name_of))
    return f"{text}\n" if text else ""


def pieces(turns: Iterable[Turn], name_of: NameOf, *, begun: bool = False) -> Iterator[str]:
    """What each turn with words adds to the text before it; `begun`: there is some."""
    for turn in turns:
        words = " ".join(turn.words + turn.tail)
        if not words:
            continue
        if turn.continues and begun:
            yield f" {words}"
        else:
            label = f"{name_of(turn.speaker)}: " if turn.labelled else ""
            line_break = "\n" if begun else ""
            yield f"{line_break}{label}{words}"
        begun = True


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
