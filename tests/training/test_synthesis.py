"""What is said by whom; the voice model itself is not needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import soundfile as sf

from training import synthesis
from training.errors import TrainingError
from training.synthesis import Text, Utterance, plan, read_text, spoken, synthesise, voices_in, warp

VOICES = [Path(f"{kind}_{n}.bin") for kind in ("af", "am", "bf") for n in range(4)]
TEXT = Text(("Zentrivex", "Calvora Desk"), tuple(f"This is sentence {n}." for n in range(8)))


def test_lines_are_words_or_sentences(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(
        "Zentrivex\n\n Calvora  Desk \nZentrivex\nIt works.\nfive words are a sentence\n", "utf8"
    )
    found = read_text(tmp_path / "t.txt")
    assert found == Text(("Zentrivex", "Calvora Desk"), ("It works.", "five words are a sentence"))


def test_voices_and_sentences_for_judging_are_their_own() -> None:
    planned = plan(TEXT, VOICES, per_word=6, takes=2, warps=0.5)
    learned, judged = ([u for u in planned if u.split == split] for split in ("train", "dev"))
    assert not {u.voice for u in learned} & {u.voice for u in judged}
    assert not {u.text for u in learned} & {u.text for u in judged}
    assert all(any(word in u.text for u in split) for word in TEXT.words for split in (learned, judged))
    assert any(u.formants != 1 for u in learned)
    assert all(u.formants == 1 for u in judged)
    assert planned == plan(TEXT, VOICES, per_word=6, takes=2, warps=0.5)


def test_too_few_voices_are_said_to_be_too_few() -> None:
    with pytest.raises(TrainingError, match="3 voices are too few"):
        plan(TEXT, VOICES[:3], 6, 1, 0.0)


def test_recordings_are_listed_and_made_once(tmp_path: Path) -> None:
    planned = plan(TEXT, VOICES, per_word=2, takes=1, warps=0.0)
    made: list[str] = []

    def speak(utterance: Utterance) -> np.ndarray:
        made.append(utterance.id)
        return np.full(1_600, 0.25, np.float32)

    synthesise(tmp_path, planned[:3], speak)
    synthesise(tmp_path, planned, speak)
    rows = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text("utf8").splitlines()]
    assert made == [u.id for u in planned] == [row["id"] for row in rows]
    sound, rate = sf.read(tmp_path / rows[0]["path"])
    assert (rate, len(sound)) == (16_000, 1_600)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It costs $49 a month.", "It costs 49 dollars a month."),
        ("$4.2 million, or £3 each.", "4.2 million dollars, or 3 pounds each."),
        ("Room 12, 50%", "Room 12, 50%"),
    ],
)
def test_money_is_said_in_its_order(written: str, said: str) -> None:
    assert spoken(written) == said


def test_what_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(synthesis, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"kokoro-onnx.*pip install"):
        synthesis.kokoro()
    with pytest.raises(TrainingError, match="pyworld is missing"):
        warp(np.zeros(2_400, np.float32), 24_000, 1.1, 1.0)
    with pytest.raises(TrainingError, match="npm pack kokoro-js"):
        voices_in(tmp_path)


@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_a_warped_voice_is_higher_by_the_factor() -> None:
    pytest.importorskip("pyworld", reason="pip install '.[synthesis]'")
    at = np.arange(24_000) / 24_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * at) / k for k in range(1, 20)).astype(np.float32)
    higher = warp(0.1 * buzz, 24_000, 1.25, 1.0)[4_000:20_000]
    spectrum = np.abs(np.fft.rfft(higher * np.hanning(len(higher))))
    assert np.argmax(spectrum) * 24_000 / len(higher) == pytest.approx(150, abs=3)
