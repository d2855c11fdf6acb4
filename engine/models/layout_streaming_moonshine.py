"""Layout: a streaming encoder of our own training, encoder (.onnx), before Moonshine's decoder_model_merged.

One call takes any whole number of frames' sound as one chunk, how many of its last frames are look-ahead, and caches;
it gives the frames and the next caches. All sizes and first values are in the metadata that training/export.py writes.
The decoder and its tokenizer may be in a folder of their own (`ModelOptions.borrowed`), since Moonshine's files
need not be copied to stand behind another encoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.attention import AttentionBundle
from engine.models.files import graphs
from engine.models.moonshine import assemble
from engine.models.moonshine_decoder import FRAME_SAMPLES, open_decoder
from engine.models.options import BorrowedDecoder, ModelOptions
from engine.models.session import Array, Graph, open_graph
from engine.models.window_encoder import Appender, Caches, WindowEncoder
from engine.types import SAMPLE_RATE, Frames, Samples

_ENCODER, _DECODER = "encoder", "decoder_model_merged"
_MODEL_TYPE = "caique-streaming-moonshine-encoder"
_SIZES = ("chunk_samples", "look_ahead_samples")
_STATISTICS = "cache_stat"
"""Of the group norm [1, 3]: how many frames they are worth, sum and sum of squares over as many."""
_CARRIED = SAMPLE_RATE / FRAME_SAMPLES
"""Frames that the statistics of an earlier window are worth at most in the next one, a second: they tell how loud the
microphone is, and give way within a word or two when somebody else speaks."""


@dataclass(frozen=True, slots=True)
class StreamingEncoder:
    """The streaming encoder; an `engine.models.moonshine.Encoder`."""

    graph: Graph
    chunk: int
    """Samples of a chunk."""
    look_ahead: int
    """Samples that its step hears after it."""
    first: tuple[tuple[str, Array], ...]
    """Caches of a stream that has heard nothing, in the graph's order."""

    def window(self, attended: Callable[[Frames], Frames], before: WindowEncoder | None) -> WindowEncoder:
        """An encoder for one window of a stream: each chunk once."""
        start = dict(self.first)
        if isinstance(before, Appender) and _STATISTICS in before.caches:
            known = before.caches[_STATISTICS]
            start[_STATISTICS] = known * min(1, np.float32(_CARRIED) / known[0, 0])

        def step(samples: Samples, look_ahead: int, caches: Caches) -> tuple[Frames, Caches]:
            frames, after = self.step(samples, look_ahead, caches)
            return attended(frames), after

        return Appender(step, start, FRAME_SAMPLES, self.chunk, self.look_ahead)

    def step(self, samples: Samples, look_ahead: int, caches: Caches) -> tuple[Frames, Caches]:
        """An `engine.models.window_encoder.Step` of the encoder alone."""
        frames, *after = self.graph.run(samples[None], np.array([look_ahead], np.int64), *caches.values())
        return frames[0], dict(zip(caches, after, strict=True))


def matches(folder: Path) -> bool:
    return bool(graphs(folder, _ENCODER)) and bool(graphs(folder, _DECODER))


def load(path: Path, options: ModelOptions) -> AttentionBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    lender = options.borrowed or BorrowedDecoder(path)
    found, decoders = graphs(path, _ENCODER), graphs(lender.folder, _DECODER)
    if not found:
        raise ModelFileMissing(path / f"{_ENCODER}.int8.onnx", "the encoder")
    if not decoders:
        raise ModelFileMissing(lender.folder / f"{_DECODER}.ort", "the decoder")
    wanted = "int8" if options.precision == "auto" else options.precision
    graph = open_graph(found.get(wanted) or next(iter(found.values())), options, "the encoder")
    encoder, latencies = _encoder(graph, options.latency)
    decoder = open_decoder(next(iter(decoders.values())), lender.layers, options)
    frames, _ = encoder.step(np.zeros(encoder.chunk, np.float32), 0, dict(encoder.first))
    bundle = assemble(encoder, graph, frames.shape[1], decoder, encoder.chunk, encoder.look_ahead)
    return replace(bundle, info=replace(bundle.info, latencies=latencies))


def _encoder(graph: Graph, latency: int | None) -> tuple[StreamingEncoder, tuple[int, ...]]:
    """The encoder with a delay in milliseconds, or with its own choice; and the delays that it comes with."""
    if graph.metadata.get("model_type") != _MODEL_TYPE:
        raise ModelMismatch(graph.path, f"its metadata does not name it a {_MODEL_TYPE}")
    names = [tensor.name for tensor in graph.inputs[2:]]
    shapes, initial = _told(graph, "cache_shapes"), _told(graph, "cache_initial")
    if set(shapes) != set(names) or set(initial) != set(names):
        raise ModelMismatch(graph.path, "its metadata describes other caches than it takes")
    if _told(graph, "frame_samples") != FRAME_SAMPLES:
        raise ModelMismatch(graph.path, f"its frames are not the {FRAME_SAMPLES} samples that the decoder was made for")
    own = {name: _told(graph, name) for name in _SIZES}
    others = _told(graph, "profiles") if "profiles" in graph.metadata else []
    profiles = {_delay(graph, sizes): sizes for sizes in [*others, own]}
    chosen = profiles.get(latency, own) if latency else own
    kinds = {tensor.name: np.int64 if "int64" in tensor.dtype else np.float32 for tensor in graph.inputs}
    try:
        first = tuple(
            (name, np.ascontiguousarray(np.broadcast_to(np.array(initial[name], kinds[name]), shapes[name])))
            for name in names
        )
    except (TypeError, ValueError) as error:
        raise ModelFileBroken(graph.path, "the caches in its metadata have no usable sizes or values") from error
    latencies = tuple(sorted(profiles)) if len(profiles) > 1 else ()
    chunk, look_ahead = (chosen[name] for name in _SIZES)
    return StreamingEncoder(graph, chunk, look_ahead, first), latencies


def _delay(graph: Graph, sizes: Mapping[str, Any]) -> int:
    """Milliseconds of a chunk and its look-ahead; both have to be whole numbers of frames, in samples."""
    for name, least in zip(_SIZES, (1, 0), strict=True):
        samples = sizes.get(name)
        if not isinstance(samples, int) or samples % FRAME_SAMPLES or samples < least:
            raise ModelMismatch(graph.path, f"its {name} is {samples}, no whole number of frames of {FRAME_SAMPLES}")
    samples = sum(int(sizes[name]) for name in _SIZES)
    return round(samples * 1000 / SAMPLE_RATE)


def _told(graph: Graph, key: str) -> Any:
    try:
        return json.loads(graph.metadata[key])
    except (KeyError, ValueError) as error:
        raise ModelFileBroken(graph.path, f"its metadata lacks {key}") from error
