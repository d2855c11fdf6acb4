"""Finds what captions need besides sound: the starter model, a model's latency profiles, the demo recording."""

from __future__ import annotations

import importlib.resources
import importlib.util
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import ModelNotFound

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


def model_folder(chosen: Path | None) -> Path:
    """The folder the user chose, or the starter's.

    Raises ModelNotFound when the chosen one is no folder.
    """
    if chosen is None:
        return starter_folder()
    if not chosen.is_dir():
        why = "it is a file" if chosen.exists() else "nothing is there"
        raise ModelNotFound(f"{chosen} is no model folder: {why}.")
    return chosen


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
