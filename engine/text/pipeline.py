"""From the words of the decoder to the words that are shown: punctuation, numbers, hidden words, capitals.

Each step says how many trailing words it may still change: punctuation two, numbers those of a number that may go on,
the others none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.text.casing import capitalised
from engine.text.numbers.runs import rewrite_numbers
from engine.text.profanity import Profanity, WordList, hide
from engine.text.punctuation import LOOK_AHEAD, Punctuator, punctuate
from engine.text.rewriting import Rewritten
from engine.types import Word

NOTHING_LEFT = "\u2026"
"""Shown for an utterance of which every word was dropped: something was said."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What is done to the words of a model before they are shown."""

    numbers: bool = True
    """Write English numbers in figures."""
    profanity: Profanity = Profanity.OFF
    profane: WordList = field(default_factory=WordList.packaged)
    capitals: bool = False
    """Capitalise what opens an utterance, and "I"; for models that write no capitals."""
    punctuator: Punctuator | None = None
    """Writes punctuation and capitals; for models that write neither."""


AS_HEARD = TextOptions(numbers=False)
"""Nothing is done."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The words to show, how many are settled, and how many of the decoder's words the settled ones use up."""

    words: tuple[Word, ...]
    settled: int
    used: int


def show(
    words: Sequence[Word], settled: int, options: TextOptions, *, final: bool, after: Sequence[Word] = ()
) -> Shown:
    """Rewrite the words of an utterance; `final`: nothing joins them. The words `after` belong to the next one.

    As long as the first `settled` of `words` stay as they are, so do the settled words of the result.
    """
    if options.punctuator:
        words = punctuate(words, after, options.punctuator)
        settled = settled if final else max(0, settled - LOOK_AHEAD)
    if options.numbers:
        rewritten, done = rewrite_numbers(words, settled, final=final)
    else:
        rewritten, done = [Rewritten(word, i) for i, word in enumerate(words, 1)], settled
    used = rewritten[done - 1].used if done else 0
    hidden = hide(rewritten, options.profane, options.profanity)
    out = [item.word for item in hidden if item]
    done = sum(item is not None for item in hidden[:done])
    if final and words and not out:
        out = [replace(words[0], text=NOTHING_LEFT)]
        done = 1
    if options.capitals:
        out = [replace(word, text=capitalised(word.text, first=i == 0)) for i, word in enumerate(out)]
    return Shown(tuple(out), done, used)
