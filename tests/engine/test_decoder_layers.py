"""Learned layers in place of a published decoder's: they are what is computed with, and wrong files are named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.attention import Advance
from engine.models.decoder_layers import FILE, adapted, save
from engine.models.moonshine_decoder import Decoder, open_decoder
from engine.models.moonshine_network import Network, recognise
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.types import Final
from tests.helpers.starter import recording, starter_folder, transcripts

DECODER = starter_folder() / "decoder_model_merged.ort"


@pytest.fixture(scope="module")
def published() -> Network:
    return recognise(DECODER.read_bytes())


def silenced(network: Network) -> Network:
    """One whose cross-attention hears nothing."""
    layers = (
        replace(layer, memory_out=replace(layer.memory_out, scale=np.zeros_like(layer.memory_out.scale)))
        for layer in network.layers
    )
    return replace(network, layers=tuple(layers))


def first_step(decoder: Decoder, frames: np.ndarray) -> Advance:
    return decoder.advance(decoder.start(decoder.attended(frames)), np.array([[1]]), 1)


def heard(folder: Path, name: str) -> str:
    stream = Recognizer.load(folder).stream()
    return " ".join(u.text for u in stream.push(recording(name)) + stream.finish() if isinstance(u, Final))


def test_layers_that_are_the_published_ones_change_nothing(published: Network, tmp_path: Path) -> None:
    save(published, tmp_path / FILE)
    frames = np.random.default_rng(3).standard_normal((40, 288)).astype(np.float32)
    own = first_step(open_decoder(DECODER, tmp_path / FILE, ModelOptions()), frames)
    np.testing.assert_array_equal(own.logits, first_step(open_decoder(DECODER, None, ModelOptions()), frames).logits)


def test_learned_layers_are_what_is_computed_with(published: Network, tmp_path: Path) -> None:
    save(silenced(published), tmp_path / "deaf.npz")
    random = np.random.default_rng(4)
    decoder = open_decoder(DECODER, tmp_path / "deaf.npz", ModelOptions())
    one, other = (first_step(decoder, random.standard_normal((40, 288)).astype(np.float32)) for _ in range(2))
    np.testing.assert_array_equal(one.logits, other.logits)


def test_layers_beside_a_decoder_are_taken(published: Network, tmp_path: Path) -> None:
    folder = shutil.copytree(starter_folder(), tmp_path / "model")
    name = next(iter(transcripts()))
    own = heard(folder, name)
    assert own
    save(silenced(published), folder / FILE)
    assert heard(folder, name) != own


def test_files_that_are_no_layers_of_this_decoder_are_named(published: Network, tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissing, match=r"gone\.npz"):
        adapted(published, tmp_path / "gone.npz")
    (tmp_path / "text.npz").write_text("no layers")
    with pytest.raises(ModelFileBroken, match=r"text\.npz"):
        adapted(published, tmp_path / "text.npz")
    save(replace(published, layers=published.layers[:-1]), tmp_path / "short.npz")
    whole = (tmp_path / "short.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileBroken, match=r"cut\.npz"):
        adapted(published, tmp_path / "cut.npz")
    with pytest.raises(ModelMismatch, match="another decoder"):
        open_decoder(DECODER, tmp_path / "short.npz", ModelOptions())
