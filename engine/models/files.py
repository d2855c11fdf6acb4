"""Finds and reads a model's files in its folder: each graph has a role in its name, and fp32 or int8."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ModelFileMissing
from engine.models.config import Config
from engine.models.options import ModelOptions, Precision
from engine.models.prepared import PreparedGraphs
from engine.models.session import Graph, open_graph
from engine.models.vocabulary import Vocabulary, read_vocabulary


def graphs(folder: Path, role: str) -> dict[Precision, Path]:
    """The graph files of one role, by precision.

    `role` is what the name starts with ("encoder" finds encoder.onnx, encoder.int8.onnx,
    encoder-model.onnx); the shortest name wins where a folder has several.
    """
    pattern = re.compile(rf"{re.escape(role)}(-[\w.-]+?)?(\.int8)?\.(onnx|ort)")
    found: dict[Precision, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name)):
        if match := pattern.fullmatch(path.name):
            found.setdefault("int8" if match.group(2) else "fp32", path)
    return found


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder on its way to a bundle: what is read before any graph is opened."""

    path: Path
    options: ModelOptions
    config: Config
    vocabulary: Vocabulary

    @classmethod
    def read(cls, path: Path, options: ModelOptions) -> ModelFolder:
        return cls(path, options, Config.read(path), read_vocabulary(path))

    def open_main(self, role: str, use: str) -> tuple[Graph, Precision]:
        """The graph that decides the model's precision: the one asked for, else fp32 before int8.

        Raises:
            ModelFileMissing: there is none, or not in the precision asked for.
        """
        found = graphs(self.path, role)
        wanted = self.options.precision
        precision: Precision = wanted if wanted != "auto" else "fp32" if "fp32" in found or not found else "int8"
        if precision not in found:
            raise ModelFileMissing(self.path / _file_name(role, precision, found), use)
        return self._prepared(found[precision], use) or open_graph(found[precision], self.options, use), precision

    def open_beside(self, role: str, use: str, precision: Precision) -> Graph:
        """A smaller graph of the same model, in the same precision where the folder has it."""
        found = graphs(self.path, role)
        if not found:
            raise ModelFileMissing(self.path / _file_name(role, precision, found), use)
        return open_graph(found.get(precision) or next(iter(found.values())), self.options, use)

    def _prepared(self, original: Path, use: str) -> Graph | None:
        """The rewritten graph that was found to be cheaper; those found on the CPU say nothing about a GPU."""
        options = self.options
        if options.prepared is None or options.provider != "cpu" or options.precision != "auto":
            return None
        return PreparedGraphs(options.prepared).open(original, options, use)


def _file_name(role: str, precision: Precision, found: dict[Precision, Path]) -> str:
    """What the missing file is called: like the one of the other precision, where the folder has that."""
    stem = next((path.name for path in found.values()), f"{role}.onnx").removesuffix(".onnx").removesuffix(".int8")
    return f"{stem}.int8.onnx" if precision == "int8" else f"{stem}.onnx"
