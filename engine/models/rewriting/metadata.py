"""Writes a rewritten graph's sizes into its metadata, under the keys that sherpa-onnx reads."""

from __future__ import annotations

import onnx

from engine.models.rewriting.linears import Form
from engine.models.rewriting.network import Network
from engine.models.sizes import MOST_STEPS, WEIGHTS


def set_metadata(rewritten: onnx.ModelProto, original: onnx.ModelProto, network: Network, form: Form) -> None:
    """All of the original's metadata, with the sizes that are other now or that it does not name."""
    metadata = {
        "cache_last_channel_dim1": len(network.layers),
        "cache_last_channel_dim2": network.cache,
        "cache_last_time_dim1": len(network.layers),
        "cache_last_time_dim2": network.width,
        "cache_last_time_dim3": network.context,
        "subsampling_factor": network.subsampling,
        "window_size": network.window,
        "chunk_shift": network.subsampling * network.chunk,
        **{item.key: item.value for item in original.metadata_props},
        "cache_last_channel_dim3": 2 * network.width,
        MOST_STEPS: network.most_steps,
    }
    if form != "fp32":
        metadata[WEIGHTS] = "int8"
    onnx.helper.set_model_props(rewritten, {key: str(value) for key, value in metadata.items()})
