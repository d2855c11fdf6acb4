"""The mean of two encoders that share their beginnings, as a checkpoint: often better than either.

python -m training.blend OUT/checkpoint.pt ONE OTHER --share 0.3

A run that goes on from weights unlearns some of what they knew of sounds it does not hear. The mean keeps both
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). ONE and OTHER are checkpoints, exported encoders,
model folders or Moonshine's folder; statistics are carried along as in OTHER.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from training.checkpoint import build_encoder
from training.errors import TrainingError, run
from training.graph_weights import opened
from training.model import Encoder, later_matrices


def blend(one: Encoder, other: Encoder, share: float) -> Encoder:
    """Weights (1 - share) * one + share * other."""
    if one.shape != other.shape:
        raise TrainingError(f"the encoders have other sizes: {one.shape} and {other.shape}")
    first, second = _folded(one), _folded(other)
    weights = {name: torch.lerp(w, second[name], share) for name, w in first.items()}
    return build_encoder(other.describe(), weights | {"prior": other.prior}).eval()


def _folded(encoder: Encoder) -> dict[str, Tensor]:
    """The weights with the group norm's gain and bias in conv2, where exported graphs have them."""
    kernel, bias, *_ = later_matrices(encoder)
    taps = encoder.conv2.kernel_size[0]
    return {name: w.detach() for name, w in encoder.state_dict().items()} | {
        "conv2.weight": kernel.detach().unflatten(1, (taps, -1)).transpose(1, 2),
        "conv2.bias": bias.detach(),
        "norm_gain": torch.ones_like(encoder.norm_gain),
        "norm_bias": torch.zeros_like(encoder.norm_bias),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the other's weights")
    options = parser.parse_args()
    blended = blend(opened(options.one), opened(options.other), options.share)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(blended.describe() | {"average": blended.state_dict()}, options.out)


if __name__ == "__main__":
    run(main)
