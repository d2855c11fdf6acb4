"""Layout: Moonshine as published, encoder_model and decoder_model_merged (.ort or .onnx), tokenizer.bin or .json.

Raw sound in, 384 samples an encoder frame, each of which sees the whole window.
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
from engine.models.options import ModelOptions
from engine.models.session import Graph, open_graph
from engine.models.window_encoder import Reencoder, WindowEncoder
from engine.types import Frames, Samples

_ENCODER, _DECODER = "encoder_model", "decoder_model_merged"


@dataclass(frozen=True, slots=True)
class WholeEncoder:
    """The published encoder; an `engine.models.moonshine.Encoder`."""

    graph: Graph

    def window(self, attended: Callable[[Frames], Frames], _before: WindowEncoder | None) -> WindowEncoder:
        """An encoder for one window of a stream: all of it each time."""
        return Reencoder(lambda samples: attended(self._encode(samples)))

    def _encode(self, samples: Samples) -> Frames:
        """Frames [T, D] of a whole window."""
        frames: Frames = self.graph.run(samples[None], np.ones((1, len(samples)), np.int64))[0][0]
        return frames


def matches(folder: Path) -> bool:
    return bool(graphs(folder, _ENCODER)) and bool(graphs(folder, _DECODER))


def load(path: Path, options: ModelOptions) -> AttentionBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    encoder = open_graph(_only(path, _ENCODER), options, "the encoder")
    encoder.expect((2, 2), (3,))
    decoder = open_decoder(_only(path, _DECODER), options)
    return assemble(path, WholeEncoder(encoder), encoder, encoder.outputs[0].shape[2], decoder)


def _only(folder: Path, role: str) -> Path:
    found = graphs(folder, role)
    return found.get("fp32") or found["int8"]
