"""What a word list finds and what it breaks, through the streams that users get.

    python -m tests.benchmarks.boosting SPEECH NOISE NAMES [--models accurate fast] [--limit N]
        [--parts rare books false phases compile] [--processes N] [--write]

SPEECH holds manifest.jsonl, an object a line with "path", "text", "corpus" and "split"; those of the split "dev" are
judged, and people reading books aloud. NOISE holds another, with "path" and "kind". NAMES is a text file of names, one
a line. The list of a recording is its own words that are not ordinary English ones, and names that nobody says in it.
The tables go into README.md beside this file; those of a part of the recordings or without some of the tables only with
--write.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial, reduce
from pathlib import Path
from typing import Any

from tests.benchmarks.boosting_sets import Recording, Sets, Stretch, speech, without_speech
from tests.benchmarks.boosting_systems import EVERY, NORMAL, WITHOUT, Bench, Case, System
from tests.benchmarks.contestants import made
from tests.benchmarks.tables import header, put
from tests.benchmarks.word_errors import Errors

RARE: tuple[Case, ...] = (
    *((distractors, system) for distractors in (100, 1_000) for system in EVERY),
    *((10_000, system) for system in (*WITHOUT, *NORMAL)),
)
"""What recordings with rare words go through, ..."""
BOOKS: tuple[Case, ...] = tuple((distractors, system) for distractors in (100, 1_000) for system in (*WITHOUT, *NORMAL))
"""... books read aloud, ..."""
ORDINARY: tuple[Case, ...] = tuple((400, system) for system in (*WITHOUT, *NORMAL))
"""... speech without rare words, and sound without speech."""

PARTS = ["rare", "books", "false", "phases", "compile"]
READING = 40
"""Recordings of people reading."""
PHASES = 24
"""Recordings whose hits are compared at every phase of 80 ms, and how many over 1.2 s."""
PHASES_LONG = 2
SHORT_SHIFTS = tuple(range(0, 80, 20))
LONG_SHIFTS = tuple(range(0, 1_200, 20))

Counts = Mapping[Case, Errors]

_bench: Bench


def _open(model: Path, names: Sequence[str]) -> None:
    global _bench  # noqa: PLW0603 - one a process
    _bench = Bench(model, names)


def _call(method: str, args: tuple[object, ...]) -> Any:
    return getattr(_bench, method)(*args)


class Pool:
    """The model in a few processes."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def each(self, method: str, tasks: Iterable[tuple[object, ...]]) -> list[Any]:
        """What a method of `Bench` says of each task."""
        return list(self._executor.map(partial(_call, method), tasks))

    def total(self, method: str, tasks: Iterable[tuple[object, ...]]) -> Counts:
        """The sum of it, case by case."""
        return reduce(_sum, self.each(method, tasks), {})


def _sum(one: Counts, other: Counts) -> Counts:
    return {case: one.get(case, Errors()) + errors for case, errors in other.items()}


def found_table(pool: Pool, name: str, recordings: Sequence[Recording], cases: Sequence[Case]) -> list[str]:
    """Errors with each number of distractors and by each system."""
    counts = pool.total("compare", ((recording, cases) for recording in recordings))
    columns = (
        f"{name}: distractors", "system", "listed words wrong, %", "fewer than without", "others wrong, %",
        "false in 1,000", "CPU of greedy, no list",
    )  # fmt: skip
    errors = next(iter(counts.values()))
    told = f"{len(recordings)} recordings, {errors.listed_said} listed words, {errors.others_said} others."
    return [told, "", header(columns), *(_found_row(case, counts) for case in cases)]


def _found_row(case: Case, counts: Counts) -> str:
    distractors, system = case
    errors, without = counts[case], counts[distractors, System(system.beam)]
    biased = (system.strength or system.fuzzy) and without.listed
    fewer = f"{100 * (1 - errors.listed / without.listed):.0f} %" if biased else "-"
    cost = f"{errors.cpu / counts[distractors, WITHOUT[0]].cpu:.2f}" if not system.fuzzy else "-"
    rates = f"{errors.listed_rate:.1f} | {fewer} | {errors.others_rate:.1f} | {errors.false_rate:.1f}"
    return f"| {distractors:,} | {system} | {rates} | {cost} |"


