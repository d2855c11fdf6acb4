"""Rows, places of utterances, and what may and may not touch them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import numpy as np
import soundfile as sf
import torch

from training.augment import Augment, AugmentOptions, band_pass, mix, reverberate, synthetic_room, through_microphone
from training.data import BatchOptions, batches, targets
from training.errors import TrainingError
from training.model import BLOCK, FRAME
from training.prepare import at_speeds, listed
from training.score import WordErrors
from training.store import ClipStore, write_store
from training.teacher import Lessons

CLEAN = AugmentOptions(gain_chance=0, room_chance=0, telephone_chance=0, noise_chance=0, floor=(-9, -9))


def test_every_clip_lies_where_its_segment_says(work: Path) -> None:
    store = ClipStore(work)
    clips = store.select("speech", split="train")
    seen = []
    for batch in batches(clips, store, Augment(store, CLEAN), BatchOptions(4.0, 3.0, empty_chance=0.0), seed=5):
        assert batch.sound.shape[1] % (BLOCK * FRAME) == 0
        for s in batch.segments:
            assert s.clip is not None
            assert s.heard_from <= s.first
            assert s.first + s.frames <= s.heard_to
            placed = batch.sound[s.row, s.first * FRAME : (s.first + s.frames) * FRAME]
            assert torch.allclose(placed, store.read(s.clip), atol=1e-6)
            seen.append(s.clip.id)
    assert sorted(seen) == sorted(c.id for c in clips)


def test_the_same_seed_makes_the_same_batches(work: Path) -> None:
    store = ClipStore(work)
    clips = store.select("speech", split="train")
    first, second = (
        list(batches(clips, store, Augment(store, AugmentOptions()), BatchOptions(4.0, 3.0), seed=9)) for _ in range(2)
    )
    assert all(torch.equal(a.sound, b.sound) for a, b in zip(first, second, strict=True))


def test_targets_line_up_with_segments(work: Path) -> None:
    store, lessons = ClipStore(work), Lessons(work / "teacher")
    clips = store.select("speech", split="train")
    options = BatchOptions(6.0, 3.0, empty_chance=0.4)
    for batch in batches(clips, store, Augment(store, AugmentOptions()), options, seed=2):
        wanted = targets(batch, lessons)
        assert len(wanted.frames) == sum(s.frames for s in batch.segments)
        assert wanted.steps.sum() == len(wanted.next_ids)
        empty = [i for i, s in enumerate(batch.segments) if s.clip is None]
        assert all(wanted.steps[i].sum() == 1 for i in empty)


def test_mixing_keeps_to_the_ratio() -> None:
    sound, noise = torch.randn(8000), torch.randn(8000)
    added = mix(sound, noise, 10.0) - sound
    assert (sound.square().mean() / added.square().mean()).item() == pytest.approx(10.0, rel=1e-4)


def test_rooms_leave_words_in_place() -> None:
    click = torch.zeros(4000)
    click[1000] = 1.0
    wet = reverberate(click, synthetic_room(random.Random(1)))
    assert int(wet.abs().argmax()) == 1000
    assert wet[:999].abs().max() < 1e-4


def test_a_telephone_line_drops_what_is_outside_its_band() -> None:
    at = torch.arange(16_000) / 16_000
    low, speech = torch.sin(2 * torch.pi * 60 * at), torch.sin(2 * torch.pi * 1000 * at)
    assert torch.allclose(band_pass(low + speech, 300, 3400), speech, atol=1e-2)


def test_a_microphone_bends_the_spectrum_smoothly_and_keeps_the_power() -> None:
    sound = torch.randn(64_000, generator=torch.Generator().manual_seed(1))
    heard = through_microphone(sound, random.Random(4), 8.0)
    assert heard.square().mean() == pytest.approx(float(sound.square().mean()), rel=1e-4)
    bends = 20 * (torch.fft.rfft(heard).abs() / torch.fft.rfft(sound).abs()).log10()
    hz = torch.linspace(0, 8_000, len(bends))
    assert 4 < bends.max() - bends.min() <= 16 + 1e-3
    for octave in (125, 1_000, 4_000):
        around = bends[(hz > octave * 0.99) & (hz < octave * 1.01)]
        assert around.max() - around.min() < 0.5


def test_speech_to_learn_from_is_stored_at_other_speeds_too(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(32_000) / 16_000)
    rows = [{"id": name, "path": "tone.wav"} for name in ("heard", "judged", "hum")]
    rows[1] |= {"split": "dev"}
    rows[2] |= {"kind": "noise"}
    sf.write(tmp_path / "tone.wav", 0.5 * tone, 16_000)
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf8")
    write_store(tmp_path / "work", at_speeds(listed([tmp_path]), [0.8, 1.25]))
    store = ClipStore(tmp_path / "work")
    assert [c.id for c in store.clips] == ["heard", "judged", "hum", "heard@0.8", "heard@1.25"]
    for clip, samples, pitch in zip(store.clips[3:], (40_000, 25_600), (320, 500), strict=True):
        sound = store.read(clip)
        assert clip.samples == samples
        assert torch.fft.rfft(sound).abs().argmax() * 16_000 / len(sound) == pytest.approx(pitch, abs=1)


def test_word_errors_ignore_case_and_punctuation() -> None:
    errors = WordErrors()
    errors.add("It's half-past two", "its half past, TWO!")
    errors.add("nothing", "")
    assert (errors.errors, errors.reference_words) == (2, 5)


def test_a_folder_without_a_store_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"training\.prepare"):
        ClipStore(tmp_path)
