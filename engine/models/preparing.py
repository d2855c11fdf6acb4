"""Chooses the graph that serves in place of a published one: rewrites it in every form, tries them, times them."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EngineError
from engine.models.rewrite import rewrite, save
from engine.models.rewriting import trial
from engine.models.rewriting.linears import FORMS, Form
from engine.models.rewriting.trial import Trial
from engine.types import Samples


@dataclass(frozen=True, slots=True)
class Choice:
    """The graph that serves."""

    sentence: str
    form: Form | str = "original"
    cost: float = 1.0
    """Processor time of a step against the original's."""
    files: tuple[Path, ...] = field(default=())
    """The graph, and its weights where they are in a file of their own; none where the original stays."""


def best_graph(original: Path, workspace: Path, samples: Samples | None, worth_it: float) -> Choice:
    """The cheapest graph on this machine that gives what `original` gives.

    Args:
        workspace: a folder to write the candidates to.
        samples: spoken sound to try them on; the one that comes with the program when None.
        worth_it: the share of the original's cost above which the original stays.
    """
    name = original.name
    try:
        written = _write_all(original, workspace)
        tried = _try_all(original, written, trial.speech() if samples is None else samples)
    except EngineError as error:
        return Choice(f"{name} is used as published. {error}")
    before, exact = tried["original"], tried["fp32"]
    if not trial.is_exact(before, exact):
        return Choice(f"{name} is used as published, because its rewritten graph gave other numbers.")
    costs = {form: tried[form].cost / before.cost for form in FORMS if form in tried}
    faithful = [form for form in costs if form == "fp32" or trial.is_faithful(before, tried[form])]
    best = min(faithful, key=lambda form: costs[form])
    if costs[best] > worth_it:
        return Choice(f"{name} is used as published, because rewriting makes it no cheaper on this machine.")
    return Choice(
        f"{name} is used as a rewritten graph ({best}) that takes {costs[best]:.0%} of its processor time.",
        best,
        costs[best],
        tuple(sorted(written[best].iterdir(), key=lambda path: path.name != name)),
    )


def _write_all(original: Path, workspace: Path) -> dict[str, Path]:
    """Every form of a graph in a folder of its own. One in memory at a time: the largest take over 2 GB."""
    folders: dict[str, Path] = {}
    for form in FORMS:
        gc.collect()
        folders[form] = workspace / form
        folders[form].mkdir(parents=True)
        save(rewrite(original, form=form), folders[form] / original.name)
    return folders


def _try_all(original: Path, written: dict[str, Path], samples: Samples) -> dict[str, Trial]:
    """The original and every form that runs here, by form."""
    exact = written["fp32"] / original.name
    sizes = trial.sizes_of(exact)
    tried = {"original": trial.run(original, sizes, samples), "fp32": trial.run(exact, sizes, samples)}
    for form in FORMS[1:]:
        gc.collect()
        try:
            tried[form] = trial.run(written[form] / original.name, sizes, samples)
        except EngineError:
            # An older ONNX Runtime may lack the operators of one form; the others still compete.
            continue
    return tried
