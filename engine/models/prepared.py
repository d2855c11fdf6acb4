"""Keeps rewritten graphs in a folder of the user's cache: made once, tried before use, never in the way.

A streaming graph as published is replaced by the cheapest equivalent for this machine (`engine.models.rewrite`)
once that has shown on spoken sound that it gives the same. Until then, and wherever anything fails, the original
serves. The folder may be deleted at any time.

    FOLDER/<hash of the original>/record.json     what was found out, and the stamps of the files beside it
    FOLDER/<hash of the original>/encoder.onnx    the graph, if one is used
    FOLDER/originals/<hash of a path>.json        which hash the file at a path has
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import platform
import shutil
import signal
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeAlias

import onnxruntime as ort

from engine.errors import EngineError, ModelFileBroken
from engine.models.options import ModelOptions
from engine.models.session import Graph, open_graph
from engine.types import Samples

_REVISION = 1
"""Raised when rewriting changes, so that what an older program prepared is made again."""
_WORTH_IT = 0.9
"""Share of the original's cost above which the original stays."""
_RECORD = "record.json"
_UNFINISHED = ".new-"
_ABANDONED = 3600.0
"""Seconds after which a workspace belongs to no running process any more."""

_log = logging.getLogger(__name__)

Stamps: TypeAlias = dict[str, list[int]]
"""Size in bytes and time of the last change in nanoseconds, by file. Cheaper than a hash at every start."""


@dataclass(frozen=True, slots=True)
class Record:
    """What preparing one graph came to."""

    revision: int
    machine: str
    form: str
    """"fp32", "int8-blocks" or "int8-columns", as in `engine.models.rewriting.linears`; "original" if none serves."""
    cost: float
    """Processor time of a step against the original's; 1 where the original stays."""
    sentence: str
    """For the log: what is used, and if it is the original, why."""
    graph: str
    """File name of the graph; empty where the original stays."""
    files: Stamps


class PreparedGraphs:
    """The folder of prepared graphs. Several processes may use one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, original: Path, options: ModelOptions, use: str) -> Graph | None:
        """The prepared graph that stands for `original`, opened; None where the original must serve."""
        entry, record = self._entry(original), self.record(original)
        if entry is None or record is None:
            return None
        _log.info("%s", record.sentence)
        if not record.graph:
            return None
        try:
            return open_graph(entry / record.graph, options, use)
        except ModelFileBroken as error:
            _log.warning("%s The original graph serves, and the other is made again.", error)
            shutil.rmtree(entry, ignore_errors=True)
            return None

    def record(self, original: Path) -> Record | None:
        """What is known about a graph; None when it has yet to be prepared, or again."""
        entry = self._entry(original)
        if entry is None:
            return None
        try:
            record = Record(**json.loads((entry / _RECORD).read_text(encoding="utf-8")))
            current = _stamps([entry / name for name in record.files])
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        up_to_date = (record.revision, record.machine) == (_REVISION, _machine())
        return record if up_to_date and current == record.files else None

    def prepare(self, original: Path, samples: Samples | None = None) -> Record:
        """Make, try and keep the cheapest graph equivalent to `original`. Takes seconds to a minute.

        Args:
            samples: spoken sound to try it on, several seconds; the one that comes with the program when None.

        Whatever speaks against the rewritten graphs ends up as the record's sentence; OSError is raised only
        when not even that can be written.
        """
        from engine.models.preparing import best_graph

        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        sources = _files_of(original)
        entry = self.folder / _hash(sources)
        workspace = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            choice = best_graph(original, workspace / "trials", samples, _WORTH_IT)
            finished = workspace / "entry"
            finished.mkdir()
            for file in choice.files:
                file.rename(finished / file.name)
            stamps = _stamps([finished / file.name for file in choice.files])
            graph = choice.files[0].name if choice.files else ""
            record = Record(_REVISION, _machine(), choice.form, choice.cost, choice.sentence, graph, stamps)
            (finished / _RECORD).write_text(json.dumps(asdict(record)), encoding="utf-8")
            shutil.rmtree(entry, ignore_errors=True)
            finished.rename(entry)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
        self._remember(original, sources, entry.name)
        return record

    def prepare_in_background(self, graph: Path) -> BaseProcess | None:
        """Start `prepare` in a process of its own: it costs memory, and must not hold up captions.

        Returns the process, or None where there is nothing to do: `graph` is a prepared one, or is known already.
        """
        if self.folder in graph.parents or self.record(graph) is not None:
            return None
        process = multiprocessing.get_context("spawn").Process(
            target=_prepare_quietly, args=(self.folder, graph), name="prepare", daemon=True
        )
        process.start()
        return process

    def _remove_leftovers(self) -> None:
        """What a process left that ended before it had finished: gigabytes, for the largest models."""
        for folder in self.folder.glob(f"{_UNFINISHED}*"):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)

    def _entry(self, original: Path) -> Path | None:
        """Where the graph that the file at this path holds has its entry; None if the file has changed since."""
        try:
            memo = json.loads(self._memo(original).read_text(encoding="utf-8"))
            unchanged = memo["files"] == _stamps([original.parent / name for name in memo["files"]])
            return self.folder / memo["entry"] if unchanged else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _remember(self, original: Path, sources: list[Path], entry: str) -> None:
        memo = self._memo(original)
        memo.parent.mkdir(exist_ok=True)
        partial = memo.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"entry": entry, "files": _stamps(sources)}), encoding="utf-8")
        partial.replace(memo)

    def _memo(self, original: Path) -> Path:
        name = hashlib.sha256(str(original.resolve()).encode()).hexdigest()[:32]
        return self.folder / "originals" / f"{name}.json"


def _prepare_quietly(folder: Path, original: Path) -> None:
    """What the background process does. A failure leaves no record: the original goes on serving."""
    # Ctrl-C in a terminal reaches all its processes; the program ends this one itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        PreparedGraphs(folder).prepare(original)
    except (EngineError, OSError) as error:
        _log.info("%s stays as it is: %s", original, error)


def _files_of(original: Path) -> list[Path]:
    """A graph and the files its weights are in."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(original), load_external_data=False)
    except DecodeError as error:
        raise ModelFileBroken(original, "it is no ONNX model") from error
    named = {
        item.value for tensor in model.graph.initializer for item in tensor.external_data if item.key == "location"
    }
    return [original, *(original.parent / name for name in sorted(named))]


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def _stamps(files: list[Path]) -> Stamps:
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def _machine() -> str:
    """What a timing and a rounding hold for."""
    return f"{platform.node()} {platform.machine()}, ONNX Runtime {ort.__version__}"
