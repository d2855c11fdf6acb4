"""Layout: encoder-*.onnx and decoder_joint-*.onnx with vocab.txt and config.json, NeMo's own export.

RNN-T and TDT, streaming and offline (onnx-asr's folders); a ctc_head.onnx beside them makes a hybrid.
"""

from __future__ import annotations

from pathlib import Path

from engine.models.assembly import transducer_bundle
from engine.models.encoder_graph import load_encoder
from engine.models.files import ModelFolder, graphs
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle
from engine.models.transducer_nets import FusedNets


def matches(folder: Path) -> bool:
    """An encoder alone is taken for this layout too: what it lacks is then named."""
    alone = bool(graphs(folder, "encoder")) and not graphs(folder, "decoder") and not graphs(folder, "joiner")
    return bool(graphs(folder, "decoder_joint")) or alone


def load(path: Path, options: ModelOptions) -> FrameBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    folder = ModelFolder.read(path, options)
    encoder_graph, precision = folder.open_main("encoder", "the encoder")
    nets_graph = folder.open_beside("decoder_joint", "the transducer's predictor and joint", precision)
    encoder = load_encoder(encoder_graph, folder.config, frames_last=True)
    nets = FusedNets(nets_graph, folder.vocabulary.blank)
    return transducer_bundle(folder, encoder, precision, nets, (nets_graph,))
