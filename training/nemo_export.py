"""A NeMo checkpoint of the streaming FastConformer family as a model folder, written by NeMo's own exporter.

python -m training.nemo_export MODEL.nemo FOLDER [--look-ahead 6] [--head ctc]

Runs where nemo_toolkit[asr] is installed. A CTC model, or a hybrid asked for its CTC head, becomes the layout that
sherpa-onnx reads (model.onnx with the sizes in its metadata); a transducer (RNN-T, TDT) becomes NeMo's own (encoder and
decoder_joint with config.json), and a hybrid keeps its CTC head beside it. Look-ahead is in encoder frames of 80 ms and
one of those that the model was trained with; a chunk is one frame longer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.errors import TrainingError, run

OPSET = 17


def restored(path: Path) -> Any:
    """The model of a .nemo file, on the processor."""
    if not find_spec("nemo"):
        raise TrainingError(
            f"{path} is a NeMo checkpoint, and NeMo is not installed here; give it an environment of its own: "
            "pip install 'nemo_toolkit[asr]' onnx onnxruntime rapidfuzz soundfile"
        )
    from nemo.collections.asr.models import ASRModel

    if not path.is_file():
        raise TrainingError(f"{path} does not exist")
    return ASRModel.restore_from(str(path), map_location="cpu").eval()


def export(path: Path, folder: Path, look_ahead: int | None = None, head: str | None = None) -> Path:
    """Writes the model folder, in float32 and 8 bits.

    look_ahead: encoder frames, else the model's default; head: `ctc` or `transducer`, else the transducer where the
    model has one.
    """
    model = restored(path)
    head = head or ("transducer" if hasattr(model, "joint") else "ctc")
    if head == "transducer" and not hasattr(model, "joint"):
        raise TrainingError(f"{path} holds no transducer; leave --head away or say --head ctc")
    sizes = prepare(model, path, look_ahead)
    folder.mkdir(parents=True, exist_ok=True)
    if head == "ctc":
        _export_ctc(model, folder, sizes)
    else:
        _export_transducer(model, folder, sizes)
    _write_pieces(model, folder)
    return folder


def prepare(model: Any, path: Path, look_ahead: int | None = None) -> dict[str, int]:
    """Turns a model to streaming with a look-ahead, and tells its sizes; raises TrainingError for other families."""
    encoder = model.encoder
    choices = getattr(encoder, "att_context_size_all", [])
    if getattr(encoder, "att_context_style", "") != "chunked_limited" or not choices:
        raise TrainingError(f"{path} is no streaming FastConformer: its attention is not limited to chunks")
    left, default = encoder.att_context_size
    ahead = default if look_ahead is None else look_ahead
    if [left, ahead] not in [list(choice) for choice in choices]:
        known = ", ".join(str(choice[1]) for choice in choices)
        raise TrainingError(f"{path} was not trained with a look-ahead of {ahead} frames; it knows {known}")
    encoder.set_default_att_context_size([left, ahead])
    model.set_export_config({"cache_support": "True"})
    streaming = encoder.streaming_cfg
    return {
        "window_size": streaming.chunk_size[1] + streaming.pre_encode_cache_size[1],
        "chunk_shift": streaming.shift_size[1],
        "left": left,
        "look_ahead": ahead,
        "subsampling_factor": encoder.subsampling_factor,
        "layers": len(encoder.layers),
        "width": encoder.d_model,
        "convolution": encoder.layers[0].conv.depthwise_conv._max_cache_len,
    }


def _export_ctc(model: Any, folder: Path, sizes: dict[str, int]) -> None:
    if hasattr(model, "ctc_decoder"):
        model.set_export_config({"decoder_type": "ctc"})
    plain = folder / "model.onnx"
    model.export(str(plain), onnx_opset_version=OPSET)
    metadata = {
        "vocab_size": len(_pieces(model)), "window_size": sizes["window_size"], "chunk_shift": sizes["chunk_shift"],
        "normalize_type": "" if model.cfg.preprocessor.normalize == "NA" else model.cfg.preprocessor.normalize,
        "cache_last_channel_dim1": sizes["layers"], "cache_last_channel_dim2": sizes["left"],
        "cache_last_channel_dim3": sizes["width"], "cache_last_time_dim1": sizes["layers"],
        "cache_last_time_dim2": sizes["width"], "cache_last_time_dim3": sizes["convolution"],
        "subsampling_factor": sizes["subsampling_factor"], "model_type": "EncDecCTCModelBPE", "version": "1",
        "model_author": "NeMo", "url": "", "comment": "exported by Caique's training tools",
    }  # fmt: skip
    graph = onnx.load(plain)
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in metadata.items()})
    onnx.save(graph, plain)
    _quantise(plain, folder / "model.int8.onnx")


def _export_transducer(model: Any, folder: Path, sizes: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        model.export(str(Path(scratch) / "model.onnx"), onnx_opset_version=OPSET)
        for part in ("encoder", "decoder_joint"):
            (Path(scratch) / f"{part}-model.onnx").replace(folder / f"{part}-model.onnx")
    _quantise(folder / "encoder-model.onnx", folder / "encoder-model.int8.onnx")
    durations = list(
        getattr(model.joint, "durations", None) or model.cfg.get("model_defaults", {}).get("tdt_durations", [])
    )
    config = {
        "model_type": "nemo-conformer-tdt" if durations else "nemo-conformer-rnnt",
        "features_size": int(model.cfg.preprocessor.features),
        "subsampling_factor": sizes["subsampling_factor"],
        "max_tokens_per_step": 10,
        "att_context_size": [sizes["left"], sizes["look_ahead"]],
        "blank_id": len(_pieces(model)),
    }
    if durations:
        config["durations"] = durations
    if hasattr(model, "ctc_decoder"):
        model.ctc_decoder.export(str(folder / "ctc_head.onnx"), onnx_opset_version=OPSET)
        config["ctc_head"] = "ctc_head.onnx"
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf8")


def _quantise(plain: Path, small: Path) -> None:
    """8-bit weights, unsigned: signed ones saturate on processors without VNNI."""
    quantize_dynamic(plain, small, weight_type=QuantType.QUInt8, per_channel=True, op_types_to_quantize=["MatMul"])


def _pieces(model: Any) -> list[str]:
    """The vocabulary without blank."""
    decoder = getattr(model, "ctc_decoder", None) or getattr(model, "joint", None) or model.decoder
    return list(decoder.vocabulary)


def _write_pieces(model: Any, folder: Path) -> None:
    lines = "".join(f"{piece} {n}\n" for n, piece in enumerate([*_pieces(model), "<blk>"]))
    for name in ("tokens.txt", "vocab.txt"):
        (folder / name).write_text(lines, "utf8")
    tokenizer = getattr(getattr(model, "tokenizer", None), "tokenizer", None)
    if hasattr(tokenizer, "serialized_model_proto"):
        (folder / "tokenizer.model").write_bytes(tokenizer.serialized_model_proto())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--look-ahead", type=int, help="encoder frames of 80 ms; else the model's default")
    parser.add_argument("--head", choices=("ctc", "transducer"))
    options = parser.parse_args()
    print(export(options.model, options.folder, options.look_ahead, options.head))


if __name__ == "__main__":
    run(main)
