"""How many live streams a core holds: recordings as live sound, all through `Recognizer.step` of one model.

    python -m tests.benchmarks.serve MODEL [MODEL ...] [--seconds N] [--most N] [--wall]

Every 80 ms each stream gets the next 80 ms of the demo recording, from a place of its own and one after the other, so
that their steps fall together as little as those of strangers do. The number of streams is doubled until captions fall
behind, by more than a second or by more and more, or `--most` is reached. One thread. The clock stands still while
other work has the processor: it counts what this process spends, and jumps to the next 80 ms when it has nothing to do,
as a core of its own would wait. `--wall` waits by a real clock instead. The first second is left out of the costs.
The table goes into README.md beside this file.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
import soundfile

from engine.recognizer import STEP_SAMPLES, Recognizer, Stream
from engine.types import SAMPLE_RATE, Samples
from tests.benchmarks.contestants import made
from tests.benchmarks.tables import header, put

README = Path(__file__).parent / "README.md"
DEMO = Path(__file__).parents[2] / "resources" / "demo" / "demo.opus"
TICK = STEP_SAMPLES / SAMPLE_RATE
WARM_UP = 1.0
TOO_LATE = 1.0
COLUMNS = (
    "model", "step", "streams", "CPU s per s of sound, each", "of one alone", "one by one", "streams a core",
    "late at the end, s", "kept up",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """So many streams for so long."""

    streams: int
    cost: float
    """Processor seconds a second of sound and stream."""
    late: float
    """Seconds that the last tick ended after it was due."""
    held: bool


class Clock(Protocol):
    def now(self) -> float: ...

    def wait_until(self, due: float) -> None: ...


class WallClock:
    """Everybody's clock."""

    def now(self) -> float:
        return time.monotonic()

    def wait_until(self, due: float) -> None:
        time.sleep(max(due - time.monotonic(), 0.0))


class OwnClock:
    """The clock of a core that this process has for itself."""

    def __init__(self) -> None:
        self._waited = 0.0

    def now(self) -> float:
        return self._waited + time.process_time()

    def wait_until(self, due: float) -> None:
        self._waited += max(due - self.now(), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--most", type=int, default=64)
    parser.add_argument("--wall", action="store_true")
    options = parser.parse_args()
    clock = WallClock() if options.wall else OwnClock()
    rows = [row for folder in options.models for row in measure(folder, options.seconds, options.most, clock)]
    lines = [made(), "", header(COLUMNS), *rows]
    put(README, "serve", "\n".join(lines))


def measure(folder: Path, seconds: float, most: int, clock: Clock) -> list[str]:
    """The rows of one model, printed as they come."""
    recognizer = Recognizer.load(folder)
    name = "/".join(folder.resolve().parts[-2:])
    step = recognizer.info.chunk
    alone: float | None = None
    rows, count, held = [], 1, True
    while held and count <= most:
        run = live(recognizer, count, seconds, clock, together=True)
        alone = alone or run.cost
        apart = "-"
        if run.held and count > 1:
            apart = f"{live(recognizer, count, seconds / 2, clock, together=False).cost / alone:.2f}"
        rows.append(
            f"| {name} | {step * 1000:.0f} ms | {count} | {run.cost:.4f} | {run.cost / alone:.2f} "
            f"| {apart} | {1 / run.cost:.0f} | {run.late:.2f} | {'yes' if run.held else 'no'} |"
        )
        print(rows[-1], flush=True)
        count, held = 2 * count, run.held
    return rows


def live(recognizer: Recognizer, count: int, seconds: float, clock: Clock, *, together: bool) -> Run:
    """Caption so many streams in real time, with shared calls or each by itself."""
    streams = [recognizer.stream() for _ in range(count)]
    sounds = [_from(1.3 * number, seconds) for number in range(count)]
    lateness, spent, heard = [], 0.0, 0
    start = clock.now()
    for tick in range(round(seconds / TICK)):
        due = start + (tick + 1) * TICK
        clock.wait_until(due)
        began = time.process_time()
        # Strangers begin to speak one after the other.
        begun = streams[: tick + 1]
        for number, stream in enumerate(begun):
            at = (tick - number) * STEP_SAMPLES
            stream.hear(sounds[number][at : at + STEP_SAMPLES])
        _step(begun, together=together)
        lateness.append(clock.now() - due)
        if len(begun) == count and tick * TICK >= WARM_UP:
            spent, heard = spent + time.process_time() - began, heard + count
        if lateness[-1] > 3 * TOO_LATE:
            break
    third = len(lateness) // 3
    grows = median(lateness[-third:]) - median(lateness[third : 2 * third]) > TOO_LATE / 4
    return Run(count, spent / max(heard, 1) / TICK, lateness[-1], not grows and median(lateness[-third:]) < TOO_LATE)


def _step(streams: list[Stream], *, together: bool) -> None:
    if together:
        Recognizer.step(streams)
    else:
        for stream in streams:
            stream.step()


def _from(second: float, seconds: float) -> Samples:
    """So much of the demo recording, which goes round and round."""
    sound, rate = soundfile.read(DEMO, dtype="float32")
    assert rate == SAMPLE_RATE
    taken: Samples = np.take(sound, np.arange(round(seconds * rate)) + round(second * rate), mode="wrap")
    return taken


if __name__ == "__main__":
    main()
