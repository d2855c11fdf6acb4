"""How well this machine keeps up with each installed model, found with a spoken clip in about ten seconds.

What was measured is kept in the user's cache folder as long as the machine and the model's files are the same, and
`choose` takes from it the model that captions with, where the user has chosen none.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from app.core import models, paths
from app.core.catalogue import find_model, latency_profiles, packaged_models
from app.core.channel import CaptionStream
from app.core.errors import AppError
from app.core.files import write_atomically
from engine.decoding.guidance import Guidance
from engine.errors import EngineError
from engine.preparing import speech
from engine.types import SAMPLE_RATE, Samples

BUDGET = 10.0
"""Seconds that all measurements together should take; loading comes on top."""

ROOM = 0.5
"""Share of a core that captions may take while somebody speaks: they run beside a call, often on two cores."""

LATE = 0.5
"""Seconds that captions may fall behind for a moment."""

_PUSH = 1_280
_REVISION = 1
"""Raised when the same machine would measure something else."""

_log = logging.getLogger(__name__)


class Model(Protocol):
    """What a measurement asks of `engine.recognizer.Recognizer`."""

    def stream(self, guidance: Guidance) -> CaptionStream: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to caption, and what it costs here."""

    model: str
    """"accurate", "fast", or a folder."""
    latency: int | None
    """Milliseconds, for models that offer a choice."""
    beam: int | None
    """Readings that the search follows at once; None: as many as the model would."""
    core: float
    """Processor seconds a second of speech."""
    late: float
    """Seconds that captions would be behind at worst, had they a core for themselves."""

    @property
    def keeps_up(self) -> bool:
        return self.core <= ROOM and self.late <= LATE


def measure(
    stream: CaptionStream, sound: Samples, budget: float, clock: Callable[[], float] = time.process_time
) -> tuple[float, float]:
    """Push sound through as a device delivers it; gives `Reading.core` and `Reading.late`.

    Processor time is counted, so that other programs do not weigh on what is found. Sound that does not fit into
    the budget, processor seconds, is left out.
    """
    spent = done = late = 0.0
    heard = 0
    while heard + _PUSH <= len(sound) and spent < budget:
        began = clock()
        stream.push(sound[heard : heard + _PUSH])
        taken = clock() - began
        heard += _PUSH
        arrived = heard / SAMPLE_RATE
        done = max(done, arrived) + taken
        late = max(late, done - arrived)
        spent += taken
    return spent / (heard / SAMPLE_RATE), late


def self_test(chosen: Path | None = None) -> Iterator[Reading]:
    """Measure the models that come with the program, and `chosen`; the search is narrowed where it costs too much.

    Raises EngineError or AppError for a chosen model that cannot be loaded.
    """
    sound = speech()
    candidates = _candidates(chosen)
    budget = BUDGET / len(candidates) / 2
    for name, latency in candidates:
        recognizer = models.load(Path(name), None, latency)
        for beam in (None, 1):
            core, late = measure(recognizer.stream(Guidance(beam=beam)), sound, budget)
            reading = Reading(name, latency, beam, core, late)
            yield reading
            if reading.keeps_up:
                break


def choose(readings: Iterable[Reading]) -> Reading | None:
    """The first that keeps up, models in the order of `packaged_models`; where none does, the cheapest.

    None where nothing was measured.
    """
    known = {name: number for number, name in enumerate(packaged_models())}
    ours = sorted((r for r in readings if r.model in known), key=lambda r: (known[r.model], r.beam is not None))
    return next((r for r in ours if r.keeps_up), min(ours, key=lambda r: r.core, default=None))


class Readings:
    """What was measured on this machine, in the user's cache folder."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths.cache_folder() / "selftest.json"

    def load(self) -> list[Reading]:
        """What still holds; nothing where the machine is another, or one of the program's models is new or changed."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            readings = [Reading(**values) for values in kept["readings"]]
            return readings if kept["holds_for"] == _holds_for(readings) else []
        except (OSError, ValueError, KeyError, TypeError, AppError):
            return []

    def save(self, readings: Sequence[Reading]) -> None:
        """Raises OSError where the cache folder cannot be written."""
        kept = {"holds_for": _holds_for(readings), "readings": [asdict(reading) for reading in readings]}
        write_atomically(self._file, json.dumps(kept, indent=2))


def begin() -> BaseProcess | None:
    """Measure in the background, once a machine; None where that was done."""
    if Readings().load():
        return None
    process = multiprocessing.get_context("spawn").Process(target=_run_quietly, name="selftest", daemon=True)
    process.start()
    return process


def _run_quietly() -> None:
    """What the background process does. A failure leaves no readings: the default model serves."""
    # Ctrl-C in a terminal reaches all its processes; the program ends this one itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        Readings().save(list(self_test()))
    except (EngineError, AppError, OSError) as error:
        _log.info("The self-test came to nothing: %s", error)


def _candidates(chosen: Path | None) -> list[tuple[str, int | None]]:
    """Names of models or folders, each with the delays it offers, its own choice first."""
    names = dict.fromkeys([*packaged_models(), *([str(chosen)] if chosen else [])])
    return [(name, latency) for name in names for latency in _latencies(Path(name))]


def _latencies(model: Path) -> Sequence[int | None]:
    if offered := latency_profiles(find_model(model).folder):
        return list(offered)
    info = models.load(model, None, None).info
    return sorted(info.latencies, key=lambda latency: latency != info.latency) or [None]


def _holds_for(readings: Sequence[Reading]) -> str:
    """A hash of the machine and of every model's files, by their sizes and times."""
    digest = hashlib.sha256(f"{_REVISION} {platform.node()} {platform.machine()} {os.cpu_count()}".encode())
    for name in sorted({reading.model for reading in readings} | set(packaged_models())):
        files = find_model(Path(name))
        for file in sorted(files.folder.rglob("*")):
            if file.is_file():
                facts = file.stat()
                digest.update(f"{name} {file.name} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()
