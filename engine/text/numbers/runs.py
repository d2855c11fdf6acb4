"""Finds runs of number words among the words of an utterance and writes each with figures once it is over.

A run is over when a word follows that cannot belong to it, as no word of a boost list can, or behind punctuation. How
it is written depends on its own words and the one ahead of it only, so what has been settled never changes as more is
heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.text.numbers.lexicon import MEMBERS, OPENERS
from engine.text.numbers.rules import write
from engine.text.rewriting import Rewritten
from engine.types import Word

LONGEST_RUN = 24
"""Words after which a run is cut, so that somebody who counts aloud still sees settled words."""

_OPENING = "\"'([\u201c\u2018"
_CLOSING = ".,?!;:\"')]\u201d\u2019\u2026"


def rewrite_numbers(words: Sequence[Word], settled: int, *, final: bool) -> tuple[list[Rewritten], int]:
    """The words with numbers in figures, and how many of them are settled.

    settled: how many of `words` will not change; final: nothing follows. A run that may still go on is shown as it
    was said and is not settled.
    """
    out: list[Rewritten] = []
    done = 0
    at = 0
    while at < len(words):
        end, closed = _run(words, at)
        needed = end if closed or final else end + 1  # the word behind a run shows that it is over
        if end == at:  # no number word
            end = needed = at + 1
            out.append(Rewritten(words[at], end))
        elif closed or final or end < len(words):
            out += _written(words, at, end)
        else:
            out += [Rewritten(word, at + i) for i, word in enumerate(words[at:], 1)]
            break
        if settled >= needed:
            done = len(out)
        at = end
    return out, done


def _run(words: Sequence[Word], at: int) -> tuple[int, bool]:
    """The index after the run that begins at `at`, and whether it is over whatever follows."""
    end, allowed = at, OPENERS
    while end < len(words) and end - at < LONGEST_RUN:
        text = words[end].text
        if words[end].listed or (end > at and text[0] in _OPENING):
            break
        parts = _parts(text)
        if parts[0] not in allowed or any(part not in MEMBERS for part in parts):
            break
        end, allowed = end + 1, MEMBERS
        if _ending(text):
            return end, True
    return end, end - at == LONGEST_RUN


def _written(words: Sequence[Word], at: int, end: int) -> list[Rewritten]:
    """The run words[at:end] in figures. A hyphenated word is written as a whole or stays as it was said."""
    parts: list[str] = []
    borders = {0: at}  # from places among the parts to places among the words
    for i in range(at, end):
        parts += _parts(words[i].text)
        borders[len(parts)] = i + 1
    out: list[Rewritten] = []
    first, begun = at, True
    for piece in write(parts, _parts(words[at - 1].text)[-1] if at else ""):
        last = borders.get(piece.end)
        if last is None:
            begun = False
            continue
        if begun and piece.text is not None:
            out.append(_merged(words[first:last], piece.text, last))
        else:
            out += [Rewritten(words[i], i + 1) for i in range(first, last)]
        first, begun = last, True
    return out


def _merged(words: Sequence[Word], text: str, used: int) -> Rewritten:
    """One word in place of several, with the punctuation around them."""
    ahead, behind = words[0].text, words[-1].text
    opening = ahead[: len(ahead) - len(ahead.lstrip(_OPENING))]
    ending = _ending(behind)
    if text.endswith("."):
        ending = ending.removeprefix(".")
    word = replace(
        words[0],
        text=opening + text + ending,
        end=words[-1].end,
        confidence=min(word.confidence for word in words),
        emitted=min(word.emitted for word in words),
    )
    return Rewritten(word, used)


def _parts(text: str) -> list[str]:
    """The words that a shown word is made of, bare: "Twenty-five," is two."""
    bare = text.strip(_OPENING + _CLOSING).casefold().replace("\u2019", "'")
    return bare.split("-")


def _ending(text: str) -> str:
    """Closing punctuation; the last full stop of "p.m." is none."""
    ending = text[len(text.rstrip(_CLOSING)) :]
    return ending[1:] if ending.startswith(".") and text.casefold().startswith(("a.m.", "p.m.")) else ending