def false_table(pool: Pool, ordinary: Sequence[Recording], stretches: Sequence[Stretch]) -> list[str]:
    """Names that are heard where nobody says one."""
    columns = ("400 names active", "system", "minutes", "words said", "wrong, %", "names shown", "words shown")
    rows = [header(columns)]
    for (_, system), errors in pool.total("compare", ((one, ORDINARY) for one in ordinary)).items():
        rates = f"{errors.said} | {errors.others_rate:.1f} | {errors.false} | -"
        rows.append(f"| ordinary speech | {system} | {errors.seconds / 60:.1f} | {rates} |")
    kinds = {kind: [paths for own, paths in stretches if own == kind] for kind, _ in stretches} | {"quiet room": [()]}
    for kind, paths in kinds.items():
        for (_, system), errors in pool.total("without_speech", ((one, ORDINARY) for one in paths)).items():
            minutes = f"{errors.seconds / 60:.1f}"
            rows.append(f"| {kind} | {system} | {minutes} | 0 | - | {errors.false} | {errors.others} |")
    return rows


def phase_table(pool: Pool, recordings: Sequence[Recording]) -> list[str]:
    """How many hits stay when the same sound comes at another phase."""
    rows = [header(("hits at every phase", "system", "hits compared", "the same, %"))]
    tasks = ((LONG_SHIFTS, PHASES_LONG, "1.2 s"), (SHORT_SHIFTS, PHASES, "80 ms"))
    for shifts, count, name in tasks:
        for system in NORMAL:
            pairs = pool.each("phases", ((one, shifts, system) for one in recordings[:count]))
            same, of = (sum(column) for column in zip(*pairs, strict=True))
            rows.append(f"| of {name}, in steps of 20 ms | {system} | {of} | {100 * same / max(of, 1):.1f} |")
    return rows


def compile_table(pool: Pool) -> list[str]:
    """What lists cost to compile."""
    [times] = pool.each("compile_times", [()])
    rows = [f"| {name} | {1000 * anew:.0f} | {1000 * edited:.0f} |" for name, anew, edited in times]
    return [header(("compiling a list", "CPU ms", "after a line was edited, CPU ms")), *rows]


def measure(pool: Pool, sets: Sets, stretches: Sequence[Stretch], parts: Collection[str]) -> str:
    """The tables of one model that are wanted."""
    tables: dict[str, Callable[[], list[str]]] = {
        "rare": lambda: found_table(pool, "rare words", sets.rare, RARE),
        "books": lambda: found_table(pool, "books read aloud", sets.reading, BOOKS),
        "false": lambda: false_table(pool, sets.ordinary, stretches),
        "phases": lambda: phase_table(pool, sets.rare),
        "compile": lambda: compile_table(pool),
    }
    return "\n\n".join("\n".join(table()) for part, table in tables.items() if part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("noise", type=Path)
    parser.add_argument("names", type=Path)
    parser.add_argument("--models", type=Path, nargs="+", default=[Path("accurate"), Path("fast")])
    parser.add_argument("--limit", type=int, help="recordings of each kind, and stretches of a kind of noise")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write down a part, too")
    args = parser.parse_args()
    names = args.names.read_text(encoding="utf-8").split()
    sets, stretches = speech(args.speech, args.limit, READING), without_speech(args.noise, args.limit)
    begin = f"{made('rapidfuzz')} {len(names):,} names."
    context = multiprocessing.get_context("spawn")
    for model in args.models:
        with ProcessPoolExecutor(args.processes, context, _open, (model, names)) as executor:
            tables = measure(Pool(executor), sets, stretches, args.parts)
        section = f"{Bench(model, names).name}. {begin}\n\n{tables}"
        print(section, flush=True)
        if args.write or (args.limit is None and args.parts == PARTS):
            put(Path(__file__).parent / "README.md", f"boosting, {model.name}", section)


if __name__ == "__main__":
    main()
