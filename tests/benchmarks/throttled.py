"""What becomes of live captions when other programs take the processor: real ones, in real time.

    python -m tests.benchmarks.throttled [--nice N] [--loops N]

A session of the default model captions a talk of tests/data/speech while it is spoken. All of it runs on one core. Half
a minute later busy loops that weigh more take that core for a minute, then they end. What the session told, what it got
of the core, and what became of the words go into README.md beside this file; with other options it is only printed.
Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jiwer

from app.audio.sound_file import FileSource
from app.core import models
from app.core.activity import Activity, Phase
from app.core.events import Captioned, EffortChanged, Lagging, SessionEvent
from app.core.pace import LAG_SECONDS
from app.core.session import CaptionSession
from app.ui.status_text import status_line
from engine.recognizer import Recognizer, Stream
from engine.types import SAMPLE_RATE, Final, Samples
from tests.benchmarks.application import talk
from tests.benchmarks.contestants import machine
from tests.benchmarks.tables import header, put
from tests.benchmarks.word_errors import words_of
from tests.helpers.sound_server import write_sound

HERE = Path(__file__).parent
NICE, LOOPS = 8, 2
"""The session weighs a sixth of each busy loop."""
FREE, BUSY, AFTER = 30.0, 60.0, 150.0
"""Seconds before, with and after the busy loops."""


@dataclass
class Course:
    """What happened, times in seconds since the talk began."""

    told: list[tuple[float, SessionEvent]] = field(default_factory=list)
    used: list[tuple[float, float]] = field(default_factory=list)
    """Processor seconds of this process up to then."""
    heard: int = 0
    """Samples that a model was given."""
    _began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def note(self, event: SessionEvent) -> None:
        self.told.append((self.now, event))

    def listening(self, stream: Stream) -> Stream:
        """The same stream; what it hears is counted."""
        hear = stream.hear

        def counted(samples: Samples) -> None:
            self.heard += len(samples)
            hear(samples)

        stream.hear = counted
        return stream

    def watch(self, until: float) -> None:
        while self.now < until:
            self.used.append((self.now, time.process_time()))
            time.sleep(min(0.5, max(until - self.now, 0.0)))

    def share(self, begin: float, end: float) -> float:
        """Of a core."""
        within = [(at, used) for at, used in self.used if begin <= at <= end]
        (first, before), (last, after) = within[0], within[-1]
        return (after - before) / (last - first)

    def behind(self, begin: float, end: float) -> float:
        """Most seconds that captions were told to be behind."""
        return max((e.seconds for at, e in self.told if begin <= at < end and isinstance(e, Lagging)), default=0.0)

    @property
    def text(self) -> str:
        finals = (e.update for _, e in self.told if isinstance(e, Captioned) and isinstance(e.update, Final))
        return " ".join(final.text for final in finals)


@contextlib.contextmanager
def busy_loops(loops: int) -> Iterator[list[int]]:
    """Processes that want all of the core; they stand still until told to go on."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    for loop in started:
        loop.send_signal(signal.SIGSTOP)
    try:
        yield [loop.pid for loop in started]
    finally:
        for loop in started:
            loop.kill()
            loop.wait()


def run(sound: Samples, nice: int, loops: int) -> tuple[Course, float, float]:
    """The course of it, and when the busy loops began and ended."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder, busy_loops(loops) as processes:
        os.nice(nice)
        model = models.load(None, None, None)
        course = Course()
        session = CaptionSession(
            [FileSource(write_sound(Path(folder) / "talk.wav", sound, SAMPLE_RATE))],
            lambda: course.listening(model.stream()),
            course.note,
        )
        session.start()
        course.watch(FREE)
        began = course.now
        for process in processes:
            os.kill(process, signal.SIGCONT)
        course.watch(FREE + BUSY)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        ended = course.now
        course.watch(len(sound) / SAMPLE_RATE)
        session.wait()
        session.stop()
    return course, began, ended


def sentences(course: Course) -> Iterator[tuple[float, str]]:
    """What the status line said and when, numbers aside; each time that it said something else."""
    activity, last = Activity(phase=Phase.LISTENING, model="a model"), ""
    for at, event in course.told:
        activity = activity.apply(event)
        said = f"{activity.lag >= LAG_SECONDS} {activity.hurry}"
        if said != last and (isinstance(event, Lagging | EffortChanged)):
            yield at, status_line(activity).text
        last = said


def right(said: tuple[str, ...], text: str) -> int:
    """Words of the talk that the captions hold."""
    return int(jiwer.process_words(" ".join(said), " ".join(words_of(text)) or "-").hits)


def whole(model: Recognizer, sound: Samples) -> str:
    """What the default model makes of the talk where nothing is in its way."""
    stream = model.stream()
    updates = [*stream.push(sound), *stream.finish()]
    return " ".join(update.text for update in updates if isinstance(update, Final))


def table(course: Course, began: float, ended: float, sound: Samples, said: tuple[str, ...]) -> list[str]:
    end = len(sound) / SAMPLE_RATE
    phases = (("before", 0.0, began), ("with busy loops", began, ended), ("after", ended, end))
    captioned = f"Of {len(sound)} samples {course.heard} were captioned."
    free = right(said, whole(models.load(None, None, None), sound))
    words = f"The captions hold {right(said, course.text)} of {len(said)} words; {free} where nothing is in the way."
    return [
        header(("", "seconds", "share of the core", "most behind, s")),
        *(
            f"| {name} | {stop - start:.0f} | {course.share(start, stop):.1%} | {course.behind(start, stop):.1f} |"
            for name, start, stop in phases
        ),
        "",
        header(("seconds after the loops began", "what the status line says from then on")),
        *(f"| {at - began:.1f} | {text} |" for at, text in sentences(course)),
        "",
        f"The loops ended after {ended - began:.1f} s. {captioned} {words}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nice", type=int, default=NICE)
    parser.add_argument("--loops", type=int, default=LOOPS)
    args = parser.parse_args()
    sound, said = talk(FREE + BUSY + AFTER)
    course, began, ended = run(sound, args.nice, args.loops)
    text = "\n".join([f"Machine: {machine()}.", "", *table(course, began, ended, sound, said)])
    print(text)
    if (args.nice, args.loops) == (NICE, LOOPS):
        put(HERE / "README.md", "throttled", text)


if __name__ == "__main__":
    main()
