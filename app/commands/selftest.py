"""`caique selftest`: which models this computer keeps up with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from app.commands.output import write_result
from app.core.errors import OutputError
from app.core.selftest import Reading, Readings, choose, self_test


def run(folder: Path | None, out: TextIO) -> int:
    """Measure, print one model a line, and keep what was found for the next start; 1 when no model keeps up."""
    print("Captioning a clip with each model, about ten seconds...", file=sys.stderr)
    readings = list(self_test(folder))
    write_result(table(readings), out)
    try:
        Readings().save(readings)
    except OSError as error:
        raise OutputError(f"What was found cannot be kept for the next start ({error.strerror or error}).") from error
    return 0 if any(reading.keeps_up for reading in readings) else 1


def table(readings: Sequence[Reading]) -> str:
    """One line each: * for the choice, model, delay, search, share of a core, how late, verdict."""
    chosen = choose(readings)
    rows = [
        (
            "*" if reading is chosen else " ",
            reading.model,
            f"{reading.latency} ms" if reading.latency else "",
            "narrow search" if reading.beam else "",
            f"{reading.core:.1%} of a core",
            f"at most {reading.late:.1f} s late",
            "keeps up" if reading.keeps_up else "does not keep up",
        )
        for reading in readings
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in aligned)
