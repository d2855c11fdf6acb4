"""Voice activity from the packaged model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx

import resources
from engine.errors import ModelError
from engine.types import Samples
from engine.vad import BLOCK, SileroVoice, SparingVoice, Voice, open_voice_model, packaged_model
from tests.helpers.starter import quiet, recording, starter_folder

MODEL = Path(resources.__file__).parent / "models" / "vad" / "silero_vad_16k_op15.onnx"


def probabilities(sound: Samples, voice: Voice | None = None) -> list[float]:
    voice = voice or SileroVoice(packaged_model())
    return [voice.probability(sound[at : at + BLOCK]) for at in range(0, len(sound) - BLOCK + 1, BLOCK)]


def test_it_agrees_with_sherpa_onnx() -> None:
    sound = recording("commonvoice-001062")
    config = sherpa_onnx.VadModelConfig()
    config.sample_rate = 16_000
    config.silero_vad.model = str(MODEL)
    config.silero_vad.threshold = 0.5
    config.silero_vad.min_speech_duration = config.silero_vad.min_silence_duration = 0.0
    peer = sherpa_onnx.VadModel.create(config)
    padded = np.concatenate([np.zeros(64, np.float32), sound])  # it reads the 64 samples in front itself
    theirs = [peer.is_speech(padded[at : at + 576]) for at in range(0, len(sound) - BLOCK + 1, BLOCK)]
    ours = [p >= 0.5 for p in probabilities(sound)]
    assert 20 < sum(ours) < len(ours) - 20
    # It reports each change one block later.
    agreed = [ours[k] == theirs[k] or ours[k - 1] == theirs[k] for k in range(1, len(ours))]
    assert np.mean(agreed) > 0.98


def test_quiet_noise_and_tones_are_no_speech() -> None:
    time = np.arange(32_000) / 16_000
    for sound in (quiet(2.0), np.zeros(32_000), 0.2 * np.sin(2 * np.pi * 440 * time), recording("noise-5")):
        assert np.mean(np.array(probabilities(np.asarray(sound, np.float32))) > 0.5) < 0.02


def test_streams_do_not_touch_each_other() -> None:
    sound = recording("commonvoice-002307")
    alone = probabilities(sound)
    one, other = SileroVoice(packaged_model()), SileroVoice(packaged_model())
    both = []
    for at in range(0, len(sound) - BLOCK + 1, BLOCK):
        both.append(one.probability(sound[at : at + BLOCK]))
        other.probability(np.zeros(BLOCK, np.float32))
    assert both == alone


@pytest.mark.parametrize("spoil", ["cut", "other", "missing"])
def test_a_spoilt_model_is_one_sentence(spoil: str, tmp_path: Path) -> None:
    path = tmp_path / "voice.onnx"
    if spoil == "cut":
        path.write_bytes(MODEL.read_bytes()[:300_000])
    elif spoil == "other":
        path.write_bytes((starter_folder() / "encoder_model.ort").read_bytes())
    with pytest.raises(ModelError, match=r"voice\.onnx") as caught:
        open_voice_model(path)
    assert "\n" not in str(caught.value)


class Counting:
    """Counts the blocks that reach the model."""

    def __init__(self) -> None:
        self._voice = SileroVoice(packaged_model())
        self.judged = 0

    def probability(self, block: Samples) -> float:
        self.judged += 1
        return self._voice.probability(block)


ROOMS = {"room": quiet(6.0), "zeros": np.zeros(96_000, np.float32), "dim": 0.2 * quiet(6.0)}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_a_quiet_stretch_is_spared_and_speech_is_found_where_it_was(room: str, gain: float) -> None:
    for name in ("commonvoice-001062", "commonvoice-002307"):
        speech = gain * recording(name)
        sound = np.concatenate([ROOMS[room], speech, ROOMS[room]]).astype(np.float32)
        counting = Counting()
        spared = np.array(probabilities(sound, SparingVoice(counting))) >= 0.5
        every = np.array(probabilities(sound)) >= 0.5
        assert counting.judged < len(speech) / BLOCK + 40
        assert abs(int(np.argmax(spared)) - int(np.argmax(every))) <= 1
        assert np.sum(spared != every) <= 2


def test_a_loud_room_that_falls_quiet_hides_no_soft_voice() -> None:
    soft = 0.02 * recording("commonvoice-001062")
    sound = np.concatenate([4 * quiet(4.0), 0.1 * quiet(4.0), soft]).astype(np.float32)
    spared = np.array(probabilities(sound, SparingVoice(SileroVoice(packaged_model())))) >= 0.5
    every = np.array(probabilities(sound)) >= 0.5
    assert np.sum(every) > 100
    assert np.sum(spared != every) <= 4
