"""Rewritten streaming graphs against the ones NeMo exported: the same numbers, and the same in sherpa-onnx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest
import sherpa_onnx

from engine.frame_track import FrameTrack
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph, EncoderState
from engine.models.parts import FrameBundle
from engine.models.rewrite import CannotRewrite, rewrite, save
from engine.models.rewriting.linears import FORMS, Form
from engine.models.sizes import MOST_FRAMES
from tests.helpers.reference import Case, cases, recording
from tests.helpers.rewritten import GRAPHS, a_minute_of_features, rewritten_folder, run_steps

OpenModel = Callable[..., FrameBundle]

MODELS = list(GRAPHS)
FOR_SHERPA = [name for name in MODELS if "sherpa" in name]


def _encoder(folder: Path) -> CacheAwareGraph:
    bundle = open_bundle(folder)
    assert isinstance(bundle, FrameBundle)
    return cast(CacheAwareGraph, bundle.encoder)


def _original(open_model: OpenModel, name: str) -> CacheAwareGraph:
    return cast(CacheAwareGraph, open_model(name, "fp32").encoder)


@pytest.mark.parametrize("name", MODELS)
def test_a_minute_of_sound_gives_the_same_numbers(
    name: str, models: Path, open_model: OpenModel, tmp_path: Path
) -> None:
    original, rewritten = _original(open_model, name), _encoder(rewritten_folder(models / name, tmp_path / name))
    features = a_minute_of_features(original.bins)
    assert np.abs(run_steps(rewritten, features) - run_steps(original, features)).max() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_several_steps_in_one_call_see_what_they_see_one_by_one(
    name: str, models: Path, open_model: OpenModel, tmp_path: Path
) -> None:
    original = _original(open_model, name)
    rewritten = _encoder(rewritten_folder(models / name, tmp_path / name))
    assert rewritten.sizes == replace(original.sizes, cache_width=2 * original.sizes.cache_width)
    assert rewritten.most_steps == MOST_FRAMES // original.sizes.frames
    features = a_minute_of_features(original.bins)[:3000]
    one_by_one = run_steps(original, features)
    for steps in {2, 3, rewritten.most_steps}:
        given = run_steps(rewritten, features, steps)
        assert len(given) > len(one_by_one) - steps * original.sizes.frames
        assert np.abs(given - one_by_one[: len(given)]).max() < 1e-4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["ctc-sherpa-80ms", "rnnt-sherpa-128mel-160ms", "tdt-nemo-128mel-560ms"])
def test_what_else_is_in_a_call_changes_no_bit(name: str, form: Form, models: Path, tmp_path: Path) -> None:
    """Neither other streams nor later steps of the same one do."""
    encoder = _encoder(rewritten_folder(models / name, tmp_path / name, form=form))
    sizes, features = encoder.sizes, a_minute_of_features(encoder.bins)
    late = encoder.start()
    windows = [features[start : start + sizes.window] for start in range(0, 25 * sizes.shift, sizes.shift)]
    for window in windows[:10]:
        _, late = encoder.step(window[None], late)
    states, ahead, alone = [late, encoder.start(), encoder.start()], late, []
    for firsts in zip(windows[10:15], windows[20:25], windows[5:10], strict=True):
        together = EncoderState(*map(np.concatenate, zip(*map(_arrays, states), strict=True)))
        frames, after = encoder.step(np.stack(firsts), together)
        steps = [encoder.step(window[None], state) for window, state in zip(firsts, states, strict=True)]
        states = [state for _, state in steps]
        alone.append(steps[0][0])
        np.testing.assert_array_equal(frames, np.concatenate([frame for frame, _ in steps]))
        for some, others in zip(_arrays(after), zip(*map(_arrays, states), strict=True), strict=True):
            np.testing.assert_array_equal(some, np.concatenate(others))
    several = min(5, encoder.most_steps)
    start, end = 10 * sizes.shift, (9 + several) * sizes.shift + sizes.window
    frames, after = encoder.step(features[None, start:end], ahead)
    np.testing.assert_array_equal(frames, np.concatenate(alone[:several], axis=1))
    assert encoder.shares_calls
    assert encoder.exact_steps == encoder.most_steps


FROM_NEMO = [
    case for case in cases()
    if case.precision == "fp32" and case.recording == "a2_three.flac" and not case.nemo_tail and case.max_symbols == 10
]  # fmt: skip


@pytest.mark.parametrize("case", FROM_NEMO, ids=lambda case: case.id)
def test_rewritten_models_give_the_tokens_of_nemo(case: Case, models: Path, tmp_path: Path) -> None:
    bundle = open_bundle(rewritten_folder(models / case.model, tmp_path / case.model))
    assert isinstance(bundle, FrameBundle)
    track = FrameTrack(bundle, case.decoder, case.grid)
    track.push(np.concatenate([recording(case.recording), np.zeros(case.zero_samples, np.float32)]))
    tokens = track.hypothesis.tokens
    assert [token.id for token in tokens] == case.tokens
    assert [token.time for token in tokens] == pytest.approx([(8 * at + case.first_centre) * 0.01 for at in case.at])


def _arrays(state: EncoderState) -> Sequence[np.ndarray]:  # type: ignore[type-arg]
    return state.channel, state.time, state.length


@pytest.mark.parametrize("name", FOR_SHERPA)
def test_sherpa_onnx_hears_the_same_tokens(name: str, models: Path, tmp_path: Path) -> None:
    rewritten = rewritten_folder(models / name, tmp_path / name)
    for sound in ("a2_three.flac", "a5_real.flac"):
        tokens = _sherpa_tokens(rewritten, sound)
        assert tokens
        assert tokens == _sherpa_tokens(models / name, sound)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "fp32"])
def test_sherpa_onnx_runs_the_int8_forms(form: Form, models: Path, tmp_path: Path) -> None:
    assert _sherpa_tokens(rewritten_folder(models / FOR_SHERPA[0], tmp_path / form, form=form), "a2_three.flac")


def _sherpa_tokens(folder: Path, sound: str) -> list[str]:
    if (folder / "model.onnx").exists():
        recognizer = sherpa_onnx.OnlineRecognizer.from_nemo_ctc(
            model=str(folder / "model.onnx"), tokens=str(folder / "tokens.txt"), num_threads=1
        )
    else:
        parts = {part: str(folder / f"{part}.onnx") for part in ("encoder", "decoder", "joiner")}
        recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=str(folder / "tokens.txt"), num_threads=1, **parts
        )
    stream = recognizer.create_stream()
    stream.accept_waveform(16_000, np.concatenate([recording(sound), np.zeros(16_000, np.float32)]))
    stream.input_finished()
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    return list(recognizer.tokens(stream))


@pytest.mark.parametrize("name", FOR_SHERPA)
def test_the_metadata_tells_the_width_of_the_cache_and_how_long_a_call_may_be(name: str, models: Path) -> None:
    path = models / name / GRAPHS[name]
    before, after = (_metadata(model) for model in (onnx.load(str(path)), rewrite(path)))
    assert int(after.pop("cache_last_channel_dim3")) == 2 * int(before.pop("cache_last_channel_dim3"))
    assert int(after.pop("most_steps")) >= 1
    assert after == before


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {item.key: item.value for item in model.metadata_props}


def test_names_do_not_matter(models: Path, tmp_path: Path) -> None:
    path = models / "ctc-sherpa-80ms" / "model.onnx"
    model = onnx.load(str(path))
    names: dict[str, str] = {"": ""}
    for items in (model.graph.input, model.graph.output, model.graph.initializer):
        for item in items:
            item.name = names.setdefault(item.name, f"x{len(names)}")
    for node in model.graph.node:
        node.name = "same"
        for ends in (node.input, node.output):
            ends[:] = [names.setdefault(name, f"x{len(names)}") for name in ends]
    onnx.save(model, str(tmp_path / "model.onnx"))
    save(rewrite(tmp_path / "model.onnx"), tmp_path / "renamed.onnx")
    ours, theirs = rewrite(tmp_path / "model.onnx").graph, rewrite(path).graph
    assert [node.op_type for node in ours.node] == [node.op_type for node in theirs.node]
    assert [weights.raw_data for weights in ours.initializer] == [weights.raw_data for weights in theirs.initializer]


@pytest.mark.parametrize(
    "path",
    ["ctc-sherpa-80ms/model.int8.onnx", "rnnt-sherpa-80ms/decoder.onnx", "hybrid-nemo-560ms/ctc_head.onnx",
     "ctc-sherpa-80ms/tokens.txt"],
)  # fmt: skip
def test_other_graphs_are_refused_with_one_sentence(path: str, models: Path) -> None:
    with pytest.raises(CannotRewrite) as caught:
        rewrite(models / path)
    sentence = str(caught.value)
    assert str(models / path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_chunks_that_reach_back_by_different_lengths_do_so_in_longer_calls(models: Path, tmp_path: Path) -> None:
    # Chunks that do not divide the left context: several at once in NeMo's own graph would see other frames.
    folder = rewritten_folder(models / "ctc-sherpa-560ms", tmp_path / "model")
    model = onnx.load(str(models / "ctc-sherpa-560ms" / "model.onnx"))
    sevens = [
        node for node in model.graph.node
        if node.op_type == "Constant" and onnx.numpy_helper.to_array(node.attribute[0].t).tolist() == 7
        and node.attribute[0].t.data_type == onnx.TensorProto.INT32
    ]  # fmt: skip
    assert len(sevens) == 1
    sevens[0].attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.array(4, np.int32)))
    onnx.save(model, str(folder / "model.onnx"))
    original = _encoder(folder)
    features = a_minute_of_features(original.bins)[:2000]
    expected = run_steps(original, features)
    save(rewrite(folder / "model.onnx"), folder / "model.onnx")
    given = run_steps(_encoder(folder), features, 3)
    assert np.abs(given - expected[: len(given)]).max() < 1e-4


def test_a_window_that_is_not_the_chunks_own_is_refused(models: Path, tmp_path: Path) -> None:
    model = onnx.load(str(models / "ctc-sherpa-80ms" / "model.onnx"))
    onnx.helper.set_model_props(model, {**_metadata(model), "window_size": "25"})
    onnx.save(model, str(tmp_path / "model.onnx"))
    with pytest.raises(CannotRewrite, match="a window of 25 frames"):
        rewrite(tmp_path / "model.onnx")
