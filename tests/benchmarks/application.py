"""What the whole program costs: the real window on a screen of its own, with a sound server of its own.

    python -m tests.benchmarks.application [--seconds N] [--model NAME]

Processor time of the program's process and its children, over a minute each: digital silence, a quiet room (-66 dB),
one with a fan (-50 dB), and a talk made of the recordings in tests/data/speech, whose words must then stand in the
captions. Then how long the model takes from opening its files to its first step, in fresh interpreters. The table goes
into README.md beside this file; with other options it is only printed. Needs Xvfb and PulseAudio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import jiwer
import numpy as np

from app.core.settings import Settings, SettingsFile
from engine.types import SAMPLE_RATE, Samples
from tests.benchmarks.contestants import machine
from tests.benchmarks.soak import endless_parts
from tests.benchmarks.tables import header, put
from tests.benchmarks.word_errors import words_of
from tests.helpers.screen import screen
from tests.helpers.sound_server import SoundServer, wait_until, write_sound
from tests.helpers.starter import quiet

HERE = Path(__file__).parent
SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
LOADS = 7
"""Fresh interpreters in which loading is timed."""
FAN = 6.3
"""How many times as loud as a quiet room, 16 dB."""
FLOOR = 0.6
"""Share of the talk's words that must stand in the captions: what a program that hears nothing costs is not asked."""

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
    children = [
        child for file in Path(f"/proc/{process}/task").glob("*/children") for child in file.read_text().split()
    ]
    return sum(map(int, own[11:15])) / TICKS + sum(cost(int(child)) for child in children)


def share(process: int, seconds: float) -> float:
    """Of a core, over so long from now."""
    before, began = cost(process), time.monotonic()
    time.sleep(seconds)
    return (cost(process) - before) / (time.monotonic() - began)


def talk(seconds: float) -> tuple[Samples, tuple[str, ...]]:
    """Speech with the pauses of a talk, ending with one, and the words that are said."""
    parts: list[Samples] = []
    said: list[str] = []
    for part, text in endless_parts():
        parts.append(part)
        said += words_of(text)
        if not text and sum(map(len, parts)) >= seconds * SAMPLE_RATE:
            return np.concatenate(parts), tuple(said)
    raise AssertionError("the talk has no end")


@dataclass
class Measured:
    """What the program took of a core, by what it heard, and what it made of the talk."""

    shares: list[tuple[str, float]]
    shown: int
    """Words of the talk that stand in the captions, ..."""
    said: int
    """... of so many."""


def window(model: str, seconds: float) -> Measured:
    """Run the program in silence, in rooms, and while somebody speaks.

    Raises SystemExit where the captions do not hold what was said.
    """
    with tempfile.TemporaryDirectory() as scratch, screen() as display:
        folder = Path(scratch)
        server = SoundServer(folder / "pulse")
        homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        SettingsFile(folder / "config" / "caique" / "settings.json").save(Settings(keep_last_session=True))
        sound, said = talk(seconds + 10)
        server.start()
        program = subprocess.Popen(
            [sys.executable, "-m", "app", *(["--model", model] if model else []), "--source", "mic"],
            env=os.environ | server.environment | homes | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
            cwd=HERE.parents[1],
        )
        try:
            found = folder / "cache" / "caique" / "selftest.json"
            wait_until(found.exists, "the self-test of the first start is over", deadline=240.0)
            shares = [("digital silence", share(program.pid, seconds))]
            room = quiet(seconds + 10)
            for name, heard in (("a quiet room", room), ("a room with a fan", FAN * room), ("a talk", sound)):
                with server.playing(write_sound(folder / "sound.wav", heard, SAMPLE_RATE), "mic_feed") as player:
                    time.sleep(2.0)
                    shares.append((name, share(program.pid, seconds)))
                    player.wait()
        finally:
            program.terminate()
            program.wait()
            server.kill()
        kept = folder / "state" / "caique" / "last-session.txt"
        shown = words_of(kept.read_text(encoding="utf-8")) if kept.exists() else ()
    measured = Measured(shares, jiwer.process_words(" ".join(said), " ".join(shown) or "-").hits, len(said))
    if measured.shown < FLOOR * measured.said:
        raise SystemExit(
            f"Of {measured.said} words, {measured.shown} were captioned: what was measured is worth nothing."
        )
    return measured


def load_times(model: str) -> tuple[float, float]:
    """Processor seconds (median) and seconds (least) from opening the files to the end of the first step."""
    runs = []
    for _ in range(LOADS):
        answer = subprocess.run(
            [sys.executable, "-c", _LOAD, model], cwd=HERE.parents[1], capture_output=True, text=True, check=True
        )
        runs.append(tuple(map(float, answer.stdout.split())))
    return median(cpu for cpu, _ in runs), min(wall for _, wall in runs)


def table(model: str, measured: Measured, load: tuple[float, float]) -> list[str]:
    return [
        header((model or "the model that the program chooses", "")),
        *(f"| share of a core, window and engine, {name} | {value:.1%} |" for name, value in measured.shares),
        f"| words of the talk that the captions hold | {measured.shown} of {measured.said} |",
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
