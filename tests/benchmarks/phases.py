"""Whether first and last words survive wherever speech begins: onsets from 0 to 1.2 s, every model.

    python -m tests.benchmarks.phases [--step MS] [--processes N]

A quiet room, a recording and again a quiet room go through the streams that users get. The models that come with the
program hear all recordings of speech in tests/data, without the silence around what is said, and are asked for the
words that were said; of a word that they mishear at most phases nothing is counted. The models of tests/data are asked
for the words that they hear themselves when nothing ends their utterance. The table goes into README.md beside this
file; with another step it is only printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from app.core import models
from app.core.catalogue import packaged_models
from engine.models.bundle import open_bundle
from engine.models.parts import FrameBundle
from tests.benchmarks.contestants import machine
from tests.benchmarks.tables import header, put
from tests.helpers.phases import EVERY_MODEL, LONGEST_PHASE, kept_by_captions, kept_of_what_was_said
from tests.helpers.reference import unpack_models
from tests.helpers.starter import transcripts

HERE = Path(__file__).parent
STEP = 20
RECORDINGS = ("a1_short.flac", "a2_three.flac", "a6_fast.flac")
"""Speech that the models of tests/data were trained on the like of."""

Kept = tuple[bool, bool]


def sweep_packaged(phases: Sequence[int], name: str) -> list[list[Kept]]:
    """First and last word kept, recording by recording, at each phase."""
    recognizer = models.load(Path(name), None, None)
    return [[kept_of_what_was_said(recognizer, said, phase) for phase in phases] for said in transcripts()]


def sweep_small(phases: Sequence[int], folder: Path, decoder: str) -> list[list[Kept]]:
    bundle = open_bundle(folder)
    assert isinstance(bundle, FrameBundle)
    return [[kept_by_captions(bundle, decoder, name, phase) for phase in phases] for name in RECORDINGS]


def row(name: str, swept: Iterable[list[Kept]]) -> str:
    """Shares of all onsets; an end of a recording that is misheard at most of them is left out."""
    cells = []
    for end in (0, 1):
        ends = [[kept[end] for kept in phases] for phases in swept]
        heard = [kept for kept in ends if 2 * sum(kept) > len(kept)]
        count, total = sum(map(sum, heard)), sum(map(len, heard))
        cells += [f"{count} of {total}", f"{count / total:.1%}" if total else "-"]
    return f"| {' | '.join([name, *cells])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=STEP, metavar="MS")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    phases = range(0, LONGEST_PHASE + 1, args.step)
    with tempfile.TemporaryDirectory() as scratch:
        folder = unpack_models(Path(scratch))
        with ProcessPoolExecutor(args.processes, multiprocessing.get_context("spawn")) as pool:
            ours = {name: pool.submit(partial(sweep_packaged, phases), name) for name in packaged_models()}
            small = {
                f"{name}, {decoder}": pool.submit(partial(sweep_small, phases), folder / name, decoder)
                for name, decoder in EVERY_MODEL
            }
            rows = [row(name, swept.result()) for name, swept in (ours | small).items()]
    columns = ("model", "first word kept", "", "last word kept", "")
    text = "\n".join([f"Machine: {machine()}. Onsets every {args.step} ms.", "", header(columns), *rows])
    print(text)
    if args.step == STEP:
        put(HERE / "README.md", "phases", text)


if __name__ == "__main__":
    main()
