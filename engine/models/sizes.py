"""Finds out the sizes of a streaming encoder: from the graph's metadata, its shapes, and config.json.

sherpa-onnx writes every size into the metadata. NeMo's own exports write none: there the attention context
comes from config.json, the layers and widths from the shapes, and the convolutions' context, which no file
names, from asking the graph which size it accepts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.features import HOP
from engine.models.config import Config
from engine.models.session import Graph

WEIGHTS = "weights"
"""Metadata key under which a rewritten graph says that its weights are int8."""
MOST_STEPS = "most_steps"
"""Metadata key under which a rewritten graph says how many steps of a stream a call may take."""
MOST_FRAMES = 32
"""Encoder frames that a stream gets from a call of a rewritten graph at most. More would hardly make them cheaper."""
_LARGEST_CONVOLUTION = 64
"""Kernels of streaming conformers have 9 to 31 taps."""


@dataclass(frozen=True, slots=True)
class StreamingSizes:
    """What one step of a cache-aware encoder takes, keeps and gives; frames are feature frames."""

    window: int
    """Feature frames a step reads."""
    shift: int
    """Feature frames from one window to the next: the chunk."""
    subsampling: int
    """Feature frames to one encoder frame."""
    layers: int
    cache: int
    """Encoder frames of left context the attention keeps."""
    cache_width: int
    conv_width: int
    conv_context: int
    """Encoder frames of left context the convolutions keep: kernel size less one."""
    look_ahead: int = 0
    """Feature frames at the window's end that only lend the others what comes after them; the next window has them
    again. NeMo's windows have none: there the chunk's later frames are what the earlier ones look ahead to."""
    hop: int = HOP
    """Samples of a feature frame."""
    samples: bool = False
    """The features are the samples themselves."""

    @property
    def frames(self) -> int:
        """Encoder frames a step gives."""
        return self.shift // self.subsampling

    @property
    def first_centre(self) -> int:
        """The feature frame of the window at which its first encoder frame is centred.

        Subsampling is causal: the last encoder frame is centred at the last feature frame.
        """
        return self.window - self.look_ahead - 1 - self.subsampling * (self.frames - 1)

    @property
    def overlap(self) -> int:
        """Feature frames before its chunk that a window holds."""
        return self.window - self.shift - self.look_ahead


def metadata_int(graph: Graph, key: str) -> int:
    """A positive whole number from the metadata; raises ModelFileBroken where it is none."""
    text = graph.metadata.get(key)
    if text is None or not text.isdecimal() or int(text) < 1:
        said = "lacks" if text is None else f"has {text!r} for"
        raise ModelFileBroken(graph.path, f"its metadata {said} the size {key}")
    return int(text)


def feature_bins(graph: Graph, config: Config) -> int:
    """Mel bins: axis 1 of the first input, which nearly every export fixes."""
    bins = graph.inputs[0].shape[1]
    if bins is None and graph.metadata.get("feat_dim"):
        bins = metadata_int(graph, "feat_dim")
    if bins is None:
        bins = config.integer("features_size")
    if bins is None:
        raise ModelFileMissing(config.path, 'the number of mel bins ("features_size"), which its graph leaves open')
    return bins


def subsampling_factor(graph: Graph, config: Config) -> int:
    """Feature frames to one encoder frame, of a graph without caches."""
    if "subsampling_factor" in graph.metadata:
        return metadata_int(graph, "subsampling_factor")
    factor = config.integer("subsampling_factor")
    if factor is None:
        raise ModelFileMissing(config.path, '"subsampling_factor", which the graph does not carry')
    return factor


def streaming_sizes(graph: Graph, config: Config, bins: int) -> StreamingSizes:
    """The sizes of a graph with the three caches.

    Raises:
        ModelFileMissing: no metadata and no config.json; says which sizes are missing and how to give them.
        ModelFileBroken: config.json lacks one of them.
        ModelMismatch: the sizes contradict the graph or each other.
    """
    sizes = _from_metadata(graph) if "window_size" in graph.metadata else _from_config(graph, config, bins)
    channel, time = graph.inputs[2], graph.inputs[3]
    declared = (
        (channel, 1, sizes.layers), (channel, 2, sizes.cache), (channel, 3, sizes.cache_width),
        (time, 1, sizes.layers), (time, 2, sizes.conv_width), (time, 3, sizes.conv_context),
    )  # fmt: skip
    for tensor, axis, size in declared:
        if tensor.shape[axis] not in (None, size):
            raise ModelMismatch(
                graph.path, f"axis {axis} of {tensor.name} is {tensor.shape[axis]}, its description says {size}"
            )
    if sizes.shift % sizes.subsampling or not 0 < sizes.shift <= sizes.window - sizes.look_ahead:
        raise ModelMismatch(
            graph.path,
            f"a window of {sizes.window} and a shift of {sizes.shift} frames do not fit a subsampling "
            f"factor of {sizes.subsampling}",
        )
    return sizes


def _from_metadata(graph: Graph) -> StreamingSizes:
    # Exports of our own (training/export_heads.py) may read samples and look ahead beyond their chunk.
    own = {key: metadata_int(graph, key) for key in ("look_ahead", "hop") if key in graph.metadata}
    return StreamingSizes(
        **own,
        samples=graph.metadata.get("features") == "samples",
        window=metadata_int(graph, "window_size"),
        shift=metadata_int(graph, "chunk_shift"),
        subsampling=metadata_int(graph, "subsampling_factor"),
        layers=metadata_int(graph, "cache_last_channel_dim1"),
        cache=metadata_int(graph, "cache_last_channel_dim2"),
        cache_width=metadata_int(graph, "cache_last_channel_dim3"),
        conv_width=metadata_int(graph, "cache_last_time_dim2"),
        conv_context=metadata_int(graph, "cache_last_time_dim3"),
    )


def _from_config(graph: Graph, config: Config, bins: int) -> StreamingSizes:
    wanted = 'the chunk and the cache length: "att_context_size": [left, right] and "subsampling_factor"'
    if not config.exists:
        raise ModelFileMissing(config.path, f"{wanted}, which this model's graphs do not carry")
    context, subsampling = config.integers("att_context_size"), config.integer("subsampling_factor")
    if context is None or subsampling is None:
        key = "att_context_size" if context is None else "subsampling_factor"
        raise ModelFileBroken(config.path, f'it lacks "{key}"; it must give {wanted}')
    if len(context) != 2 or context[0] < 1 or context[1] < 0 or subsampling < 1:
        raise ModelFileBroken(config.path, f"{wanted} must be a positive and a non-negative number each")
    left, right = context
    channel, time = graph.inputs[2], graph.inputs[3]
    shift = subsampling * (right + 1)
    sizes = StreamingSizes(
        # NeMo's pre-encode cache (get_streaming_cache_size) is one frame more than the subsampling factor.
        window=shift + subsampling + 1,
        shift=shift,
        subsampling=subsampling,
        layers=graph.static(channel, 1, "the number of layers"),
        cache=left,
        cache_width=graph.static(channel, 3, "the width of the attention cache"),
        conv_width=graph.static(time, 2, "the width of the convolution cache"),
        conv_context=time.shape[3] or 0,
    )
    return sizes if sizes.conv_context else _with_conv_context(graph, sizes, bins)


def _with_conv_context(graph: Graph, sizes: StreamingSizes, bins: int) -> StreamingSizes:
    """Ask the graph: a shortest window (one encoder frame) only gets through with the right context.

    With fewer frames a convolution has nothing to give, so the first size accepted is the true one.
    """
    shortest = 2 * sizes.subsampling + 1
    for context in range(1, _LARGEST_CONVOLUTION):
        try:
            frames, lengths, _, time, _ = graph.run(
                np.zeros((1, bins, shortest), np.float32),
                np.array([shortest], np.int64),
                np.zeros((1, sizes.layers, sizes.cache, sizes.cache_width), np.float32),
                np.zeros((1, sizes.layers, sizes.conv_width, context), np.float32),
                np.zeros(1, np.int64),
            )
        except ModelFileBroken:
            continue
        if frames.shape[2] == lengths[0] == 1 and time.shape[3] == context:
            return StreamingSizes(
                window=sizes.window, shift=sizes.shift, subsampling=sizes.subsampling, layers=sizes.layers,
                cache=sizes.cache, cache_width=sizes.cache_width, conv_width=sizes.conv_width,
                conv_context=context,
            )  # fmt: skip
    raise ModelMismatch(graph.path, "it accepts no size of the convolution cache (cache_last_time)")
