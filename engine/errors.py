"""What can go wrong in the engine, each with the one sentence a person is shown.

EngineError
  ModelError            a model folder cannot be used
    ModelFileMissing    a file that the layout needs is not there
    ModelFileBroken     a file is there and cannot be read as what it should be
    ModelMismatch       two files (or a file and its metadata) contradict each other
    ModelUnknown        the folder holds no layout this program knows
  UnsupportedDecoder    the model has no such decoder
  BadSamples            sound that is no mono float32 array
"""

from __future__ import annotations

from pathlib import Path


class EngineError(Exception):
    """Base of all errors the engine raises on purpose; `str(error)` is a full sentence for the user."""


class ModelError(EngineError):
    """A model folder cannot be used."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class ModelFileMissing(ModelError):
    def __init__(self, path: Path, needed_for: str) -> None:
        super().__init__(path, f"{path} is missing; it is needed for {needed_for}.")


class ModelFileBroken(ModelError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{path} cannot be used: {why}.")


class ModelMismatch(ModelError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{path} does not fit the rest of its model: {why}.")


class ModelUnknown(ModelError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{path} is no model folder this program knows: {why}.")


class UnsupportedDecoder(EngineError):
    def __init__(self, model: str, asked: str, available: tuple[str, ...]) -> None:
        super().__init__(f"The model {model} has no {asked} decoder; it has: {', '.join(available)}.")


class BadSamples(EngineError):
    """Sound that is no mono float32 array."""
