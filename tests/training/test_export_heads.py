"""A head's model folder: what the program streams is what PyTorch gives for the whole recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import torch

from engine.decoding.guidance import Guidance
from engine.frame_track import FrameTrack
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph
from engine.models.options import ModelOptions, Precision
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer
from engine.types import BoostPhrase, Final
from tests.helpers.graphs import set_metadata
from training.ctc_model import CtcRecognizer, best_path
from training.export_heads import export_heads
from training.model import BLOCK, FRAME, SAMPLE_RATE, Encoder, EncoderShape
from training.pieces import make_pieces
from training.store import ClipStore
from training.tdt_model import TdtRecognizer

SMALL = EncoderShape(width=32, heads=2, layers=2, rotary=8)
LEFT = 48
"""Shorter than the recording, so that the caches roll over."""
EXPORTED = (6, 6)
PROFILES = [(3, 0), (3, 3), EXPORTED, (12, 12), (24, 0)]

Exported = tuple[CtcRecognizer, Path]


@pytest.fixture(scope="module")
def sound(work: Path) -> np.ndarray:
    store = ClipStore(work)
    return store.read(max(store.select("speech"), key=lambda c: c.samples)).numpy()


@pytest.fixture(scope="module")
def ctc(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(CtcRecognizer(Encoder(SMALL), 2, 12), sound, tmp_path_factory.mktemp("ctc"))


@pytest.fixture(scope="module")
def tdt(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(TdtRecognizer(Encoder(SMALL), 2, 12, width=16), sound, tmp_path_factory.mktemp("tdt"))


def exported(recognizer: CtcRecognizer, sound: np.ndarray, folder: Path) -> Exported:
    """Random weights that say many pieces, written as a model folder."""
    make_pieces(["One two.", "two, one?"] * 9, 12, folder / "pieces.model")
    torch.manual_seed(5)
    readers = [recognizer.head.out]
    if isinstance(recognizer, TdtRecognizer):
        readers.append(recognizer.joint.of_frames)
        torch.nn.init.normal_(recognizer.joint.out.weight)
    middle = whole(recognizer.eval(), sound, EXPORTED).mean(0)
    with torch.no_grad():
        for reader in readers:  # what all steps have in common would have them all say the same
            reader.weight.copy_(torch.randn_like(reader.weight))
            reader.bias.copy_(-reader.weight @ middle)
    export_heads(recognizer, LEFT, folder / "pieces.model", folder / "model", EXPORTED)
    return recognizer, folder / "model"


def with_profile(folder: Path, target: Path, profile: tuple[int, int]) -> Path:
    """The same graphs under another profile."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    chunk, ahead = profile
    for path in target.glob("*.onnx"):
        if path.name.startswith(("model", "encoder")):
            sizes = {"window_size": str(chunk + ahead), "chunk_shift": str(chunk)}
            set_metadata(path, **sizes, look_ahead=str(ahead) if ahead else None)
    return target


@torch.no_grad()
def whole(recognizer: CtcRecognizer, sound: np.ndarray, profile: tuple[int, int]) -> torch.Tensor:
    """The head's states of the recording and some silence behind it."""
    padded = torch.nn.functional.pad(torch.from_numpy(sound), (0, 2 * BLOCK * FRAME))
    padded = torch.nn.functional.pad(padded, (0, -len(padded) % (BLOCK * FRAME)))
    frames = recognizer.encoder.streaming(padded[None], profile[0], LEFT, profile[1])
    return recognizer.head.states(frames, profile[0], LEFT)[0]


def opened(folder: Path, decoder: str, precision: Precision = "fp32") -> FrameBundle:
    bundle = open_bundle(folder, ModelOptions(decoder=decoder, precision=precision))
    assert isinstance(bundle, FrameBundle)
    return bundle


def heard(bundle: FrameBundle, decoder: str, sound: np.ndarray) -> list[int]:
    """Tokens as the program hears them in pieces of odd length."""
    track = FrameTrack(bundle, decoder)
    for part in np.array_split(sound, 7):
        track.push(part)
    track.finish()
    tokens = track.hypothesis.tokens
    assert all(0 <= token.time <= len(sound) / SAMPLE_RATE for token in tokens)
    return [token.id for token in tokens]


def encoded(bundle: FrameBundle, sound: np.ndarray) -> np.ndarray:
    """What the graph gives for each whole window, one after the other."""
    encoder = bundle.encoder
    assert isinstance(encoder, CacheAwareGraph)
    sizes, features = encoder.sizes, encoder.features().push(sound)
    given, state = [], encoder.start()
    for start in range(0, len(features) - sizes.window + 1, sizes.shift):
        frames, state = encoder.step(features[None, start : start + sizes.window], state)
        given.append(frames[0])
    return np.concatenate(given)


@torch.no_grad()
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_ctc_streamed_equals_pytorch_whole(
    ctc: Exported, sound: np.ndarray, tmp_path: Path, profile: tuple[int, int]
) -> None:
    recognizer, folder = ctc
    bundle = opened(with_profile(folder, tmp_path, profile), "ctc")
    scores, wanted = encoded(bundle, sound), recognizer.head.out(whole(recognizer, sound, profile)).log_softmax(-1)
    np.testing.assert_allclose(scores, wanted[: len(scores)].numpy(), atol=1e-3)
    tokens = heard(bundle, "ctc", sound)
    assert len(set(tokens)) > 3
    assert tokens == best_path(wanted)[: len(tokens)]


