"""Layout: encoder.onnx, decoder.onnx and joiner.onnx with tokens.txt, as sherpa-onnx exports NeMo transducers.

RNN-T and TDT, streaming and offline; a ctc_head.onnx beside them makes a hybrid.
"""

from __future__ import annotations

from pathlib import Path

from engine.models.assembly import transducer_bundle
from engine.models.encoder_graph import load_encoder
from engine.models.files import ModelFolder, graphs
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle
from engine.models.transducer_nets import SplitNets


def matches(folder: Path) -> bool:
    """Two of the three files are enough: the missing one is then named."""
    return sum(bool(graphs(folder, role)) for role in ("encoder", "decoder", "joiner")) >= 2


def load(path: Path, options: ModelOptions) -> FrameBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    folder = ModelFolder.read(path, options)
    encoder_graph, precision = folder.open_main("encoder", "the encoder")
    decoder = folder.open_beside("decoder", "the transducer's predictor", precision)
    joiner = folder.open_beside("joiner", "the transducer's joint", precision)
    encoder = load_encoder(encoder_graph, folder.config, frames_last=True)
    nets = SplitNets(decoder, joiner, folder.vocabulary.blank)
    return transducer_bundle(folder, encoder, precision, nets, (decoder, joiner))
