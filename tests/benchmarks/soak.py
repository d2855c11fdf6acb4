"""Whether memory stays flat: hours of simulated sound through a session and the text of the captions.

    python -m tests.benchmarks.soak [--hours H] [--model DIR ...] [--processes N]

Each model has a process of its own, in which a talk without end (the recordings of tests/data/speech in random order,
with pauses of a quiet room and now and then noise) goes through `CaptionSession` into captions and their lines, as
fast as the computer can. Without --model: the starter, and a CTC, an RNN-T and a TDT model of tests/data.
The table goes into README.md beside this file; with other models or hours it is only printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from app.captions.layout import CaptionLayout
from app.captions.model import CaptionState
from app.core.activity import Activity
from app.core.catalogue import starter_folder
from app.core.events import Captioned, Level, SessionEvent
from app.core.ports import CHUNK_SAMPLES, AudioChunk, Ended, Opened, SourceEvent, SourceKind
from app.core.session import CaptionSession
from engine.recognizer import Recognizer
from engine.types import SAMPLE_RATE, Samples
from tests.benchmarks.contestants import machine, resident
from tests.benchmarks.tables import header, put
from tests.helpers.reference import unpack_models
from tests.helpers.starter import quiet, recording, transcripts

HERE = Path(__file__).parent
HOURS = 4.0
REFERENCES = ("ctc-sherpa-80ms", "rnnt-sherpa-80ms", "tdt-nemo-80ms")
SETTLED = 10.0
"""Minutes of sound after which memory should have stopped growing."""
NOISES = tuple(f"noise-{k}" for k in range(1, 6))
LINE_WIDTH = 48.0
"""Characters."""


@dataclass
class Soak:
    """What one model's process held, in megabytes, by minute of sound."""

    name: str
    memory: list[tuple[float, float]] = field(default_factory=list)
    words: int = 0
    """Words in the captions at the end; the text itself is kept, and counted in."""
    cost: float = 0.0
    """Processor seconds a second of sound."""

    def at(self, minute: float) -> float:
        return next((held for when, held in self.memory if when >= minute), self.memory[-1][1])

    @property
    def growth(self) -> float:
        return self.memory[-1][1] - self.at(SETTLED)


class EndlessTalk:
    """A source that delivers its next chunk as soon as the last one is captioned."""

    kind = SourceKind.FILE
    name = "simulated"

    def __init__(self, hours: float) -> None:
        self._samples = round(hours * 3600 * SAMPLE_RATE)
        self._taken = threading.Semaphore(0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self._thread = threading.Thread(target=self._run, args=(deliver,), name="endless-talk")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.taken()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def taken(self) -> None:
        """The session has captioned a chunk."""
        self._taken.release()

    def _run(self, deliver: Callable[[SourceEvent], None]) -> None:
        deliver(Opened(self.name))
        at = 0
        for part, _ in endless_parts():
            for start in range(0, len(part) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES):
                if at >= self._samples or self._stop.is_set():
                    deliver(Ended())
                    return
                deliver(AudioChunk(part[start : start + CHUNK_SAMPLES], at, time.monotonic(), 0.1))
                at += CHUNK_SAMPLES
                self._taken.acquire()


def endless_parts() -> Iterator[tuple[Samples, str]]:
    """Sound, and what is said in it: speech in random order, always the same; pauses as in talks, and about every
    tenth a noise."""
    chosen = random.Random(0)
    rooms = [quiet(seconds) for seconds in (0.4, 0.8, 1.3, 4.0)]
    while True:
        name = chosen.choice(sorted(transcripts()))
        yield recording(name), transcripts()[name]
        yield chosen.choice(rooms), ""
        if chosen.random() < 0.1:
            yield recording(chosen.choice(NOISES)), ""


def soak(name: str, folder: Path, hours: float) -> Soak:
    """Push the sound through, and look at the memory of this process once a minute of it."""
    recognizer = Recognizer.load(folder)
    for clip in (*transcripts(), *NOISES):
        recording(clip)  # decoded once, so that memory does not grow when one of them is first drawn
    source, result = EndlessTalk(hours), Soak(name)
    state, activity = CaptionState(), Activity()
    layout = CaptionLayout(len, len, LINE_WIDTH)
    chunks = 0

    def on_event(event: SessionEvent) -> None:
        nonlocal state, activity, chunks
        activity = activity.apply(event)
        if isinstance(event, Captioned):
            state = state.apply(event.source, event.update)
            layout.lines(state)
        elif isinstance(event, Level):
            minute = chunks * CHUNK_SAMPLES / SAMPLE_RATE / 60
            if chunks % round(60 * SAMPLE_RATE / CHUNK_SAMPLES) == 0:
                result.memory.append((minute, resident()))
            chunks += 1
            source.taken()

    began = time.process_time()
    session = CaptionSession([source], recognizer.stream, on_event)
    session.start()
    session.wait()
    session.stop()
    result.cost = (time.process_time() - began) / (hours * 3600)
    result.memory.append((hours * 60, resident()))
    result.words = sum(len(turn.words) for turn in state.turns)
    return result


def table(soaked: Sequence[Soak], hours: float) -> list[str]:
    """A row a model."""
    marks = [SETTLED, *(60 * hour for hour in range(1, int(hours) + 1))]
    columns = ["model", *(f"after {mark:.0f} min, MB" for mark in marks), "growth, MB", "words kept", "CPU s per s"]
    rows = [
        [one.name, *(f"{one.at(mark):.1f}" for mark in marks), f"{one.growth:+.1f}", str(one.words), f"{one.cost:.3f}"]
        for one in soaked
    ]
    return [header(columns), *(f"| {' | '.join(row)} |" for row in rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = {folder.name: folder for folder in args.model}
        if not folders:
            references = unpack_models(Path(scratch))
            folders = {"starter": starter_folder(), **{name: references / name for name in REFERENCES}}
        context = multiprocessing.get_context("spawn")
        # A process a model, so that none inherits what another one held.
        with ProcessPoolExecutor(args.processes, context, max_tasks_per_child=1) as pool:
            hours = [args.hours] * len(folders)
            soaked = list(pool.map(soak, folders, folders.values(), hours))
    text = "\n".join([f"Machine: {machine()}.", "", *table(soaked, args.hours)])
    print(text)
    if args.hours == HOURS and not args.model:
        put(HERE / "README.md", "soak", text)


if __name__ == "__main__":
    main()
