"""The cache of rewritten graphs: they serve once they have proved equal, and never stand in the way."""

from __future__ import annotations

import json
import os
import shutil
from itertools import groupby
from pathlib import Path

import numpy as np
import onnx
import pytest

from engine import preparing
from engine.features import LogMel
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.options import ModelOptions
from engine.models.parts import FrameBundle
from engine.models.prepared import PreparedGraphs
from engine.models.rewriting import pen, trial
from engine.preparing import prepare, speech
from engine.recognizer import Recognizer
from tests.helpers.reference import recording
from tests.helpers.rewritten import GRAPHS, run_steps

CTC = "ctc-sherpa-80ms"
SHORT = recording("a5_real.flac")[:24_000]
"""Enough to tell graphs apart where the test is about something else."""


@pytest.fixture
def model(models: Path, tmp_path: Path) -> Path:
    """A model folder of this test's own, with nothing but the fp32 graph."""
    folder = shutil.copytree(models / CTC, tmp_path / CTC)
    (folder / "model.int8.onnx").unlink()
    return folder


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedGraphs:
    return PreparedGraphs(tmp_path / "cache" / "prepared")


def _open(folder: Path, prepared: PreparedGraphs) -> CacheAwareGraph:
    bundle = open_bundle(folder, ModelOptions(prepared=prepared.folder))
    assert isinstance(bundle, FrameBundle)
    assert isinstance(bundle.encoder, CacheAwareGraph)
    return bundle.encoder


def _serves(folder: Path, prepared: PreparedGraphs) -> bool:
    """Whether a prepared graph stands in for the folder's own."""
    return prepared.folder in _open(folder, prepared).graph.path.parents


def _said(encoder: CacheAwareGraph) -> list[int]:
    """The symbols of a CTC graph for the speech that an int8 graph must hear the same in (fp32: in any)."""
    scores = run_steps(encoder, LogMel(encoder.bins).push(speech()))
    return [symbol for symbol, _ in groupby(scores.argmax(1)) if symbol != scores.shape[1] - 1]


def test_the_original_serves_until_the_other_is_ready(model: Path, prepared: PreparedGraphs) -> None:
    assert not _serves(model, prepared)
    record = prepare(model, prepared)
    assert record is not None
    assert record.cost < 0.9
    assert _serves(model, prepared)
    assert _said(_open(model, prepared)) == _said(_open(model, PreparedGraphs(prepared.folder / "none")))


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_every_reference_model_gets_a_cheaper_graph(name: str, models: Path, prepared: PreparedGraphs) -> None:
    record = prepare(models / name, prepared)
    assert record is not None
    assert record.form != "original"
    assert record.cost < 0.9
    info = Recognizer.load(models / name, ModelOptions(prepared=prepared.folder)).info
    assert info.precision == record.form[:4]
    assert _serves(models / name, prepared)


def test_a_precision_asked_for_is_kept(model: Path, prepared: PreparedGraphs) -> None:
    prepare(model, prepared, SHORT)
    bundle = open_bundle(model, ModelOptions(prepared=prepared.folder, precision="fp32"))
    assert isinstance(bundle, FrameBundle)
    assert bundle.encoder.graph.path == model / "model.onnx"


def test_a_graph_that_gives_other_numbers_is_not_used(model: Path, prepared: PreparedGraphs) -> None:
    # The subsampling pads by other amounts than NeMo's: nothing that rewriting looks at, but the numbers tell.
    path = model / "model.onnx"
    graph = onnx.load(str(path))
    pads = [
        node.attribute[0].t for node in graph.graph.node
        if node.op_type == "Constant" and onnx.numpy_helper.to_array(node.attribute[0].t).tolist() == [2, 1, 2, 1]
    ]  # fmt: skip
    assert pads
    for value in pads:
        value.CopyFrom(onnx.numpy_helper.from_array(np.array([1, 2, 2, 1])))
    onnx.save(graph, str(path))
    record = prepare(model, prepared, SHORT)
    assert record is not None
    assert record.form == "original"
    assert "model.onnx is used as published, because its rewritten graph gave other numbers." in record.sentence
    assert not _serves(model, prepared)
    assert prepared.record(path) == record  # known: not tried again at every start


