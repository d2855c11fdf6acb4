"""Folding: what a phrase and a piece of the vocabulary look like when only their characters count.

Folded text is lower-case; everything that separates words (spaces, U+2581, punctuation) is one blank.
A folded phrase starts with a blank and ends without one: " coca cola". Symbols that carry meaning in names
(C++, C#, AT&T) stay. Han and kana characters are words of their own, since nothing separates them.
"""

from __future__ import annotations

import re
import unicodedata

BOUNDARY = " "

_MEANINGFUL = frozenset("&@#%*'")
_APOSTROPHES = frozenset("\u2019\u02bc\u2018`\u00b4\uff07")
_WORD_MARK = "\u2581"
_FIRST_BYTE = 0xE000
"""Byte pieces that are no ASCII are folded to U+E000 and up: private characters that no text holds."""

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPECIAL_PIECE = re.compile(r"<[^<>\s]*>")
_LOOSE_APOSTROPHE = re.compile(r"(?<= )'+|'+(?= |$)")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class _Folding(dict[int, str]):
    """Table for `str.translate` that works out a character when it is first met."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if character in _MEANINGFUL or _FIRST_BYTE <= ord(character) < _FIRST_BYTE + 256:
        return character
    if character == _WORD_MARK or unicodedata.category(character)[0] not in "LNMS":
        return BOUNDARY
    folded = character.casefold()
    return f" {folded} " if _IDEOGRAPH.fullmatch(character) else folded


_TABLE = _Folding()


def fold_character(character: str) -> str:
    """The folded form of one character; may be empty or longer than one."""
    return _TABLE[ord(character)]


def fold(text: str) -> str:
    """A phrase as the automaton spells it; empty when there is nothing to match in it."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    elif text.replace(BOUNDARY, "").isalnum():  # the most, and three times as fast
        return BOUNDARY + BOUNDARY.join(text.lower().split())
    words = text.translate(_TABLE).split()
    folded = BOUNDARY + BOUNDARY.join(words)
    if "'" in folded:
        words = _LOOSE_APOSTROPHE.sub("", folded).split()
        folded = BOUNDARY + BOUNDARY.join(words)
    return folded if words else ""


def fold_piece(piece: str) -> str:
    """A piece of the vocabulary, blanks at its ends kept; empty for marks such as <blk>."""
    if byte := _BYTE_PIECE.fullmatch(piece):
        return fold_byte(int(byte.group(1), 16))
    if _SPECIAL_PIECE.fullmatch(piece):
        return BOUNDARY if piece == "<unk>" else ""
    return unicodedata.normalize("NFC", piece).translate(_TABLE)


def fold_byte(value: int) -> str:
    """The folded form of a byte piece."""
    return fold_character(chr(value)) if value < 0x80 else chr(_FIRST_BYTE + value)


def as_bytes(character: str) -> str:
    """A character as a vocabulary spells it that knows it only byte by byte."""
    return "".join(fold_byte(value) for value in character.encode())
