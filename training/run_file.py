"""A run file (`runs/*.toml`): everything that makes one model differ from another."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.augment import AugmentOptions
from training.data import BatchOptions
from training.losses import LossWeights
from training.model import Carried


@dataclass(frozen=True, slots=True)
class CtcOptions:
    """The CTC head; used by training.ctc only."""

    layers: int = 4
    head_rate: float = 5.0
    """The head's learning rate, in those of the encoder."""
    ctc: float = 1.0
    """Weight of the CTC loss."""
    placed: float = 1.0
    """Weight of the cross-entropy of each piece at the step where the decoder hears it."""
    dense: float = 2.0
    """Weight of the decoder's state at that step; used by training.ctc_tokens only."""
    delay_steps: int = 1
    """How many steps of 72 ms after that it is to be written."""
    stored: bool = False
    """Learn from the frames that training.teacher stored: nothing is encoded, and the encoder stays as it is."""


@dataclass(frozen=True, slots=True)
class TdtOptions:
    """The transducer; used by training.tdt only, which trains the CTC head along as `CtcOptions` says."""

    width: int = 256
    """Of predictor and joint."""
    weight: float = 1.0
    sigma: float = 0.02
    """Taken off token log-probabilities, NeMo's value: without it a transducer learns to skip nothing."""


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """Adapting to a customer; used by training.finetune only."""

    share: float = 0.4
    """Of the sound of a pass, how much is the customer's; the rest is replay."""
    encoder: bool = True
    """Whether the encoder learns too."""
    decoder: str = "cross"
    """Which of the decoder's matrices learn too: `none`, `cross` (cross-attention) or `all`."""


@dataclass(frozen=True, slots=True)
class StudentOptions:
    """Sizes of the FastConformer that training.fastconformer trains."""

    layers: int = 16
    width: int = 176
    heads: int = 4
    channels: int = 128
    """Of the convolutions that turn eight mel frames into one step of 80 ms."""
    look_aheads: tuple[int, ...] = (6, 1)
    """In steps, one drawn for each batch; a chunk is one step longer."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """A run file; its tables are the fields below that are dataclasses themselves."""

    chunks: tuple[tuple[int, int], ...] = ((6, 6), (12, 12), (24, 0))
    """Chunk sizes and look-aheads in frames, one drawn for each batch; named twice, drawn twice as often. [0, 0]: rows
    are encoded whole, in the form that the program's "Accurate" has."""
    left: int = 168
    """Frames before the chunk that are still seen."""
    learning_rate: float = 8e-5
    warm_steps: int = 100
    cool_from: int = 0
    """Step at which the learning rate begins to fall; 0: never."""
    cool_steps: int = 2000
    average: float = 0.998
    without: tuple[str, ...] = ()
    """Corpora left out, for their licences."""
    references: bool = False
    """Learn the words that training.labels wrote where the teacher misheard."""
    save_minutes: float = 5.0
    judge_minutes: float = 20.0
    judged_chunks: tuple[tuple[int, int], ...] = ((6, 6), (12, 12))
    carried: Carried = field(default_factory=Carried)
    loss: LossWeights = field(default_factory=LossWeights)
    batch: BatchOptions = field(default_factory=BatchOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    ctc: CtcOptions = field(default_factory=CtcOptions)
    tdt: TdtOptions = field(default_factory=TdtOptions)
    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)
    student: StudentOptions = field(default_factory=StudentOptions)


def read_run(path: Path) -> RunOptions:
    """Reads a run file; raises TypeError naming a field that does not exist."""
    tables = {
        "carried": Carried,
        "loss": LossWeights,
        "batch": BatchOptions,
        "augment": AugmentOptions,
        "ctc": CtcOptions,
        "tdt": TdtOptions,
        "finetune": FinetuneOptions,
        "student": StudentOptions,
    }
    fields = _tuples(tomllib.loads(path.read_text("utf8")))
    for name, kind in tables.items():
        if name in fields:
            fields[name] = kind(**_tuples(fields[name]))
    return RunOptions(**fields)


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    """TOML's lists as tuples, which frozen options hold."""
    return {name: _tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(v) if isinstance(v, list) else v for v in values)