def test_a_graph_of_another_kind_stays_and_is_not_tried_again(
    model: Path, models: Path, prepared: PreparedGraphs
) -> None:
    (model / "model.onnx").unlink()
    shutil.copy(models / CTC / "model.int8.onnx", model)
    record = prepare(model, prepared, SHORT)
    assert record is not None
    assert record.form == "original"
    assert record.sentence.count(". ") == 1
    assert Recognizer.load(model).prepare(prepared.folder) is None


def test_int8_that_hears_other_symbols_is_not_used(
    models: Path, prepared: PreparedGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether honest int8 changes what this model's transducer emits depends on the processor: it decides by a hair.
    for name in ("blocks", "columns"):
        honest = getattr(pen, name)
        monkeypatch.setattr(pen, name, lambda linear, honest=honest: (lambda w, scales: (w, -scales))(*honest(linear)))
    # The symbols alone are to tell, whatever is cheapest here.
    monkeypatch.setattr(trial, "is_faithful", lambda *_: True)
    monkeypatch.setattr(preparing, "FORMS", ("int8-blocks", "int8-columns"))
    monkeypatch.setattr(preparing, "_WORTH_IT", np.inf)
    record = prepare(models / "tdt-nemo-128mel-560ms", prepared)
    assert record is not None
    assert record.form == "original"


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _scramble(path: Path) -> None:
    """Other content of the same size and age, which no stamp can tell."""
    stat = path.stat()
    path.write_bytes(b"\x07" * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("damage", [_truncate, _scramble, Path.unlink])
@pytest.mark.parametrize("file", ["model.onnx", "record.json"])
def test_a_damaged_entry_is_left_aside_and_made_again(
    damage: object, file: str, model: Path, prepared: PreparedGraphs
) -> None:
    prepare(model, prepared, SHORT)
    damage(_open(model, prepared).graph.path.with_name(file))  # type: ignore[operator]
    assert not _serves(model, prepared)
    assert prepared.record(model / "model.onnx") is None
    prepare(model, prepared, SHORT)
    assert _serves(model, prepared)


def test_a_model_that_was_replaced_is_prepared_anew(model: Path, models: Path, prepared: PreparedGraphs) -> None:
    prepare(model, prepared, SHORT)
    shutil.copy(models / "ctc-sherpa-560ms" / "model.onnx", model / "model.onnx")
    assert prepared.record(model / "model.onnx") is None
    assert not _serves(model, prepared)


@pytest.mark.parametrize("fact", ["machine", "revision"])
def test_what_another_machine_or_version_found_does_not_count(fact: str, model: Path, prepared: PreparedGraphs) -> None:
    prepare(model, prepared, SHORT)
    file = _open(model, prepared).graph.path.with_name("record.json")
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, fact: "elsewhere" if fact == "machine" else -1}))
    assert not _serves(model, prepared)


def test_preparing_leaves_nothing_else_behind(model: Path, prepared: PreparedGraphs) -> None:
    abandoned = prepared.folder / ".new-abandoned"
    abandoned.mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    prepare(model, prepared, SHORT)
    entry = _open(model, prepared).graph.path.parent
    assert sorted(path.name for path in prepared.folder.iterdir()) == sorted([entry.name, "originals"])


def test_what_belongs_to_a_removed_model_is_removed(model: Path, models: Path, prepared: PreparedGraphs) -> None:
    prepare(model, prepared, SHORT)
    entry = _open(model, prepared).graph.path.parent
    shutil.rmtree(model)
    prepare(models / "ctc-sherpa-560ms", prepared, SHORT)
    assert not entry.exists()
    assert _serves(models / "ctc-sherpa-560ms", prepared)


def test_it_is_made_in_the_background(model: Path, prepared: PreparedGraphs) -> None:
    options = ModelOptions(prepared=prepared.folder)
    process = Recognizer.load(model, options).prepare(prepared.folder)
    assert process is not None
    process.join(timeout=100)
    assert process.exitcode == 0
    assert _serves(model, prepared)
    assert Recognizer.load(model, options).prepare(prepared.folder) is None
