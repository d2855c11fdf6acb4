"""Encoder frames of a growing window, and folders with a streaming encoder before Moonshine's decoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.catalogue import find_model
from engine.errors import ModelError, ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle
from engine.models.options import BorrowedDecoder, ModelOptions
from engine.models.window_encoder import Appender, Caches, Reencoder
from engine.types import Frames, Samples
from tests.helpers.starter import recording, starter_folder, transcripts
from tests.helpers.streaming import FRAME, streaming_folder


def running_sum(samples: Samples, look_ahead: int, caches: Caches) -> tuple[Frames, Caches]:
    """A streaming encoder: each frame is the sum of all sound up to its end, however it was cut into chunks."""
    assert len(samples) % FRAME == 0
    sums = caches["sum"] + np.cumsum(samples.reshape(-1, FRAME).sum(1, dtype=np.float64))
    done = len(sums) - look_ahead
    return sums[:, None].astype(np.float32), {"sum": sums[done - 1 : done]}


def ramp(frames: int) -> Samples:
    return np.repeat(np.arange(frames, dtype=np.float32), FRAME) / FRAME


@given(
    st.lists(st.tuples(st.integers(1, 3_000), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 6),
    st.integers(0, 6),
)
def test_appended_frames_are_those_of_the_whole_whenever_they_are_asked_for(
    parts: list[tuple[int, bool]], chunk: int, look_ahead: int
) -> None:
    sound = ramp(100)
    appended = Appender(running_sum, {"sum": np.zeros(1)}, FRAME, chunk * FRAME, look_ahead * FRAME)
    whole, _ = running_sum(sound, 0, {"sum": np.zeros(1)})
    at = 0
    for size, ask in parts:
        appended.extend(sound[at : at + size])
        at += size
        if ask and at >= FRAME:
            assert np.array_equal(appended.frames(at), whole[: at // FRAME])


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=8), st.integers(1, 4))
def test_what_leaves_a_window_takes_its_frames_along(leaving: list[int], chunk: int) -> None:
    sound = ramp(60)
    window = Appender(running_sum, {"sum": np.zeros(1)}, FRAME, chunk * FRAME)
    window.extend(sound)
    whole = window.frames(len(sound))
    gone = 0
    for samples in leaving:
        window.forget(samples)
        gone += samples
        assert np.array_equal(window.frames(len(sound) - gone)[:10], whole[gone // FRAME :][:10])


def test_a_reencoder_gives_the_model_what_the_window_holds() -> None:
    window = Reencoder(lambda samples: samples[:, None])
    window.extend(np.arange(10, dtype=np.float32))
    window.forget(3)
    window.extend(np.arange(10, 12, dtype=np.float32))
    assert window.frames(5)[:, 0].tolist() == [3, 4, 5, 6, 7]
    assert window.frames(9)[:, 0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_a_streaming_folder_is_opened_with_the_sizes_of_its_metadata(tmp_path: Path) -> None:
    bundle = open_bundle(streaming_folder(tmp_path / "model"))
    assert isinstance(bundle, AttentionBundle)
    assert bundle.info.streaming
    assert (bundle.info.chunk, bundle.info.look_ahead) == pytest.approx((0.072, 0.048))
    sound = np.random.default_rng(4).normal(0, 0.1, 50 * FRAME).astype(np.float32)
    window = bundle.model.window()
    for at in range(0, len(sound), 1_000):
        window.extend(sound[at : at + 1_000])
        window.frames(min(at + 1_000, len(sound)))
    frames = window.frames(len(sound))
    assert len(frames) == 50
    assert np.allclose(frames, bundle.model.encode(sound), atol=1e-4)
    step = bundle.model.advance(bundle.model.start(frames), np.array([bundle.model.prompt]), 1)
    assert step.attention is not None
    assert step.attention.shape == (1, 1, 50)


def test_an_encoder_alone_borrows_the_decoder_of_another_folder(tmp_path: Path) -> None:
    whole = streaming_folder(tmp_path / "whole")
    (tmp_path / "ours").mkdir()
    shutil.copy(whole / "encoder.onnx", tmp_path / "ours" / "encoder.onnx")
    bundle = open_bundle(tmp_path / "ours", ModelOptions(borrowed=BorrowedDecoder(starter_folder())))
    together = open_bundle(whole)
    assert isinstance(bundle, AttentionBundle)
    assert isinstance(together, AttentionBundle)
    assert (bundle.folder, bundle.info.name) == (tmp_path / "ours", "Moonshine ours")
    assert bundle.info.files == together.info.files
    sound = np.random.default_rng(5).normal(0, 0.1, 20 * FRAME).astype(np.float32)
    assert np.array_equal(bundle.model.encode(sound), together.model.encode(sound))


def test_an_adapted_encoder_of_whole_windows_stands_before_the_published_decoder() -> None:
    files = find_model(Path("accurate"))
    ours = open_bundle(files.folder, ModelOptions(borrowed=files.borrowed))
    published = open_bundle(starter_folder())
    assert isinstance(ours, AttentionBundle)
    assert isinstance(published, AttentionBundle)
    assert (ours.folder, ours.info.name, ours.info.streaming) == (files.folder, "Moonshine whole", False)
    assert ours.info.precision == "int8"
    sound = recording(min(transcripts()))
    frames, theirs = (bundle.model.encode(sound) for bundle in (ours, published))
    assert frames.shape == theirs.shape
    alike = (frames * theirs).sum(1) / np.linalg.norm(frames, axis=1) / np.linalg.norm(theirs, axis=1)
    assert 0.6 < alike.mean() < 0.999


def test_a_window_knows_how_loud_the_one_before_was() -> None:
    files = find_model(Path("fast"))
    bundle = open_bundle(files.folder, ModelOptions(borrowed=files.borrowed))
    assert isinstance(bundle, AttentionBundle)
    names = sorted(transcripts())[:2]
    spoken, next_spoken = (recording(name) for name in names)

    def frames(loudness: float, *, told: bool) -> Frames:
        before, window = bundle.model.window(), None
        before.extend(loudness * spoken)
        before.frames(len(spoken))
        window = bundle.model.window(before if told else None)
        window.extend(loudness * next_spoken)
        return window.frames(len(next_spoken))[:25]

    loud = frames(1.0, told=True)
    near, far = (np.abs(frames(0.1, told=told) - loud).mean() for told in (True, False))
    assert near < 0.95 * far


@pytest.mark.parametrize(("there", "missing"), [("ours", "decoder_model_merged.ort"), ("lender", "encoder.int8.onnx")])
def test_what_either_folder_lacks_is_named(there: str, missing: str, tmp_path: Path) -> None:
    whole = streaming_folder(tmp_path / "whole")
    for name in ("ours", "lender"):
        (tmp_path / name).mkdir()
    kept = "encoder.onnx" if there == "ours" else "decoder_model_merged.ort"
    shutil.copy(whole / kept, tmp_path / there / kept)
    with pytest.raises(ModelFileMissing, match=missing):
        open_bundle(tmp_path / "ours", ModelOptions(borrowed=BorrowedDecoder(tmp_path / "lender")))


def test_a_streaming_folder_offers_the_delays_it_was_trained_for(tmp_path: Path) -> None:
    profiles = [{"chunk_samples": n * FRAME, "look_ahead_samples": n * FRAME} for n in (2, 5)]
    folder = streaming_folder(tmp_path / "model", profiles=json.dumps(profiles))
    sizes = {None: (0.072, 0.048), 96: (0.048, 0.048), 120: (0.072, 0.048), 240: (0.12, 0.12), 100: (0.072, 0.048)}
    for latency, expected in sizes.items():
        info = open_bundle(folder, ModelOptions(latency=latency)).info
        assert info.latencies == (96, 120, 240)
        assert (info.chunk, info.look_ahead) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"model_type": "other"}, ModelMismatch),
        ({"cache_shapes": json.dumps({"cache_video": [1, FRAME]})}, ModelMismatch),
        ({"cache_shapes": "no JSON"}, ModelFileBroken),
        ({"cache_shapes": json.dumps({"cache_audio": "wide"})}, ModelFileBroken),
        ({"chunk_samples": "1000"}, ModelMismatch),
        ({"look_ahead_samples": "-384"}, ModelMismatch),
        ({"frame_samples": "160"}, ModelMismatch),
        ({"profiles": json.dumps([{"chunk_samples": 1000, "look_ahead_samples": 0}])}, ModelMismatch),
    ],
)
def test_wrong_metadata_is_one_sentence(metadata: dict[str, str], kind: type[ModelError], tmp_path: Path) -> None:
    folder = streaming_folder(tmp_path / "model", **metadata)
    with pytest.raises(kind) as caught:
        open_bundle(folder)
    assert caught.value.path == folder / "encoder.onnx"
    assert "\n" not in str(caught.value)
