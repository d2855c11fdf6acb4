"""Writes ARPA files from sentences: valid files (closed under prefixes and suffixes) with plausible scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def arpa_of(sentences: Sequence[str], order: int, *, unknown: bool = True) -> str:
    """An n-gram model of the sentences by absolute discounting; its scores need not add up to one."""
    grams: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        words = ("<s>", *sentence.split(), "</s>")
        for length in range(1, order + 1):
            grams[length - 1].update(words[i : i + length] for i in range(len(words) - length + 1))
    grams[0].update([("<s>",), ("</s>",)])
    lines = ["\\data\\", *(f"ngram {i + 1}={len(g) + (i == 0 and unknown)}" for i, g in enumerate(grams)), ""]
    for length, level in enumerate(grams, 1):
        lines.append(f"\\{length}-grams:")
        if length == 1 and unknown:
            lines.append("-3.25\t<unk>\t0")
        lines += [_line(gram, count, grams, length < order) for gram, count in sorted(level.items())]
        lines.append("")
    return "\n".join([*lines, "\\end\\", ""])


def _line(gram: tuple[str, ...], count: int, grams: list[Counter[tuple[str, ...]]], longer: bool) -> str:
    context = grams[len(gram) - 2][gram[:-1]] if len(gram) > 1 else grams[0].total()
    score = -99.0 if gram == ("<s>",) else math.log10((count - 0.5) / (context + 1))
    backoff = f"\t{-0.1 - 0.05 * (sum(map(len, gram)) % 7):.4f}" if longer else ""
    return f"{score:.6f}\t{' '.join(gram)}{backoff}"
