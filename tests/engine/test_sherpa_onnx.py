"""The engine against sherpa-onnx on the same folders: given the same features, both say the same.

sherpa-onnx computes other features (kaldi's), begins without zero frames, and its CTC times are halved because
it takes the subsampling factor for 4. The features are made here as kaldi makes them, and its grid is ours to
choose, so what is compared is encoder steps and greedy decoding, token by token.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.decoding.guidance import Guidance, make_decoder
from engine.encoder import encoder_stream
from engine.models.parts import FrameBundle
from engine.models.vocabulary import WORD_MARK
from engine.types import Frames, Samples
from tests.helpers.reference import recording

sherpa_onnx = pytest.importorskip("sherpa_onnx")

FOLDERS = ["ctc-sherpa-80ms", "ctc-sherpa-560ms", "rnnt-sherpa-80ms", "rnnt-sherpa-128mel-160ms"]
RECORDINGS = ["a1_short.flac", "a2_three.flac", "a3_silence.flac", "a4_noise.flac", "a5_real.flac", "a6_fast.flac"]


@pytest.mark.parametrize("name", FOLDERS)
def test_same_features_same_tokens(name: str, models: Path, open_model: Callable[..., FrameBundle]) -> None:
    peer, bundle = _peer(models / name), open_model(name)
    decoder = make_decoder(bundle, bundle.info.decoders[0], Guidance())
    for sound in (np.concatenate((recording(file), np.zeros(16_000, np.float32))) for file in RECORDINGS):
        stream = encoder_stream(bundle, "sherpa")
        frames = stream.take(stream.hear(_kaldi_log_mel(sound, bundle.encoder.bins)))
        emitted, _ = decoder.step(frames, decoder.start())
        tokens, times = _heard_by(peer, sound, halved=bundle.transducer is None)
        assert [bundle.vocabulary.pieces[emission.token] for emission in emitted] == tokens
        # A frame apart where two neighbouring frames score a piece alike: kaldi computes in 32 bits.
        assert np.abs(np.array(times) - [emission.frame * 0.08 for emission in emitted]).max() < 0.081


def _peer(folder: Path) -> Any:
    tokens = str(folder / "tokens.txt")
    if (folder / "model.onnx").exists():
        return sherpa_onnx.OnlineRecognizer.from_nemo_ctc(
            tokens=tokens, model=str(folder / "model.onnx"), num_threads=1
        )
    graphs = {role: str(folder / f"{role}.onnx") for role in ("encoder", "decoder", "joiner")}
    return sherpa_onnx.OnlineRecognizer.from_transducer(tokens=tokens, num_threads=1, **graphs)


def _heard_by(peer: Any, sound: Samples, halved: bool) -> tuple[list[str], list[float]]:
    stream = peer.create_stream()
    stream.accept_waveform(16_000, sound)
    stream.input_finished()
    while peer.is_ready(stream):
        peer.decode_stream(stream)
    tokens = [token.replace(" ", WORD_MARK) for token in peer.tokens(stream)]
    return tokens, [time * (2 if halved else 1) for time in peer.timestamps(stream)]


def _kaldi_log_mel(sound: Samples, bins: int) -> Frames:
    """kaldi-native-fbank with sherpa-onnx's options for NeMo models: snip_edges false, pre-emphasis in each
    frame, edges mirrored, Hann window, slaney filters from 0 to 8,000 Hz, natural logarithm."""
    wide = sound.astype(np.float64)
    count = (len(wide) + 80) // 160
    index = 160 * np.arange(count)[:, None] + 80 - 200 + np.arange(400)[None]
    index = np.where(index < 0, -index - 1, index)
    index = np.where(index >= len(wide), 2 * len(wide) - 1 - index, index)
    frames = wide[index]
    emphasised = frames - 0.97 * np.concatenate((frames[:, :1], frames[:, :-1]), axis=1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)
    power = np.abs(np.fft.rfft(emphasised * hann, 512, axis=1)) ** 2
    logs: Frames = np.log(np.maximum(power @ _slaney(bins).T, np.finfo(np.float32).eps)).astype(np.float32)
    return logs


def _slaney(bins: int) -> Frames:
    """Triangles of unit area, evenly spaced on Slaney's scale: linear to 1,000 Hz, logarithmic above."""
    top = 15 + 27 * np.log(8.0) / np.log(6.4)
    mel = np.linspace(0, top, bins + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1_000 * 6.4 ** ((mel - 15) / 27))
    hertz = np.linspace(0, 8_000, 257)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.clip(np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)), 0, None)
    weights: Frames = triangles * 2 / (high - low)
    return weights
