"""Finds what captions need besides sound: the models that come with the program, folders, the demo recording."""

from __future__ import annotations

import importlib.resources
import importlib.util
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import ModelNotFound
from engine.models.options import BorrowedDecoder

FAST, ACCURATE = "fast", "accurate"
DEFAULT = ACCURATE
"""It mishears fewer words, at nearly the same cost."""

_OURS = {ACCURATE: "whole", FAST: "streaming"}
"""Where the encoders are, under `resources/models`; Moonshine's decoder stands behind both."""

STARTER_PACKAGE = "moonshine_voice"
STARTER_FOLDER = Path("assets", "tiny-en")

_PROFILE = re.compile(r"([1-9][0-9]*)ms")


@dataclass(frozen=True, slots=True)
class DemoText:
    """What is said in the bundled recording, one sentence each."""

    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model that comes with the program is like, by `python -m training.evaluate`, all corpora."""

    word_errors: float
    """Of 100 words."""
    shown_within: float
    """Seconds from a word's end until it is shown; nine words of ten are not later."""
    core: float
    """Share of one processor core while somebody speaks."""


MEASURED = {
    FAST: Measured(word_errors=18.1, shown_within=1.18, core=0.062),
    ACCURATE: Measured(word_errors=16.8, shown_within=1.21, core=0.087),
}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a model's files are."""

    folder: Path
    borrowed: BorrowedDecoder | None = None
    """Its decoder, if that is not there."""


def find_model(chosen: Path | None) -> ModelFiles:
    """The model of that name ("fast", "accurate"), or in that folder; the default one for None.

    A folder that has one of these names is meant where its path says more than the name.

    Raises ModelNotFound when the folder is none, or the files of a model that comes with the program are missing.
    """
    name = DEFAULT if chosen is None else str(chosen)
    if name in _OURS:
        return ModelFiles(_encoder_folder(_OURS[name]), BorrowedDecoder(starter_folder()))
    return ModelFiles(_existing(Path(name)))


def packaged_models() -> tuple[str, ...]:
    """Names of the models that came with the program, those whose files are there; the most accurate first."""
    return tuple(name for name in (ACCURATE, FAST) if _is_installed(name))


def _is_installed(name: str) -> bool:
    try:
        folder = find_model(Path(name)).folder
    except ModelNotFound:
        return False
    return any(file.suffix in (".onnx", ".ort") for file in folder.glob("*"))


def starter_folder() -> Path:
    """Where the weights of Moonshine tiny-en were installed; their package is looked up and never imported.

    Raises ModelNotFound, which says what to do instead, where the package or its weights are missing.
    """
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place, STARTER_FOLDER)
        if folder.is_dir():
            return folder
    raise ModelNotFound(
        "The starter model is not installed (it comes with moonshine-voice 0.0.73, which has no package for every "
        "system); pass --model with a folder that holds a sherpa-onnx streaming model, a NeMo or onnx-asr export, "
        "or Moonshine's .ort files."
    )


def _encoder_folder(name: str) -> Path:
    """Where an encoder of ours is; like the voice activity model it is read where it was installed."""
    with importlib.resources.as_file(importlib.resources.files("resources") / "models" / name) as folder:
        return folder


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "nothing is there"
        raise ModelNotFound(f"{folder} is no model folder: {why}.")
    return folder


def latency_profiles(folder: Path) -> dict[int, Path]:
    """Delay in milliseconds -> model folder, for a model that comes with a sub-folder for each (`80ms`, `160ms`, ...).

    Empty for a folder that is one model.
    """
    found = ((_PROFILE.fullmatch(child.name), child) for child in folder.iterdir() if child.is_dir())
    return dict(sorted((int(match[1]), child) for match, child in found if match))


def demo_recording() -> AbstractContextManager[Path]:
    """The bundled recording as a file, for as long as the context lasts."""
    return importlib.resources.as_file(importlib.resources.files("resources") / "demo" / "demo.opus")


def demo_text() -> DemoText:
    """What is said in the bundled recording."""
    text = (importlib.resources.files("resources") / "demo" / "demo.txt").read_text("utf-8")
    return DemoText(tuple(text.splitlines()))
