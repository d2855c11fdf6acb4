"""What a second of live sound costs on streaming models: ours, sherpa-onnx and the bare session loop.

    python -m tests.benchmarks.streaming GRAPHS [--rounds N] [NAME ...]

GRAPHS is the folder that full_size_graphs.py filled; NAME limits the run to some of its graphs, or gives folders
of other CTC models. All contestants of a graph run in the same minutes, a slice of sound each in turn, one thread
each; figures are medians over slices of processor time, so that other work on the machine weighs little.
The table goes into README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import soundfile

from engine.models import rewriting
from engine.models.rewrite import rewrite, save
from engine.models.rewriting.linears import FORMS, Form
from engine.types import Samples
from tests.benchmarks.contestants import Process, Slice, made, shared_cost
from tests.benchmarks.full_size_graphs import graph_names
from tests.benchmarks.tables import header, put

README = Path(__file__).parent / "README.md"
DEMO = Path(__file__).parents[2] / "resources" / "demo" / "demo.opus"
REWRITER = Path(rewriting.__file__).parent
SLICE_SECONDS = 2.24
"""Two steps of the slowest profile."""
STREAMS = STEPS = 8
COLUMNS = (
    "model, step", "contestant", "ms a step", "CPU s per s of sound", "of sherpa-onnx", "of the raw loop",
    "outside session.run", "memory MB", "load CPU s", f"{STREAMS} streams in one call, each",
    f"up to {STEPS} steps in one call, each",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    results = options.graphs / "results.json"
    rows: dict[str, list[str]] = json.loads(results.read_text()) if results.exists() else {}
    for name in options.names or graph_names():
        rows[name] = measure(options.graphs / name, options.graphs / "work", options.rounds)
        results.write_text(json.dumps(rows))
        print("\n".join(rows[name]), flush=True)
    write_table([row for name in rows for row in rows[name]])


def measure(folder: Path, work: Path, rounds: int) -> list[str]:
    """The rows of one model folder."""
    rewritten = {form: _rewritten(folder, work / form / folder.name, form) for form in FORMS}
    step, bins = _step_and_bins(rewritten["fp32"])
    contestants = {
        "raw loop, published graph": Process("raw", folder, bins),
        "sherpa-onnx, published graph": Process("sherpa", folder, bins),
        **{f"Caique, rewritten, {form}": Process("ours", rewritten[form], bins) for form in FORMS},
    }
    taken: dict[str, list[Slice]] = {name: [] for name in contestants}
    for number in range(rounds + 3):
        for name, contestant in contestants.items():
            taken[name].append(contestant.feed(_slice(number)))
    memory = {name: contestant.end() for name, contestant in contestants.items()}
    # The first slices fill the attention cache and warm up.
    totals = {name: median(_cost(name, part) for part in parts[3:]) for name, parts in taken.items()}
    raw, sherpa = list(totals.values())[:2]
    shared = {f"Caique, rewritten, {form}": _shared(rewritten[form]) for form in FORMS}
    rows = []
    for name, total in totals.items():
        inside = [part.inside / part.total for part in taken[name][3:]]
        outside = f"{1 - median(inside):.1%}" if name.startswith("Caique") else "-"
        rows.append(
            f"| {folder.name}, {step * 1000:.0f} ms | {name} | {total / SLICE_SECONDS * step * 1000:.1f} "
            f"| {total / SLICE_SECONDS:.3f} | {total / sherpa:.2f} | {total / raw:.2f} | {outside} "
            f"| {memory[name]} | {contestants[name].load_seconds:.2f} | {' | '.join(shared.get(name, ['-', '-']))} |"
        )
    return rows


def _shared(folder: Path) -> list[str]:
    """What a step costs that shares a call with other streams, and with other steps of its own."""
    costs = [shared_cost(folder, streams, steps) for streams, steps in ((STREAMS, 1), (1, STEPS))]
    return ["-" if cost is None else f"{cost:.2f}" for cost in costs]


def _cost(name: str, part: Slice) -> float:
    return part.inside if name.startswith("raw") else part.total


def _rewritten(folder: Path, target: Path, form: Form) -> Path:
    """The folder with its graph rewritten; made again when the rewriter has changed."""
    made, changed = target / "tokens.txt", max(file.stat().st_mtime for file in REWRITER.rglob("*.py"))
    if not made.exists() or made.stat().st_mtime < changed:
        target.mkdir(parents=True, exist_ok=True)
        save(rewrite(folder / "model.onnx", form=form), target / "model.onnx")
        (target / "tokens.txt").write_text((folder / "tokens.txt").read_text(encoding="utf-8"), encoding="utf-8")
    return target


def _step_and_bins(folder: Path) -> tuple[float, int]:
    """Seconds of sound a step, and mel bins."""
    model = onnx.load(str(folder / "model.onnx"), load_external_data=False)
    shift = next(item.value for item in model.metadata_props if item.key == "chunk_shift")
    return int(shift) / 100, model.graph.input[0].type.tensor_type.shape.dim[1].dim_value


def _slice(number: int) -> Samples:
    sound, rate = soundfile.read(DEMO, dtype="float32")
    assert rate == 16_000
    start, length = int(number * SLICE_SECONDS * rate), int(SLICE_SECONDS * rate)
    taken: Samples = np.take(sound, np.arange(start, start + length), mode="wrap")
    return taken


def write_table(rows: list[str]) -> None:
    """Put the table into the README, between its marks."""
    lines = [made("sherpa-onnx"), "", header(COLUMNS), *rows]
    put(README, "streaming", "\n".join(lines))


if __name__ == "__main__":
    main()
