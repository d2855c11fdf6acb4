"""Keeps rewritten graphs in a folder of the user's cache: made once, tried before use, never in the way.

A streaming graph as published is replaced by the cheapest equivalent for this machine (`engine.models.rewrite`)
once that has shown on spoken sound that it gives the same (`engine.preparing`). Until then, and wherever anything
fails, the original serves. The folder may be deleted at any time.

    FOLDER/<hash of the original>/record.json     what was found out, and the stamps of the files beside it
    FOLDER/<hash of the original>/encoder.onnx    the graph, if one is used
    FOLDER/originals/<hash of a path>.json        which hash the file at a path has
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import onnxruntime as ort

from engine.errors import ModelFileBroken
from engine.models.options import ModelOptions
from engine.models.session import Graph, open_graph

_REVISION = 3
"""Raised when rewriting changes, so that what an older program prepared is made again."""
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


@dataclass(frozen=True, slots=True)
class _Memo:
    """Which entry the file at a path has, as long as its stamps are these."""

    original: str
    entry: str
    files: Stamps


@dataclass(frozen=True, slots=True)
class Choice:
    """Which graph shall serve, and why."""

    sentence: str
    form: str = "original"
    cost: float = 1.0
    files: tuple[Path, ...] = ()
    """The graph, and its weights where they are in a file of their own; none where the original stays."""


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

    def holds(self, graph: Path) -> bool:
        """Whether a graph is one of the prepared ones."""
        return self.folder in graph.parents

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """An empty folder on the same volume, gone afterwards with all that is still in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=self.folder, ignore_cleanup_errors=True) as workspace:
            yield Path(workspace)

    def keep(self, original: Path, choice: Choice) -> Record:
        """Take over what was chosen for a graph; its files are moved here from their workspace."""
        sources = _files_of(original)
        entry = self.folder / _hash(sources)
        with self.workspace() as workspace:
            finished = workspace / "entry"
            finished.mkdir()
            files = [file.rename(finished / file.name) for file in choice.files]
            record = Record(
                revision=_REVISION,
                machine=_machine(),
                form=choice.form,
                cost=choice.cost,
                sentence=choice.sentence,
                graph=files[0].name if files else "",
                files=_stamps(files),
            )
            (finished / _RECORD).write_text(json.dumps(asdict(record)), encoding="utf-8")
            shutil.rmtree(entry, ignore_errors=True)
            finished.rename(entry)
        self._remember(original, sources, entry.name)
        return record

    def _remove_leftovers(self) -> None:
        """What serves no model any more: gigabytes, for the largest ones."""
        for folder in self.folder.glob(f"{_UNFINISHED}*"):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
        wanted = set()
        for memo in self._memos.glob("*.json"):
            known = _read_memo(memo)
            if known is None or not Path(known.original).exists():
                memo.unlink(missing_ok=True)
            else:
                wanted.add(known.entry)
        for record in self.folder.glob(f"*/{_RECORD}"):
            if record.parent.name not in wanted:
                shutil.rmtree(record.parent, ignore_errors=True)

    def _entry(self, original: Path) -> Path | None:
        """Where the graph that the file at this path holds has its entry; None if the file has changed since."""
        known = _read_memo(self._memo(original))
        try:
            unchanged = known is not None and known.files == _stamps([original.parent / name for name in known.files])
        except OSError:
            return None
        return self.folder / known.entry if known is not None and unchanged else None

    def _remember(self, original: Path, sources: list[Path], entry: str) -> None:
        memo = self._memo(original)
        memo.parent.mkdir(exist_ok=True)
        partial = memo.with_suffix(f".{os.getpid()}")
        known = _Memo(str(original.resolve()), entry, _stamps(sources))
        partial.write_text(json.dumps(asdict(known)), encoding="utf-8")
        partial.replace(memo)

    def _memo(self, original: Path) -> Path:
        name = hashlib.sha256(str(original.resolve()).encode()).hexdigest()[:32]
        return self._memos / f"{name}.json"

    @property
    def _memos(self) -> Path:
        return self.folder / "originals"


def _read_memo(path: Path) -> _Memo | None:
    """What is remembered about an original; None where there is nothing, or nothing that can be read."""
    try:
        memo = _Memo(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return memo if isinstance(memo.files, dict) else None


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
