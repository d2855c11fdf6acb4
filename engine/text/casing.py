"""Capitals for models that write none: the first letter of an utterance and "I". It claims to know no more."""

from __future__ import annotations

import re

_I = re.compile(r"^(\W*)i(?=$|\W)")


def capitalised(text: str, *, first: bool) -> str:
    """One shown word; `first`: it opens the utterance."""
    text = _I.sub(r"\1I", text)
    if not first:
        return text
    at = next((i for i, letter in enumerate(text) if letter.isalnum()), 0)
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]
