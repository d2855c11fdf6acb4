"""What the whole program costs: the real window on a screen of its own, with a sound server of its own.

    python -m tests.benchmarks.application [--seconds N] [--model NAME]

Processor time of the program's process and its children, over a minute each: digital silence, a quiet room, and a
talk made of the recordings in tests/data/speech. Then how long the model takes from opening its files to its first
step, in fresh interpreters. The table goes into README.md beside this file; with other options it is only printed.
Needs Xvfb and PulseAudio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from engine.types import SAMPLE_RATE, Samples
from tests.benchmarks.contestants import machine
from tests.benchmarks.soak import endless_parts
from tests.benchmarks.tables import header, put
from tests.helpers.screen import screen
from tests.helpers.sound_server import SoundServer, wait_until, write_sound
from tests.helpers.starter import quiet

HERE = Path(__file__).parent
SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
LOADS = 7
"""Fresh interpreters in which loading is timed."""

_LOAD = """
import sys, time
from pathlib import Path
import numpy as np
from app.core import models
from engine.preparing import speech
sound = speech()
wall, cpu = time.perf_counter(), time.process_time()
stream = models.load(Path(sys.argv[1]) if sys.argv[1] else None, None, None).stream()
loaded = time.process_time()
for start in range(0, len(sound), 1280):
    before = time.process_time()
    if stream.push(sound[start : start + 1280]):
        break
step = time.process_time() - before
print(loaded - cpu + step, time.perf_counter() - wall)
"""


def cost(process: int) -> float:
    """Processor seconds of a process and of all its children so far, those that have ended included."""
    own = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return sum(map(int, own[11:15])) / TICKS + sum(cost(int(child)) for child in children)


def share(process: int, seconds: float) -> float:
    """Of a core, over so long from now."""
    before, began = cost(process), time.monotonic()
    time.sleep(seconds)
    return (cost(process) - before) / (time.monotonic() - began)


def talk(seconds: float) -> Samples:
    """Speech with the pauses of a talk."""
    parts: list[Samples] = []
    for part in endless_parts():
        parts.append(part)
        if sum(map(len, parts)) >= seconds * SAMPLE_RATE:
            return np.concatenate(parts)
    raise AssertionError("the talk has no end")


def window(model: str, seconds: float) -> list[tuple[str, float]]:
    """What the program takes of a core: in silence, in a quiet room, while somebody speaks."""
    with tempfile.TemporaryDirectory() as scratch, screen() as display:
        folder = Path(scratch)
        server = SoundServer(folder / "pulse")
        homes = {name: str(folder / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
        server.start()
        program = subprocess.Popen(
            [sys.executable, "-m", "app", *(["--model", model] if model else []), "--source", "mic"],
            env=os.environ | server.environment | homes | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
            cwd=HERE.parents[1],
        )
        try:
            found = folder / "xdg_cache_home" / "caique" / "selftest.json"
            wait_until(found.exists, "the self-test of the first start is over", deadline=240.0)
            shares = [("digital silence", share(program.pid, seconds))]
            for name, sound in (("a quiet room", quiet(seconds + 10)), ("a talk", talk(seconds + 10))):
                with server.playing(write_sound(folder / "sound.wav", sound, SAMPLE_RATE), "mic_feed"):
                    time.sleep(2.0)
                    shares.append((name, share(program.pid, seconds)))
        finally:
            program.terminate()
            program.wait()
            server.kill()
    return shares


def load_times(model: str) -> tuple[float, float]:
    """Processor seconds (median) and seconds (least) from opening the files to the end of the first step."""
    runs = []
    for _ in range(LOADS):
        answer = subprocess.run(
            [sys.executable, "-c", _LOAD, model], cwd=HERE.parents[1], capture_output=True, text=True, check=True
        )
        runs.append(tuple(map(float, answer.stdout.split())))
    return median(cpu for cpu, _ in runs), min(wall for _, wall in runs)


def table(model: str, shares: Sequence[tuple[str, float]], load: tuple[float, float]) -> list[str]:
    return [
        header((model or "the model that the program chooses", "")),
        *(f"| share of a core, window and engine, {name} | {value:.1%} |" for name, value in shares),
        f"| loading to first step, CPU s (median); s (least of {LOADS}) | {load[0]:.2f}; {load[1]:.2f} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--model", default="")
    args = parser.parse_args()
    rows = table(args.model, window(args.model, args.seconds), load_times(args.model))
    text = "\n".join([f"Machine: {machine()}.", "", *rows])
    print(text)
    if args.seconds == SECONDS and not args.model:
        put(HERE / "README.md", "application", text)


if __name__ == "__main__":
    main()
