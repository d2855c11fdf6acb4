"""What a name may end with beyond itself: possessive, plural and a closing quotation mark are part of its match."""

from __future__ import annotations

LONGEST_ENDING = 2
"""Characters."""

_SIBILANTS = ("s", "x", "z", "ch", "sh")


def stems(folded: str) -> tuple[tuple[str, str], ...]:
    """The folded spellings that this one may be with an ending: (spelling, ending)."""
    if folded.endswith("'s"):
        return ((folded[:-2], "'s"),)
    if folded.endswith("'"):
        return ((folded[:-1], "'"),)
    if not folded.endswith("s"):
        return ()
    found = [(folded[:-2], "es")] if folded.endswith("es") and folded[:-2].endswith(_SIBILANTS) else []
    if folded[-2:-1].isalpha() and not folded[:-1].endswith(_SIBILANTS):
        found.append((folded[:-1], "s"))
    return tuple(found)


def stem_of_beginning(folded: str) -> str:
    """The spelling whose plural this may be the beginning of, as "boxe" is of "boxes"; empty for most."""
    return folded[:-1] if folded.endswith("e") and folded[:-1].endswith(_SIBILANTS) else ""
