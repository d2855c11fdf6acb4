"""What training.reading taught the decoder as the file that the program takes, blended with Moonshine's own weights.

python -m training.export_decoder RUN_FOLDER/checkpoint.pt MODEL_FOLDER OUT_FOLDER --share 0.5

Between the two lies a decoder that keeps what the recordings of the run never said (`training.blend` has the source).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from engine.models.decoder_layers import FILE
from training.checkpoint import load
from training.decoder_file import PUBLISHED, write_layers
from training.errors import TrainingError, run
from training.weights import Weights, decoder_weights


def blended(published: Weights, learned: Weights, share: float) -> Weights:
    """Weights (1 - share) * published + share * learned."""
    return {name: torch.lerp(w, learned[name], share) for name, w in published.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of what was learned")
    options = parser.parse_args()
    state = load(options.checkpoint)
    if "decoder" not in state:
        raise TrainingError(f"{options.checkpoint} holds no decoder; give one that training.reading wrote")
    weights = blended(decoder_weights(options.model_folder / PUBLISHED), state["average"], options.share)
    options.out.mkdir(parents=True, exist_ok=True)
    write_layers(weights, options.model_folder, options.out / FILE)
    print(f"{options.out / FILE}: {(options.out / FILE).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
