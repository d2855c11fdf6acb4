"""Makes a streaming model cheaper: rewrites its graph in every form, tries them, times them, keeps the best.

A graph in float32 serves when its numbers are those of the published one. One in int8 serves when it is cheaper
still, its error is small, and the decoders hear the very same symbols in twelve seconds of speech.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeAlias

import numpy as np

from engine.decoding.guidance import Guidance, make_decoder
from engine.errors import EngineError
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.parts import Bundle, FrameBundle
from engine.models.prepared import Choice, PreparedGraphs, Record
from engine.models.rewrite import CannotRewrite, rewrite, save
from engine.models.rewriting import trial
from engine.models.rewriting.linears import FORMS, Form
from engine.models.rewriting.trial import Trial
from engine.types import Frames, Samples

_WORTH_IT = 0.9
"""Share of the published graph's cost above which that graph stays."""

_log = logging.getLogger(__name__)

Symbols: TypeAlias = list[list[int]]
"""What each of a model's decoders emits."""


def prepare(folder: Path, prepared: PreparedGraphs, samples: Samples | None = None) -> Record | None:
    """Find the cheapest graph for the model in `folder` on this machine, and keep it.

    Takes seconds to minutes, and up to three times the memory of the model.

    Args:
        samples: spoken sound to try graphs on; twelve seconds that come with the program when None.

    Returns what was found, or None for a model without a streaming graph.

    Raises:
        EngineError: the model cannot be opened.
        OSError: the folder of prepared graphs cannot be written.
    """
    samples = speech() if samples is None else samples
    published = _try_published(folder, samples)
    if published is None:
        return None
    with prepared.workspace() as workspace:
        return prepared.keep(published.path, _choose(published, workspace, samples))


def prepare_in_background(bundle: Bundle, prepared: PreparedGraphs) -> BaseProcess | None:
    """Start `prepare` in a process of its own: it costs memory, and must not hold up captions.

    Returns the process, or None where there is nothing to do.
    """
    path = published_graph(bundle)
    if path is None or prepared.holds(path) or prepared.record(path) is not None:
        return None
    process = multiprocessing.get_context("spawn").Process(
        target=_prepare_quietly, args=(bundle.folder, prepared.folder), name="prepare", daemon=True
    )
    process.start()
    return process


def published_graph(bundle: Bundle) -> Path | None:
    """The file of a model's streaming graph; None for models of other kinds."""
    if isinstance(bundle, FrameBundle) and isinstance(bundle.encoder, CacheAwareGraph):
        return bundle.encoder.graph.path
    return None


def speech() -> Samples:
    """The spoken sound that graphs are tried on."""
    with (resources.files("resources") / "probe" / "speech.npy").open("rb") as file:
        stored: Samples = np.load(file).astype(np.float32) / np.float32(32768)
    return stored


def _prepare_quietly(folder: Path, prepared: Path) -> None:
    """What the background process does. A failure leaves no record: the published graph goes on serving."""
    # Ctrl-C in a terminal reaches all its processes; the program ends this one itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        prepare(folder, PreparedGraphs(prepared))
    except (EngineError, OSError) as error:
        _log.info("%s stays as it is: %s", folder, error)


@dataclass(frozen=True, slots=True, eq=False)
class _Published:
    """What is known of a model's own graph once its session is gone: the largest ones take over two gigabytes."""

    path: Path
    trial: Trial
    frames_last: bool
    decode: Callable[[Frames], Symbols]
    """What the model's decoders make of encoder frames."""
    heard: Symbols


def _try_published(folder: Path, samples: Samples) -> _Published | None:
    """Send the sound through a model as it is; None for a model without a streaming graph."""
    bundle = open_bundle(folder)
    if not isinstance(bundle, FrameBundle) or not isinstance(bundle.encoder, CacheAwareGraph):
        return None
    decoders = [make_decoder(bundle, name, Guidance()) for name in bundle.info.decoders]

    def decode(frames: Frames) -> Symbols:
        emitted = [decoder.step(frames, decoder.start())[0] for decoder in decoders]
        return [[emission.token for emission in part] for part in emitted]

    heard = trial.run(bundle.encoder, samples)
    return _Published(bundle.encoder.graph.path, heard, bundle.encoder.frames_last, decode, decode(heard.frames))


def _choose(published: _Published, workspace: Path, samples: Samples) -> Choice:
    """The cheapest graph that gives what the published one gives."""
    name = published.path.name
    costs: dict[Form, float] = {}
    for form in FORMS:
        try:
            tried, in_long_calls = _try(published, workspace / form, form, samples)
        except CannotRewrite as error:
            return Choice(f"{name} is used as published. {error}")
        except EngineError:
            # An older ONNX Runtime may lack the operators of one form; the others still compete.
            continue
        if form == "fp32" and not all(trial.is_exact(published.trial, way) for way in (tried, in_long_calls)):
            return Choice(f"{name} is used as published, because its rewritten graph gave other numbers.")
        if form == "fp32" or _costs_nothing(published, tried):
            costs[form] = tried.cost / published.trial.cost
    best = min(costs, key=lambda form: costs[form], default=None)
    if best is None or costs[best] > _WORTH_IT:
        return Choice(f"{name} is used as published, because rewriting makes it no cheaper on this machine.")
    files = sorted((workspace / best).iterdir(), key=lambda file: file.name != name)
    sentence = f"{name} is used as a rewritten graph ({best}) that takes {costs[best]:.0%} of its processor time."
    return Choice(sentence, best, costs[best], tuple(files))


def _costs_nothing(published: _Published, tried: Trial) -> bool:
    """Whether a graph with int8 weights is as accurate as the published one."""
    return trial.is_faithful(published.trial, tried) and published.decode(tried.frames) == published.heard


def _try(published: _Published, folder: Path, form: Form, samples: Samples) -> tuple[Trial, Trial]:
    """Write a graph in one form, and send the sound through it: step by step, and in calls of as many as it takes."""
    folder.mkdir(parents=True)
    file = folder / published.path.name
    save(rewrite(published.path, form=form), file)
    encoder = trial.open_rewritten(file, published.frames_last)
    return trial.run(encoder, samples), trial.run(encoder, samples, encoder.most_steps)
