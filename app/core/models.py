"""Loads the model that the user asks for."""

from __future__ import annotations

from pathlib import Path

from app.core import paths
from app.core.catalogue import find_model, latency_profiles
from app.core.errors import ModelNotFound, UsageError
from app.core.text_choice import DEFAULT_TEXT, TextChoice
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer


def load(folder: Path | None, decoder: str | None, latency: int | None, text: TextChoice = DEFAULT_TEXT) -> Recognizer:
    """Load the model in `folder` or of that name, or the default one.

    latency: delay in milliseconds, for models that come with a folder for each; the smallest when None.
    Raises UsageError for a delay the model does not have, EngineError or AppError when there is no usable model.
    """
    files = find_model(folder)
    options = ModelOptions(decoder=decoder, decoder_folder=files.decoder_folder, prepared=_prepared())
    profiles = latency_profiles(files.folder)
    if not profiles:
        recognizer = Recognizer.load(files.folder, options, text=text.options())
        only = round((recognizer.info.chunk + recognizer.info.look_ahead) * 1000)
        if latency not in (None, only):
            offered = f"{only} ms" if only else "its own"
            raise UsageError(f"The model {recognizer.info.name} has one latency, {offered}; leave out --latency.")
        return recognizer
    delay = min(profiles) if latency is None else latency
    if delay not in profiles:
        offered = ", ".join(map(str, profiles))
        raise UsageError(f"The model {files.folder.name} has no latency of {latency} ms; it has {offered} ms.")
    return Recognizer.load(profiles[delay], options, text=text.options())


def delays(folder: Path | None) -> tuple[int, ...]:
    """The delays that a model comes in, milliseconds; empty where it has only one, or is not there."""
    try:
        return tuple(latency_profiles(find_model(folder).folder))
    except ModelNotFound:
        return ()


def prepare(recognizer: Recognizer) -> None:
    """Begin, in the background, to make a model cheaper for the next start; does nothing where that is done."""
    recognizer.prepare(_prepared())


def _prepared() -> Path:
    return paths.cache_folder() / "prepared"
