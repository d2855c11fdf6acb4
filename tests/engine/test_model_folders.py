"""Opening model folders: the facts of good ones, and one sentence naming the file for every bad one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from engine.errors import (
    EngineError,
    ModelError,
    ModelFileBroken,
    ModelFileMissing,
    ModelMismatch,
    ModelUnknown,
    UnsupportedDecoder,
)
from engine.frame_track import FrameTrack
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.options import ModelOptions, Provider
from engine.models.parts import FrameBundle
from engine.models.session import open_graph
from tests.helpers.graphs import convolution_folder, set_metadata, with_external_data
from tests.helpers.reference import recording

CTC, TRANSDUCER, NEMO, HYBRID = "ctc-sherpa-80ms", "rnnt-sherpa-80ms", "tdt-nemo-80ms", "hybrid-nemo-560ms"


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a reference folder, to be broken."""
    return lambda name: shutil.copytree(models / name, tmp_path / name)


def _refused(folder: Path, kind: type[EngineError], names: str, options: ModelOptions | None = None) -> str:
    """Opening the folder fails with one sentence that names the file at fault."""
    with pytest.raises(kind) as caught:
        open_bundle(folder, options)
    sentence = str(caught.value)
    assert names in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) - len(str(folder)) < 300
    return sentence


@pytest.mark.parametrize(
    ("name", "family", "decoders", "chunk", "pieces", "durations"),
    [
        ("ctc-sherpa-80ms", "ctc", ("ctc",), 0.08, 96, ()),
        ("ctc-sherpa-560ms", "ctc", ("ctc",), 0.56, 96, ()),
        ("rnnt-sherpa-80ms", "rnnt", ("transducer",), 0.08, 96, ()),
        ("rnnt-sherpa-128mel-160ms", "rnnt", ("transducer",), 0.16, 128, ()),
        ("rnnt-nemo-160ms", "rnnt", ("transducer",), 0.16, 96, ()),
        ("tdt-nemo-80ms", "tdt", ("transducer",), 0.08, 96, (0, 1, 2, 3, 4)),
        ("tdt-nemo-128mel-560ms", "tdt", ("transducer",), 0.56, 128, (0, 1, 2, 3, 4)),
        ("hybrid-nemo-560ms", "hybrid", ("transducer", "ctc"), 0.56, 96, ()),
    ],
)
def test_facts_of_every_layout(
    models: Path,
    name: str,
    family: str,
    decoders: tuple[str, ...],
    chunk: float,
    pieces: int,
    durations: tuple[int, ...],
) -> None:
    bundle = open_bundle(models / name)
    assert isinstance(bundle, FrameBundle)
    info = bundle.info
    assert (info.name, info.family, info.decoders, info.streaming) == (name, family, decoders, True)
    assert info.chunk == pytest.approx(chunk)
    assert (info.vocabulary_size, bundle.durations) == (pieces, durations)
    assert (info.precision, info.provider) == ("fp32", "CPUExecutionProvider")
    assert (info.cased, info.punctuated) == (False, False)
    assert set(info.files) <= {path.name for path in (models / name).iterdir()}


def test_sizes_without_metadata_are_those_with_it(models: Path) -> None:
    """The same encoder in both layouts: what config.json and the graph say is what sherpa-onnx's metadata says."""
    sizes = []
    for name in ("rnnt-sherpa-80ms", "tdt-nemo-80ms"):
        bundle = open_bundle(models / name)
        assert isinstance(bundle, FrameBundle)
        assert isinstance(bundle.encoder, CacheAwareGraph)
        sizes.append(bundle.encoder.sizes)
    assert sizes[0] == sizes[1]


def test_offline_folder_facts(tmp_path: Path) -> None:
    info = open_bundle(convolution_folder(tmp_path / "offline")).info
    assert (info.family, info.streaming) == ("ctc", False)
    assert info.look_ahead > 0


def test_precision_can_be_chosen(models: Path) -> None:
    int8 = open_bundle(models / CTC, ModelOptions(precision="int8")).info
    assert (int8.precision, int8.files[0]) == ("int8", "model.int8.onnx")
    _refused(models / NEMO, ModelFileMissing, "encoder-model.int8.onnx", ModelOptions(precision="int8"))


def test_int8_alone_is_taken(copy: Callable[[str], Path]) -> None:
    folder = copy(TRANSDUCER)
    for role in ("encoder", "decoder", "joiner"):
        (folder / f"{role}.onnx").unlink()
    assert open_bundle(folder).info.precision == "int8"