@torch.no_grad()
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_tdt_streamed_equals_pytorch_whole(
    tdt: Exported, sound: np.ndarray, tmp_path: Path, profile: tuple[int, int]
) -> None:
    recognizer, folder = tdt
    assert isinstance(recognizer, TdtRecognizer)
    bundle = opened(with_profile(folder, tmp_path, profile), "transducer")
    assert bundle.info.family == "hybrid"
    frames, states = encoded(bundle, sound), whole(recognizer, sound, profile)
    np.testing.assert_allclose(frames, states[: len(frames)].numpy(), atol=1e-3)
    for decoder, wanted in (
        ("transducer", recognizer.greedy(states)),
        ("ctc", best_path(recognizer.head.out(states))),
    ):
        tokens = heard(bundle, decoder, sound)
        assert len(set(tokens)) > 3
        assert tokens == wanted[: len(tokens)]


@torch.no_grad()
def test_a_head_in_moonshines_tokens_becomes_a_folder_too(sound: np.ndarray, tmp_path: Path) -> None:
    tokens = [b"<unk>", b"\n", b"\xe2\x96\x81one", b"two", b"\xc3"]
    (tmp_path / "tokenizer.bin").write_bytes(b"".join(bytes([len(t)]) + t for t in tokens))
    torch.manual_seed(5)
    recognizer = CtcRecognizer(Encoder(SMALL), 1, len(tokens), tied=True).eval()
    torch.nn.init.normal_(recognizer.head.out.embedding)
    export_heads(recognizer, LEFT, tmp_path / "tokenizer.bin", tmp_path / "model", EXPORTED)
    bundle = opened(tmp_path / "model", "ctc")
    assert bundle.vocabulary.pieces == ("<unk>", "<0x0A>", "\u2581one", "two", "<0xC3>")
    scores, wanted = encoded(bundle, sound), recognizer.head.out(whole(recognizer, sound, EXPORTED)).log_softmax(-1)
    np.testing.assert_allclose(scores, wanted[: len(scores)].numpy(), atol=1e-3)


@pytest.mark.parametrize("head", ["ctc", "tdt"])
def test_eight_bits_hear_nearly_the_same(head: str, sound: np.ndarray, request: pytest.FixtureRequest) -> None:
    _, folder = request.getfixturevalue(head)
    decoder = "ctc" if head == "ctc" else "transducer"
    plain, small = (encoded(opened(folder, decoder, precision), sound) for precision in ("fp32", "int8"))
    assert not np.array_equal(plain, small)
    assert np.sum(plain * small) / np.linalg.norm(plain) / np.linalg.norm(small) > 0.99


@pytest.mark.parametrize("head", ["ctc", "tdt"])
def test_streams_share_a_call_and_hear_each_their_own(
    head: str, sound: np.ndarray, request: pytest.FixtureRequest
) -> None:
    _, folder = request.getfixturevalue(head)
    encoder = opened(folder, "ctc").encoder
    assert isinstance(encoder, CacheAwareGraph)
    sizes, alone, state = encoder.sizes, [encoder.start(), encoder.start()], encoder.start(2)
    blocks = [encoder.features().push(s) for s in (sound, sound[::-1].copy())]
    for start in range(0, 4 * sizes.shift, sizes.shift):
        windows = np.stack([b[start : start + sizes.window] for b in blocks])
        together, state = encoder.step(windows, state)
        for n, window in enumerate(windows):
            frames, alone[n] = encoder.step(window[None], alone[n])
            np.testing.assert_allclose(together[n], frames[0], atol=1e-4)


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize(("head", "decoder"), [("ctc", "ctc"), ("tdt", "transducer"), ("tdt", "ctc")])
def test_a_word_list_is_heeded(
    head: str, decoder: str, beam: int, sound: np.ndarray, request: pytest.FixtureRequest
) -> None:
    _, folder = request.getfixturevalue(head)
    recognizer = Recognizer.load(folder, ModelOptions(decoder=decoder))
    boost = recognizer.compile([BoostPhrase("two", 5.0)])

    def count(guidance: Guidance) -> int:
        stream = recognizer.stream(guidance)
        updates = [*stream.push(sound), *stream.finish()]
        return sum(u.text.lower().count("two") for u in updates if isinstance(u, Final))

    assert count(Guidance(boost=boost, beam=beam)) > count(Guidance(beam=beam))


def test_the_program_tells_what_it_has_opened(ctc: Exported, sound: np.ndarray) -> None:
    recognizer = Recognizer.load(ctc[1])
    info = recognizer.info
    assert (info.family, info.streaming, info.cased, info.punctuated) == ("ctc", True, True, True)
    assert (info.chunk, info.look_ahead) == pytest.approx((0.144, 0.144))
    stream = recognizer.stream()
    updates = [*stream.push(sound), *stream.finish()]
    assert any(isinstance(update, Final) and update.text for update in updates)
