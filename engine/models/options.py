"""What a caller may choose about how a model is opened; everything else the model's files decide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Provider: TypeAlias = Literal["cpu", "cuda", "auto"]
Precision: TypeAlias = Literal["auto", "fp32", "int8"]


@dataclass(frozen=True, slots=True)
class BorrowedDecoder:
    """Moonshine's decoder and tokenizer, to read the frames of an encoder that comes without."""

    folder: Path
    """Moonshine's folder."""
    layers: Path | None = None
    """Learned layers in place of the decoder's own (`engine.models.decoder_layers`)."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to open a model folder."""

    threads: int = 1
    """Threads inside one graph run. One is cheapest and keeps up: a step of a live stream is too small to share.
    Measured on small streaming models at 80 ms a step, 2, 3 and 4 threads took 1.5, 2 and 2.5 times the processor
    time of one, and longer."""
    provider: Provider = "cpu"
    """"auto" and "cuda" take the GPU where it works and the CPU where it does not; `ModelInfo.provider`
    says which one really runs."""
    precision: Precision = "auto"
    """"auto": fp32 where the folder has it (the most exact, and on desktop processors the faster one),
    else int8."""
    decoder: str | None = None
    """"ctc", "transducer", "attention", or None for the model's default."""
    latency: int | None = None
    """Delay in milliseconds, for a model that comes with several in one folder (`ModelInfo.latencies`); its own choice
    when None, or when it has no such delay."""
    borrowed: BorrowedDecoder | None = None
    """For `engine.models.layout_streaming_moonshine` and `engine.models.layout_moonshine`."""
    prepared: Path | None = None
    """Folder of rewritten graphs (`engine.models.prepared`) that stand in for published ones where `precision` is
    "auto"; None: always the published ones."""