def test_smaller_graphs_may_come_in_the_other_precision(copy: Callable[[str], Path]) -> None:
    folder = copy(TRANSDUCER)
    (folder / "encoder.onnx").unlink()
    (folder / "joiner.int8.onnx").unlink()
    info = open_bundle(folder).info
    assert info.files[:3] == ("encoder.int8.onnx", "decoder.int8.onnx", "joiner.onnx")


def test_external_weights_are_read(copy: Callable[[str], Path], models: Path) -> None:
    folder = copy(CTC)
    with_external_data(folder, "model.onnx")
    said = []
    for place in (folder, models / CTC):
        bundle = open_bundle(place)
        assert isinstance(bundle, FrameBundle)
        track = FrameTrack(bundle)
        track.push(recording("a1_short.flac"))
        said.append(track.hypothesis)
    assert said[0] == said[1]


def test_graphs_in_onnx_runtimes_own_format(copy: Callable[[str], Path]) -> None:
    folder = copy(CTC)
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(folder / "model.ort")
    settings.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(folder / "model.onnx"), settings, providers=["CPUExecutionProvider"])
    (folder / "model.onnx").unlink()
    assert open_bundle(folder, ModelOptions(precision="fp32")).info.files[0] == "model.ort"
    _truncate(folder / "model.ort")
    _refused(folder, ModelFileBroken, "model.ort", ModelOptions(precision="fp32"))


@pytest.mark.parametrize("provider", ["cuda", "auto"])
def test_the_provider_that_runs_is_the_one_reported(models: Path, provider: Provider) -> None:
    bundle = open_bundle(models / CTC, ModelOptions(provider=provider))
    assert isinstance(bundle, FrameBundle)
    assert bundle.info.provider == bundle.encoder.graph.provider
    assert bundle.info.provider in ("CPUExecutionProvider", "CUDAExecutionProvider")


def test_a_decoder_that_is_not_there_is_refused(models: Path) -> None:
    _refused(models / CTC, UnsupportedDecoder, CTC, ModelOptions(decoder="transducer"))
    assert open_bundle(models / HYBRID, ModelOptions(decoder="ctc")).info.family == "hybrid"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("This is not the model you are looking for.\n" * 20)


def _pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [_truncate, _empty, _text, _pointer, _folder])
@pytest.mark.parametrize(
    ("name", "file"),
    [(CTC, "model.onnx"), (TRANSDUCER, "joiner.onnx"), (NEMO, "decoder_joint-model.onnx"), (HYBRID, "ctc_head.onnx")],
)
def test_unreadable_graphs(copy: Callable[[str], Path], name: str, file: str, spoil: Callable[[Path], None]) -> None:
    folder = copy(name)
    spoil(folder / file)
    _refused(folder, ModelFileBroken, file)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (CTC, "tokens.txt"),
        (TRANSDUCER, "encoder"),
        (TRANSDUCER, "decoder"),
        (TRANSDUCER, "joiner"),
        (NEMO, "decoder_joint"),
        (HYBRID, "ctc_head.onnx"),
    ],
)
def test_missing_files_are_named(copy: Callable[[str], Path], name: str, file: str) -> None:
    folder = copy(name)
    for path in folder.glob(f"{file}*"):
        path.unlink()
    sentence = _refused(folder, ModelFileMissing, file)
    assert re.search(r"is missing; it is needed for \S+", sentence)


def test_a_window_that_cannot_be_known(copy: Callable[[str], Path]) -> None:
    folder = copy(NEMO)
    (folder / "config.json").unlink()
    sentence = _refused(folder, ModelFileMissing, "config.json")
    assert '"att_context_size": [left, right]' in sentence
    assert '"subsampling_factor"' in sentence


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"att_context_size": None}, "att_context_size"),
        ({"subsampling_factor": None}, "subsampling_factor"),
        ({"att_context_size": [70]}, "att_context_size"),
        ({"att_context_size": "70,0"}, "att_context_size"),
        ({"subsampling_factor": 0}, "subsampling_factor"),
        ({"subsampling_factor": "8"}, "subsampling_factor"),
    ],
)
def test_config_with_a_wrong_size(copy: Callable[[str], Path], values: dict[str, object], says: str) -> None:
    folder = copy(NEMO)
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))
    assert says in _refused(folder, ModelFileBroken, "config.json")


def test_config_with_other_durations(copy: Callable[[str], Path]) -> None:
    folder = copy(NEMO)
    config = json.loads((folder / "config.json").read_text()) | {"durations": [0, 1, 2]}
    (folder / "config.json").write_text(json.dumps(config))
    _refused(folder, ModelMismatch, "config.json")


