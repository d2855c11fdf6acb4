"""Our live captions beside the live loops of others, on the same recordings, in one run.

    python -m tests.benchmarks.live_loops SPEECH [--whisper DIR ...] [--limit N] [--processes N] [--write]

SPEECH holds manifest.jsonl as for tests.benchmarks.captions; recordings of the split "dev" stand ten in a row as there.
DIR is a Whisper model in CTranslate2's format; it needs the package faster-whisper, which is installed with --no-deps
beside ONNX Runtime's GPU build. The table goes into README.md beside this file and into the one of the project; with
--limit it is only printed, unless --write says otherwise.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np

from app.core.catalogue import packaged_models, starter_folder
from tests.benchmarks.captions import errors, talks
from tests.benchmarks.contestants import machine
from tests.benchmarks.loops import Looped, run
from tests.benchmarks.tables import header, put
from tests.benchmarks.talks import Listener, Said, Shown, Talk, Whole
from tests.benchmarks.word_errors import words_of

HERE = Path(__file__).parent
SILENCE = Talk("silence", (), (), (60.0,))
LAST = 0.25
"""Seconds without a word behind the last word before a pause."""
COLUMNS = (
    "live loop", "errors, %", "a word is shown after, s", "90th percentile", "the last before a pause",
    "90th percentile", "CPU s per s", "of ours", "in silence",
)  # fmt: skip


@dataclass(frozen=True)
class Contestant:
    name: str
    kind: str
    model: str


def decode_whole(spoken: Sequence[Talk]) -> list[Whole]:
    """Where words end: from the starter's attention and voice activity, the same for all loops."""
    listener = Listener(starter_folder())
    return [listener.decode_whole(talk) for talk in spoken]


def delays(said: Sequence[Said], shown: Sequence[Shown]) -> Iterable[tuple[float, bool]]:
    """For words that both have: how long after its end each was shown, and whether a pause followed it."""
    if not said or not shown:
        return
    compared = jiwer.process_words(" ".join(word.text for word in said), " ".join(word.text for word in shown))
    for chunk in compared.alignments[0]:
        if chunk.type != "equal":
            continue
        for k in range(chunk.ref_end_idx - chunk.ref_start_idx):
            at = chunk.ref_start_idx + k
            word, seen = said[at], shown[chunk.hyp_start_idx + k]
            last = at + 1 == len(said) or said[at + 1].start - word.end > LAST
            if seen.first >= word.start:  # else it is another word of the same text
                yield seen.first - word.end, last


def row(name: str, spoken: Sequence[Talk], whole: Sequence[Whole], looped: Sequence[Looped], ours: float) -> str:
    *heard, silence = looped
    wrong = words = 0
    found: list[tuple[float, bool]] = []
    for talk, reference, result in zip(spoken, whole, heard, strict=True):
        text = [word for line in talk.texts for word in words_of(line)]
        words += len(text)
        wrong += errors(text, [word.text for word in result.words])
        found += delays(reference.said, result.words)
    every, last = [delay for delay, _ in found], [delay for delay, pause in found if pause]
    cells = [
        name,
        f"{100 * wrong / words:.1f}",
        *(f"{value:.2f}" for part in (every, last) for value in np.percentile(part, [50, 90])),
        f"{cost(heard):.3f}",
        f"{cost(heard) / ours:.2f}",
        f"{silence.cpu / silence.seconds:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def cost(heard: Sequence[Looped]) -> float:
    """Processor seconds a second of talk."""
    return sum(one.cpu for one in heard) / sum(one.seconds for one in heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--whisper", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--limit", type=int, help="recordings of a corpus")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write down a part, too")
    args = parser.parse_args()
    if args.whisper and importlib.util.find_spec("faster_whisper") is None:
        parser.error("faster-whisper is not installed")
    spoken = talks(args.speech, args.limit)
    contestants = [
        *(Contestant(f"Caique, {name}", "ours", name) for name in packaged_models()),
        Contestant("moonshine-voice, tiny-en", "moonshine", str(starter_folder())),
        *(Contestant(f"faster-whisper, {folder.name}", "whisper", str(folder)) for folder in args.whisper),
    ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, context, max_tasks_per_child=1) as pool:
        whole = pool.submit(decode_whole, spoken)
        runs = [pool.submit(run, each.kind, each.model, [*spoken, SILENCE]) for each in contestants]
        results = [each.result() for each in runs]
    ours = cost(results[0][:-1])
    rows = [
        row(each.name, spoken, whole.result(), looped, ours) for each, looped in zip(contestants, results, strict=True)
    ]
    said = sum(len(one.texts) for one in spoken)
    text = "\n".join([f"{said} recordings. Machine: {machine()}.", "", header(COLUMNS), *rows])
    print(text)
    if args.write or args.limit is None:
        for document in (HERE / "README.md", HERE.parents[1] / "README.md"):
            put(document, "live-loops", text)


if __name__ == "__main__":
    main()
