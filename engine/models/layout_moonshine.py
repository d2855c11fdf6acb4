"""Layout: Moonshine as published, encoder_model and decoder_model_merged (.ort or .onnx), tokenizer.bin or .json.

Raw sound in, 384 samples an encoder frame, each of which sees the whole window. The decoder and its tokenizer may be in
a folder of their own (`ModelOptions.borrowed`), since Moonshine's files need not be copied to stand behind an
encoder that was adapted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.models.attention import AttentionBundle
from engine.models.files import graphs
from engine.models.moonshine import assemble
from engine.models.moonshine_decoder import open_decoder
from engine.models.options import BorrowedDecoder, ModelOptions
from engine.models.session import Graph, open_graph
from engine.models.window_encoder import Reencoder, WindowEncoder
from engine.types import Frames, Samples

_ENCODER, _DECODER = "encoder_model", "decoder_model_merged"


@dataclass(frozen=True, slots=True)
class WholeEncoder:
    """The published encoder, or one adapted from it; an `engine.models.moonshine.Encoder`."""

    graph: Graph

    def window(self, attended: Callable[[Frames], Frames], _before: WindowEncoder | None) -> WindowEncoder:
        """An encoder for one window of a stream: all of it each time."""
        return Reencoder(lambda samples: attended(self._encode(samples)))

    def _encode(self, samples: Samples) -> Frames:
        """Frames [T, D] of a whole window."""
        # The published graph wants a mask as well, of which sound is real.
        given = (samples[None], np.ones((1, len(samples)), np.int64))[: len(self.graph.inputs)]
        frames: Frames = self.graph.run(*given)[0][0]
        return frames


def matches(folder: Path, decoder_folder: Path | None = None) -> bool:
    return bool(graphs(folder, _ENCODER)) and bool(graphs(decoder_folder or folder, _DECODER))


def load(path: Path, options: ModelOptions) -> AttentionBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    encoder = open_graph(_only(path, _ENCODER), options, "the encoder")
    encoder.expect((2, 2)[: len(encoder.inputs)], (3,))
    lender = options.borrowed or BorrowedDecoder(path)
    decoder = open_decoder(_only(lender.folder, _DECODER), lender.layers, options)
    return assemble(WholeEncoder(encoder), encoder, encoder.outputs[0].shape[2], decoder)


def _only(folder: Path, role: str) -> Path:
    found = graphs(folder, role)
    return found.get("fp32") or found["int8"]