@pytest.mark.parametrize("content", ["{", "[1, 2]", ""])
def test_config_that_is_no_json(copy: Callable[[str], Path], content: str) -> None:
    folder = copy(NEMO)
    (folder / "config.json").write_text(content)
    _refused(folder, ModelFileBroken, "config.json")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda lines: lines[:-1], ModelFileBroken),  # without the blank
        (lambda lines: lines[:50] + lines[51:], ModelFileBroken),  # a gap
        (lambda lines: [line.split(" ")[0] for line in lines], ModelFileBroken),  # no numbers
        (lambda lines: [], ModelFileBroken),
        (lambda lines: [*lines[:90], "<blk> 90"], ModelMismatch),  # of another model
    ],
)
@pytest.mark.parametrize("name", [CTC, TRANSDUCER])
def test_wrong_vocabularies(
    copy: Callable[[str], Path], name: str, change: Callable[[list[str]], list[str]], error: type[ModelError]
) -> None:
    folder = copy(name)
    path = folder / "tokens.txt"
    path.write_text("\n".join(change(path.read_text().splitlines())))
    _refused(folder, error, "tokens.txt")


def test_a_vocabulary_that_is_no_text(copy: Callable[[str], Path]) -> None:
    folder = copy(CTC)
    (folder / "tokens.txt").write_bytes(bytes(range(256)))
    _refused(folder, ModelFileBroken, "tokens.txt")


def test_weights_that_are_not_there(copy: Callable[[str], Path]) -> None:
    folder = copy(CTC)
    weights = with_external_data(folder, "model.onnx")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1_000])
    _refused(folder, ModelFileBroken, "model.onnx")
    weights.unlink()
    assert weights.name in _refused(folder, ModelFileBroken, "model.onnx")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"window_size": "many"}, ModelFileBroken),
        ({"chunk_shift": None}, ModelFileBroken),
        ({"chunk_shift": "9"}, ModelMismatch),
        ({"chunk_shift": "16", "window_size": "25"}, ModelMismatch),  # the graph gives one frame a step
        ({"cache_last_channel_dim1": "4"}, ModelMismatch),
        ({"normalize_type": "per_feature"}, ModelMismatch),  # needs the whole recording
    ],
)
def test_metadata_that_does_not_fit(
    copy: Callable[[str], Path], values: dict[str, str | None], error: type[ModelError]
) -> None:
    folder = copy(CTC)
    set_metadata(folder / "model.onnx", **values)
    _refused(folder, error, "model.onnx")


def test_files_of_different_models(copy: Callable[[str], Path], models: Path) -> None:
    folder = copy(TRANSDUCER)
    shutil.copy(models / "rnnt-sherpa-128mel-160ms" / "joiner.onnx", folder)
    _refused(folder, ModelMismatch, "joiner.onnx")


def test_folders_from_somewhere_else(tmp_path: Path, models: Path) -> None:
    _refused(tmp_path / "nowhere", ModelUnknown, "nowhere")
    _refused(models / CTC / "model.onnx", ModelUnknown, "model.onnx")
    (tmp_path / "readme.md").write_text("hello")
    _refused(tmp_path, ModelUnknown, "holds no .onnx")
    shutil.copy(models / CTC / "model.onnx", tmp_path / "silero.onnx")
    _refused(tmp_path, ModelUnknown, "silero.onnx")


def test_a_folder_that_may_not_be_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert "Permission denied" in _refused(models / CTC, ModelUnknown, CTC)


def test_a_graph_of_another_kind(tmp_path: Path, models: Path) -> None:
    shutil.copy(models / TRANSDUCER / "joiner.onnx", tmp_path / "model.onnx")
    shutil.copy(models / TRANSDUCER / "tokens.txt", tmp_path)
    _refused(tmp_path, ModelError, "model.onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["x"], ["y"])], "g", [value], [
        onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    ])  # fmt: skip
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "model.onnx")
    _refused(tmp_path, ModelUnknown, "model.onnx")


def test_a_graph_that_fails_while_running_says_so(models: Path) -> None:
    graph = open_graph(models / CTC / "model.onnx", ModelOptions(), "the test")
    with pytest.raises(ModelFileBroken, match=r"model\.onnx cannot be used: it stops while running \(.+\)\.$"):
        graph.run(*(np.zeros(1, np.float32) for _ in graph.inputs))
