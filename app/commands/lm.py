"""`caique lm`: an n-gram language model of the user's own texts, trained by kaldingram."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import TextIO

from kaldingram.train import NgramCounts

from app.commands.output import write_result
from app.core.errors import OutputError, TextError
from app.core.files import write_atomically
from engine.language_model import UNKNOWN
from engine.language_scores import plain_word
from engine.text.words import ends_sentence

FEWEST_WORDS = 100
"""Less text teaches nothing, and leaves the trainer without numbers to smooth by."""

MOST_DISCOUNT = 0.9
"""Where no n-gram stands twice, as in a short text, the trainer would discount all that was seen down to nothing."""


def run(texts: Sequence[Path], model: Path, order: int, out: TextIO) -> int:
    """Write the ARPA file, gzipped where its name ends in .gz, and say what is in it.

    Raises TextError when a text cannot be read or all are too short, OutputError when the file cannot be written.
    """
    said = [sentence for text in texts for sentence in sentences(_read(text))]
    words = sum(map(len, said))
    if words < FEWEST_WORDS:
        raise TextError(f"A language model needs more text than {words} words; give at least {FEWEST_WORDS}.")
    arpa = train(said, order).encode()
    try:
        write_atomically(model, gzip.compress(arpa, mtime=0) if model.suffix == ".gz" else arpa)
    except OSError as error:
        raise OutputError(f"The language model cannot be written to {model}: {error.strerror}.") from error
    different = len({word for sentence in said for word in sentence})
    write_result(f"{model}: learned from {words:,} words, {different:,} different ones.\n", out)
    return 0


def sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence, as a decoder's words are looked up: lower case, no punctuation around them.

    A sentence ends with its punctuation mark or with its line.
    """
    for line in text.splitlines():
        words: list[str] = []
        for token in line.split():
            words += filter(None, [plain_word(token)])
            if ends_sentence(token) and words:
                yield words
                words = []
        if words:
            yield words


def train(said: Sequence[Sequence[str]], order: int) -> str:
    """An ARPA file of the sentences: Kneser-Ney with back-off.

    Words outside the text are as probable as a word that stands in it once; without that, nothing else could be heard.
    """
    counts, arpa = NgramCounts(order), io.StringIO()
    with redirect_stderr(io.StringIO()):  # its progress bars
        for sentence in (*said, [UNKNOWN]):
            counts.add_raw_counts_from_line(" ".join(sentence))
        counts.cal_discounting_constants()
        counts.d = [min(discount, MOST_DISCOUNT) for discount in counts.d]
        counts.cal_f()
        counts.cal_bow()
        counts.print_as_arpa(arpa)
    return arpa.getvalue()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TextError(f"{path} is no plain UTF-8 text; save it as one first.") from None
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}.") from error
