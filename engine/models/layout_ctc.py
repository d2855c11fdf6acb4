"""Layout: one whole CTC graph, model.onnx, from features to log-probabilities, and tokens.txt.

Written by sherpa-onnx's export scripts with all sizes in the metadata (streaming and offline), and by
NeMo / onnx-asr with vocab.txt and config.json.
"""

from __future__ import annotations

from pathlib import Path

from engine.models.assembly import describe
from engine.models.encoder_graph import load_encoder
from engine.models.files import ModelFolder, graphs
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle, already_scored, check_vocabulary


def matches(folder: Path) -> bool:
    return bool(graphs(folder, "model"))


def load(path: Path, options: ModelOptions) -> FrameBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    folder = ModelFolder.read(path, options)
    graph, precision = folder.open_main("model", "the whole model")
    encoder = load_encoder(graph, folder.config, frames_last=False)
    check_vocabulary(folder.vocabulary, encoder.width, graph.path)
    return FrameBundle(
        folder=path,
        info=describe(folder, "ctc", ("ctc",), encoder, precision, (graph,)),
        vocabulary=folder.vocabulary,
        encoder=encoder,
        ctc=already_scored,
        transducer=None,
        durations=(),
        max_symbols=0,
    )
