"""The ways an entry of the list may be spelt by a model: what is matched is any of them, what is shown is the entry.

Case needs no variants because matching folds it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice, product

from engine.boosting.numbers import readings

MOST_VARIANTS = 24
"""Spellings of one entry, sounds-like not counted; more would only feed collisions."""

_LETTER_NAMES = {
    "a": "ay", "b": "bee", "c": "see", "d": "dee", "e": "ee", "f": "ef", "g": "gee", "h": "aitch", "i": "eye",
    "j": "jay", "k": "kay", "l": "el", "m": "em", "n": "en", "o": "oh", "p": "pee", "q": "cue", "r": "ar", "s": "ess",
    "t": "tee", "u": "you", "v": "vee", "w": "double-you", "x": "ex", "y": "why", "z": "zee",
}  # fmt: skip
_SYMBOL_NAMES = {
    "&": ("and",), "+": ("plus",), "#": ("sharp", "hash"), "@": ("at",), "%": ("percent",), "*": ("star",),
    "/": ("slash",), "$": ("dollar",), "\u20ac": ("euro",), "\u00a3": ("pound",), "=": ("equals",),
}  # fmt: skip
_STROKED = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "ı": "i"}
)
"""Letters that do not come apart into a letter and an accent."""

_LONGEST_ACRONYM = 6
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[^\W\d_]+|\d+|[&+#@%*/$\u20ac\u00a3=]")
_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_PLAIN = re.compile(r"[A-Za-z][a-z]*(?: [A-Za-z][a-z]*)*")
_ACRONYM = re.compile(rf"[A-Z]{{2,{_LONGEST_ACRONYM}}}")
_PUNCTUATION = re.compile(r"[^\w\s]")


def variants(text: str) -> tuple[str, ...]:
    """Spellings of an entry, the one typed first, none twice; not yet folded.

    Parts of a name (camel case, hyphens, digits) come apart or together, acronyms letter by letter or by
    the letters' names, digits and symbols as English words, apostrophes and accents left out.
    """
    if is_plain(text):
        return (text,)
    words = text.split()
    if len(words) == 1:
        return _word_variants(words[0])[:MOST_VARIANTS]
    spoken = [_word_variants(word) for word in words]
    return tuple(dict.fromkeys(map(" ".join, islice(product(*spoken), MOST_VARIANTS))))


def is_plain(text: str) -> bool:
    """True for words of letters only, written as words are: they have one spelling."""
    return _PLAIN.fullmatch(text) is not None


def _word_variants(word: str) -> tuple[str, ...]:
    if is_plain(word):
        return (word,)
    parts = _PARTS.findall(word)
    found = [word, " ".join(parts)] if len(parts) > 1 else [word]
    if not word.isalnum():
        found.append(_PUNCTUATION.sub("", word))
    found += _said(parts)
    if "." in word and _DOT.search(word):
        found += _said(_PARTS.findall(_DOT.sub(" dot ", word)))
    if not word.isascii():
        found.append(_without_accents(word))
    return tuple([spelling for spelling in dict.fromkeys(found) if spelling and not spelling.isspace()])


def _without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.translate(_STROKED))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _said(parts: list[str]) -> list[str]:
    """The parts read aloud; each kind of reading is tried for all parts at once."""
    ways = [_part_said(part) for part in parts]
    most = max(map(len, ways), default=0)
    return [" ".join([said[way] if way < len(said) else said[-1] for said in ways]) for way in range(most)]


def _part_said(part: str) -> tuple[str, ...]:
    return (part,) if part.isalpha() and not part.isupper() else _read_aloud(part)


@lru_cache(maxsize=4096)
def _read_aloud(part: str) -> tuple[str, ...]:
    if part.isdecimal() and part.isascii():
        return readings(part)
    if part in _SYMBOL_NAMES:
        return _SYMBOL_NAMES[part]
    if _ACRONYM.fullmatch(part):
        return " ".join(part), " ".join(_LETTER_NAMES[letter] for letter in part.lower()), part
    return (part,)
