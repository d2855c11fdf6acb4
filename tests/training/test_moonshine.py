"""Our PyTorch form of Moonshine tiny-en against its own published graphs, on a recording that comes with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import onnxruntime
import soundfile as sf
import torch

from training.blend import blend
from training.decoder import greedy
from training.export import export_whole
from training.graph_weights import opened
from training.model import FRAME, PAD
from training.profiles import ShippedMoonshine
from training.score import words
from training.teacher import Teacher, load_teacher
from training.weights import text_of

SPEC = importlib.util.find_spec("moonshine_voice")
if SPEC is None or SPEC.origin is None:
    pytest.skip("needs the weights in the package moonshine-voice", allow_module_level=True)
ASSETS = Path(SPEC.origin).parent / "assets"


@pytest.fixture(scope="module")
def moonshine() -> Teacher:
    return load_teacher(ASSETS / "tiny-en")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """The first eight seconds of a reading, whole frames of it."""
    samples, rate = sf.read(ASSETS / "two_cities.wav", dtype="float32")
    assert rate == 48_000
    spectrum = np.fft.rfft(samples[: 3 * 333 * FRAME])
    return np.fft.irfft(spectrum[: 333 * FRAME // 2 + 1], 333 * FRAME).astype(np.float32) / 3


@pytest.fixture(scope="module")
def published_frames(sound: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(ASSETS / "tiny-en" / "encoder_model.ort"))
    padded = np.pad(sound, (PAD, 0))[None]
    frames = session.run(None, {"input_values": padded, "attention_mask": np.ones(padded.shape, np.int64)})[0]
    return np.asarray(frames)


@torch.no_grad()
def test_frames_are_those_of_the_published_encoder(
    moonshine: Teacher, sound: np.ndarray, published_frames: np.ndarray
) -> None:
    frames = moonshine.encoder.whole(torch.from_numpy(sound)[None], torch.tensor([len(sound) // FRAME]))
    # the published graph also rounds activations to 8 bits: 0.9985 to 0.9995 on recordings of many kinds
    assert torch.cosine_similarity(frames, torch.from_numpy(published_frames), -1).mean() > 0.998


@torch.no_grad()
def test_the_graph_of_whole_windows_hears_as_the_published_one(
    moonshine: Teacher, sound: np.ndarray, published_frames: np.ndarray, tmp_path: Path
) -> None:
    path = export_whole(moonshine.encoder, tmp_path)
    given = {"input_values": np.pad(sound, (PAD, 0))[None]}
    frames = torch.from_numpy(onnxruntime.InferenceSession(str(path)).run(None, given)[0])
    ours = moonshine.encoder.whole(torch.from_numpy(sound)[None], torch.tensor([len(sound) // FRAME]))
    assert torch.cosine_similarity(frames, ours, -1).mean() > 0.999
    assert torch.cosine_similarity(frames, torch.from_numpy(published_frames), -1).mean() > 0.997
    again = opened(tmp_path).whole(torch.from_numpy(sound)[None], torch.tensor([len(sound) // FRAME]))
    assert torch.cosine_similarity(again, ours, -1).mean() > 0.999


def test_moonshine_can_be_blended_with_what_came_of_it(tmp_path: Path) -> None:
    own = opened(ASSETS / "tiny-en")
    export_whole(own, tmp_path)
    same = blend(own, opened(tmp_path), 0.25)
    sound = 0.1 * torch.randn(1, 96 * FRAME, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        frames, blended = (encoder.whole(sound, torch.tensor([96])) for encoder in (own, same))
    assert torch.cosine_similarity(frames, blended, -1).mean() > 0.999


def test_rows_of_a_batch_do_not_hear_each_other(moonshine: Teacher, sound: np.ndarray) -> None:
    short = torch.from_numpy(sound[: 100 * FRAME])
    batch = torch.stack([torch.from_numpy(sound), torch.nn.functional.pad(short, (0, len(sound) - len(short)))])
    with torch.no_grad():
        together = moonshine.encoder.whole(batch, torch.tensor([333, 100]))[1, :100]
        alone = moonshine.encoder.whole(short[None], torch.tensor([100]))[0]
    assert torch.allclose(together, alone, atol=1e-3)


def test_the_decoder_spells_what_was_read(moonshine: Teacher, published_frames: np.ndarray) -> None:
    frames = torch.from_numpy(published_frames)
    heard = greedy(moonshine.decoder, frames, torch.tensor([frames.shape[1]]))[0]
    dickens = (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness"
    )
    assert words(text_of(moonshine.tokens, heard.ids)) == words(dickens)


def test_teacher_forcing_agrees_with_greedy_decoding(moonshine: Teacher, published_frames: np.ndarray) -> None:
    frames = torch.from_numpy(published_frames)
    heard = greedy(moonshine.decoder, frames, torch.tensor([frames.shape[1]]))[0]
    with torch.no_grad():
        ids = torch.tensor([[1, *heard.ids]])
        states = moonshine.decoder(ids, frames, torch.ones(1, frames.shape[1], dtype=torch.bool))
        forced = moonshine.decoder.logits(states)[0].argmax(-1).tolist()
    assert forced == [*heard.ids, 2]


def test_the_judge_of_shipped_graphs_hears_the_same(sound: np.ndarray) -> None:
    shipped = ShippedMoonshine(ASSETS / "tiny-en")
    assert words(shipped.hear(sound))[:12] == words("It was the best of times, it was the worst of times")
