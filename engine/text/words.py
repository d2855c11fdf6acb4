"""From pieces of the vocabulary to words as people read them, with times and confidence.

A piece that starts with U+2581 opens a word; pieces without the mark go on with it, punctuation included.
Pieces of the form <0x41> are single bytes of UTF-8 text (SentencePiece's byte fallback). Angle-bracketed
marks of the model (<unk>, language tags) are no text: <unk> shows as SentencePiece shows it, the others vanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.types import Token, Word

WORD_MARK = "\u2581"
UNKNOWN = "\u2047"

LAST_PIECE_SECONDS = 0.16
"""How long the last piece of a word is taken to last when nothing follows: two encoder frames of 80 ms."""

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_MARK = re.compile(r"<[^<>\s]+>")
_SENTENCE_END = re.compile(r"[.?!\u2026][\"'\u201d\u2019)\]]*$")


def is_byte(piece: str) -> bool:
    """True for a byte-fallback piece such as <0xE2>."""
    return _BYTE.fullmatch(piece) is not None


def surface(pieces: Sequence[str]) -> str:
    """The text of consecutive pieces, word marks as spaces, byte pieces decoded together."""
    out = bytearray()
    for piece in pieces:
        if byte := _BYTE.fullmatch(piece):
            out.append(int(byte.group(1), 16))
        elif piece == "<unk>":
            out += f" {UNKNOWN} ".encode()
        elif not _MARK.fullmatch(piece):
            out += piece.replace(WORD_MARK, " ").encode()
    return out.decode("utf-8", "replace")


def opens_word(piece: str) -> bool:
    """True when a piece starts a new word."""
    return piece.startswith((WORD_MARK, " ")) or piece == "<unk>"


def spans(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """(first, end) token indices of each word, in order; every token is in exactly one span."""
    first = 0
    for i, token in enumerate(tokens):
        if i > first and opens_word(token.text) and surface([t.text for t in tokens[first:i]]).strip():
            yield first, i
            first = i
    if first < len(tokens):
        yield first, len(tokens)


def words_of(tokens: Sequence[Token], heard: float) -> tuple[Word, ...]:
    """Words of the tokens of one utterance; `heard` is the audio heard by now, in seconds.

    A word ends where the next one starts, or `LAST_PIECE_SECONDS` after its last piece, or with the sound, whichever
    is first. Times never run backwards.
    """
    found: list[Word] = []
    groups = list(spans(tokens))
    for k, (first, end) in enumerate(groups):
        text = " ".join(surface([t.text for t in tokens[first:end]]).split())
        if not text:
            continue
        own = tokens[first:end]
        start = max(own[0].time, found[-1].start if found else 0.0)
        stop = min(own[-1].time + LAST_PIECE_SECONDS, heard)
        if k + 1 < len(groups):
            stop = min(stop, tokens[end].time)
        found.append(Word(text, start, max(start, stop), min(t.confidence for t in own), heard))
    return tuple(found)


def ends_sentence(text: str) -> bool:
    """True when the text ends with . ? ! or an ellipsis, closing quotes and brackets allowed."""
    return _SENTENCE_END.search(text) is not None
