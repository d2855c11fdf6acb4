"""Shows how a run is going: its losses as lines of blocks, its word errors as a table.

python -m training.curve RUN_FOLDER
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

from training.errors import TrainingError, run

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 80
NOT_DRAWN = {"step", "minutes", "hours", "x_real_time"}


def blocks(values: list[float]) -> str:
    """Values as a line of at most `WIDTH` blocks, each the mean of its share."""
    if len(values) > WIDTH:
        edges = [len(values) * i // WIDTH for i in range(WIDTH + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(values), max(values)
    return "".join(BLOCKS[int(7 * (v - low) / (high - low))] if high > low else BLOCKS[0] for v in values)


def picture(rows: list[dict[str, Any]]) -> str:
    """The whole log as text."""
    lines = []
    losses = [r for r in rows if "wer" not in r]
    for name in sorted({name for r in losses for name in r} - NOT_DRAWN):
        values = [r[name] for r in losses if name in r]
        lines.append(f"{name:9} {values[0]:8.4f} -> {values[-1]:8.4f}  {blocks(values)}")
    for row in (r for r in rows if "wer" in r):
        for chunk, by_corpus in row["wer"].items():
            figures = "  ".join(f"{corpus} {percent:5.1f}" for corpus, percent in by_corpus.items())
            lines.append(f"{row['hours']:6.2f} h {row['minutes']:6.1f} min  {chunk:>6}  {figures}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    log = parser.parse_args().folder / "log.jsonl"
    if not log.is_file():
        raise TrainingError(f"{log} does not exist; training writes it: python -m training.distil")
    print(picture([json.loads(line) for line in log.read_text("utf8").splitlines()]))


if __name__ == "__main__":
    run(main)
