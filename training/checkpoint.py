"""What a run leaves on disk: the whole state of training, written so that a kill at any moment loses nothing older."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.model import Carried, Encoder, EncoderShape


@dataclass(slots=True)
class Progress:
    step: int = 0
    audio_s: float = 0.0
    """Sound trained on, each pass counted."""
    busy_s: float = 0.0
    """Time spent training, evaluation left out."""
    epoch: int = 0
    batch_of_epoch: int = 0


class Average:
    """Exponential moving average of a module's weights: what is judged and exported."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.weights = {name: w.detach().clone() for name, w in module.state_dict().items()}
        self._decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """`step` counts from 1: the average is short at first, so that the beginning is soon forgotten."""
        decay = min(self._decay, step / (step + 6))
        current = module.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [current[name] for name in self.weights], 1 - decay)


def save(
    path: Path,
    description: dict[str, Any],
    module: nn.Module,
    average: Average,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """description: what a reader must know to build the module, as plain values."""
    state = description | {
        "model": module.state_dict(),
        "average": average.weights,
        "optimiser": optimiser.state_dict(),
        "progress": asdict(progress),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise TrainingError(f"{path} does not exist; training writes it: python -m training.distil")
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def averaged_encoder(path: Path) -> Encoder:
    """The encoder of a checkpoint with its averaged weights, ready to judge or export."""
    state = load(path)
    weights: dict[str, Tensor] = state["average"]
    return build_encoder(state, weights).eval()


def build_encoder(description: dict[str, Any], weights: dict[str, Tensor]) -> Encoder:
    """An encoder as `Encoder.describe` described it."""
    encoder = Encoder(EncoderShape(**description["shape"]), Carried(**description["carried"]))
    encoder.load_state_dict(weights)
    return encoder
