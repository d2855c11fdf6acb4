"""Loads the model that the user asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.core import paths
from app.core.catalogue import find_model, latency_profiles
from app.core.errors import ModelNotFound, UsageError
from app.core.text_choice import DEFAULT_TEXT, TextChoice
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.types import ModelInfo


def load(folder: Path | None, decoder: str | None, latency: int | None, text: TextChoice = DEFAULT_TEXT) -> Recognizer:
    """Load the model in `folder` or of that name, or the default one.

    latency: delay in milliseconds, for models that come in several; when None the smallest of those that have a folder
    each, or the model's own choice.
    Raises UsageError for a delay the model does not have, EngineError or AppError when there is no usable model.
    """
    files = find_model(folder)
    options = ModelOptions(decoder=decoder, latency=latency, borrowed=files.borrowed, prepared=_prepared())
    profiles = latency_profiles(files.folder)
    if not profiles:
        recognizer = Recognizer.load(files.folder, options, text=text.options())
        _check_latency(recognizer.info, latency)
        return recognizer
    delay = min(profiles) if latency is None else latency
    if delay not in profiles:
        raise _no_latency(files.folder.name, delay, profiles)
    return Recognizer.load(profiles[delay], options, text=text.options())


def delays(folder: Path | None) -> tuple[int, ...]:
    """The delays that a model comes in, milliseconds; empty where it has only one, or is not there."""
    try:
        return tuple(latency_profiles(find_model(folder).folder))
    except ModelNotFound:
        return ()


def _check_latency(info: ModelInfo, latency: int | None) -> None:
    """Raises UsageError where a loaded model has not the delay that was asked for."""
    if latency is None or latency in (info.latency, *info.latencies):
        return
    if info.latencies:
        raise _no_latency(info.name, latency, info.latencies)
    offered = f"{info.latency} ms" if info.latency else "its own"
    raise UsageError(f"The model {info.name} has one latency, {offered}; leave out --latency.")


def _no_latency(name: str, asked: int, offered: Iterable[int]) -> UsageError:
    return UsageError(f"The model {name} has no latency of {asked} ms; it has {', '.join(map(str, offered))} ms.")


def prepare(recognizer: Recognizer) -> None:
    """Begin, in the background, to make a model cheaper for the next start; does nothing where that is done."""
    recognizer.prepare(_prepared())


def _prepared() -> Path:
    return paths.cache_folder() / "prepared"
