"""Streaming graphs of NVIDIA's published sizes with random weights, exported by NeMo itself.

    python tests/benchmarks/full_size_graphs.py FOLDER [NAME ...]

Needs nemo_toolkit[asr] and onnx, in an environment of their own. Each graph takes its folder
FOLDER/NAME (model.onnx, its weights, tokens.txt) in the layout that sherpa-onnx reads; one that is
already there is left alone. What a step costs does not depend on the values of the weights.

The heads are CTC on both sizes: a transducer with random weights emits as many tokens as it may on
every frame, and that would be measured instead of the encoder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PIECES = [f"▁{i}" for i in range(1024)]
LEFT_CONTEXT = 70
SUBSAMPLING = 8
PRE_ENCODE_CACHE = 9


@dataclass(frozen=True)
class Size:
    """A published encoder configuration."""

    layers: int
    d_model: int
    mel: int
    biases: bool
    xscaling: bool
    look_aheads: tuple[int, ...]


# stt_en_fastconformer_hybrid_large_streaming_multi and nemotron-speech-streaming-en-0.6b
SIZES = {
    "114m": Size(layers=17, d_model=512, mel=80, biases=True, xscaling=True, look_aheads=(0, 1, 6, 13)),
    "0.6b": Size(layers=24, d_model=1024, mel=128, biases=False, xscaling=False, look_aheads=(1, 6)),
}


def graph_names() -> list[str]:
    """All graphs: size and look-ahead in encoder frames, as in 114m-0."""
    return [f"{name}-{look_ahead}" for name, size in SIZES.items() for look_ahead in size.look_aheads]


def model_config(size: Size) -> dict:  # type: ignore[type-arg]
    return {
        "sample_rate": 16000,
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "sample_rate": 16000, "normalize": "NA", "window_size": 0.025, "window_stride": 0.01,
            "window": "hann", "features": size.mel, "n_fft": 512,
        },
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConformerEncoder",
            "feat_in": size.mel, "feat_out": -1, "n_layers": size.layers, "d_model": size.d_model,
            "use_bias": size.biases, "subsampling": "dw_striding", "subsampling_factor": SUBSAMPLING,
            "subsampling_conv_channels": 256, "causal_downsampling": True, "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos", "n_heads": 8,
            "att_context_size": [[LEFT_CONTEXT, look_ahead] for look_ahead in size.look_aheads],
            "att_context_style": "chunked_limited", "xscaling": size.xscaling, "untie_biases": True,
            "pos_emb_max_len": 5000, "conv_kernel_size": 9, "conv_norm_type": "layer_norm",
            "conv_context_size": "causal", "dropout": 0.0, "dropout_pre_encoder": 0.0, "dropout_emb": 0.0,
            "dropout_att": 0.0,
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
            "feat_in": size.d_model, "num_classes": len(PIECES), "vocabulary": PIECES,
        },
    }  # fmt: skip


def export(name: str, folder: Path) -> None:
    """Write one graph, its metadata and its tokens."""
    import onnx
    import torch
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import OmegaConf

    size = SIZES[name.rpartition("-")[0]]
    look_ahead = int(name.rpartition("-")[2])
    torch.manual_seed(0)
    model = EncDecCTCModel(cfg=OmegaConf.create(model_config(size))).eval()
    model.encoder.set_default_att_context_size([LEFT_CONTEXT, look_ahead])
    model.set_export_config({"cache_support": "True"})
    chunk = SUBSAMPLING * (look_ahead + 1)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        model.export(str(Path(scratch) / "model.onnx"), onnx_opset_version=17)
        graph = onnx.load(str(Path(scratch) / "model.onnx"))
    metadata = {
        "vocab_size": len(PIECES), "window_size": chunk + PRE_ENCODE_CACHE, "chunk_shift": chunk,
        "normalize_type": "", "cache_last_channel_dim1": size.layers, "cache_last_channel_dim2": LEFT_CONTEXT,
        "cache_last_channel_dim3": size.d_model, "cache_last_time_dim1": size.layers,
        "cache_last_time_dim2": size.d_model, "cache_last_time_dim3": 8, "subsampling_factor": SUBSAMPLING,
        "model_type": "EncDecCTCModelBPE", "version": "1", "model_author": "NeMo",
        "url": "random weights", "comment": "for timing only",
    }  # fmt: skip
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in metadata.items()})
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    onnx.save(
        graph, str(partial / "model.onnx"),
        save_as_external_data=sum(len(weights.raw_data) for weights in graph.graph.initializer) > 2**30,
        location="model.weights",
    )  # fmt: skip
    lines = [f"{piece} {i}\n" for i, piece in enumerate([*PIECES, "<blk>"])]
    (partial / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    partial.rename(folder)


def main() -> None:
    cache = Path(sys.argv[1])
    cache.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or graph_names():
        if not (cache / name).exists():
            export(name, cache / name)
        print(cache / name)


if __name__ == "__main__":
    main()
