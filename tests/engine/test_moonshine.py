"""The starter, Moonshine tiny-en, on real speech and noise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.decoding.attention import Search, beam, greedy
from engine.errors import ModelError, ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.bundle import open_bundle
from engine.models.moonshine_network import Unrecognised, recognise
from engine.recognizer import Recognizer
from engine.text.words import surface
from engine.track import Hypothesis
from engine.types import Final, Partial, Samples
from engine.vad import SileroVoice, packaged_model
from engine.window_track import WindowTrack
from tests.helpers.starter import bare, errors, quiet, recording, starter, starter_folder, transcripts

NAMES = sorted(transcripts())


def heard(sound: Samples, cut: int = 1_280) -> Hypothesis:
    track = WindowTrack(starter().model, SileroVoice(packaged_model()))
    for at in range(0, len(sound), cut):
        track.push(sound[at : at + cut])
    track.finish()
    return track.hypothesis


def text(hypothesis: Hypothesis) -> str:
    return surface([token.text for token in hypothesis.tokens]).strip()


def test_whole_recordings_are_heard_as_they_are_spoken() -> None:
    """All eight are recordings that the reference decoding of whole files gets right."""
    model = starter().model
    for name in NAMES:
        sound = recording(name)
        found = greedy(model, model.encode(sound), Search(seconds=len(sound) / 16_000))
        assert bare(surface([model.pieces[s.id] for s in found])) == transcripts()[name]


def test_streaming_hears_nearly_the_same() -> None:
    sound = np.concatenate([part for name in NAMES for part in (quiet(0.8), recording(name))])
    said = " ".join(transcripts()[name] for name in NAMES)
    assert errors(said, text(heard(sound))) <= 0.05 * len(said.split())


def test_words_are_shown_as_they_read_in_the_end_and_times_fit() -> None:
    sound = np.concatenate([quiet(1.0), recording("commonvoice-000306"), quiet(2.0)])
    stream = Recognizer.load(starter_folder()).stream()
    updates = [u for at in range(0, len(sound), 1_280) for u in stream.push(sound[at : at + 1_280])]
    final = next(u for u in updates if isinstance(u, Final))
    assert final.text == "Somebody had returned my lost credit card to the bank."
    # The sentence lasts from 1.98 to 5.40 s by its energy, above -40 dB; a click comes before it.
    assert 1.85 < final.start < 2.1
    assert 5.2 < final.words[-1].end < 5.6
    settled: list[str] = []
    for partial in (u for u in updates if isinstance(u, Partial) and u.utterance == 0):
        words = [word.text for word in partial.words]
        assert words[: len(settled)] == settled
        settled = words[: partial.settled]


def test_cutting_the_sound_differently_changes_nothing() -> None:
    sound = np.concatenate([recording("commonvoice-002307"), quiet(1.0), recording("commonvoice-002307")])
    once = heard(sound)
    assert text(once)
    assert heard(sound, 777) == once
    assert heard(sound, 33_333) == once


def test_noise_and_music_hold_no_word() -> None:
    time = np.arange(16_000 * 20) / 16_000
    chord = sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.2, 329.6)) * (0.6 + 0.4 * np.sin(5 * time))
    hiss = np.random.default_rng(1).normal(0, 0.05, len(time))
    for sound in (recording("noise-1"), recording("noise-5"), 0.1 * chord, hiss, np.zeros(160_000)):
        assert heard(np.asarray(sound, np.float32)).tokens == ()


def test_draft_and_prefix_steer_only_the_cost_and_the_start() -> None:
    model, sound = starter().model, recording("commonvoice-003852")
    frames, seconds = model.encode(sound), len(sound) / 16_000
    whole = [spoken.id for spoken in greedy(model, frames, Search(seconds=seconds))]
    for prefix in (2, 7):
        for draft in (whole[prefix : prefix + 3], whole[3:5]):
            found = greedy(model, frames, Search(tuple(whole[:prefix]), tuple(draft), None, seconds))
            assert [spoken.id for spoken in found] == whole[prefix:]


def test_attention_runs_forward_with_the_speech() -> None:
    model, sound = starter().model, recording("commonvoice-003309")
    frames = model.encode(sound)
    looked = [spoken.frame for spoken in greedy(model, frames, Search(seconds=6.0)) if spoken.frame is not None]
    assert len(looked) > 15
    assert np.mean(np.diff(looked) >= 0) > 0.9
    stopped = greedy(model, frames, Search(before=len(frames) // 2, seconds=6.0))
    assert 3 < len(stopped) < len(looked) - 3


def test_beam_search_is_no_worse() -> None:
    model = starter().model
    wrong = 0
    for name in NAMES[:3]:
        sound = recording(name)
        found = beam(model, model.encode(sound), Search(seconds=len(sound) / 16_000), width=3)
        wrong += errors(transcripts()[name], surface([model.pieces[s.id] for s in found]))
    assert wrong <= 1


def test_a_foreign_file_is_not_recognised() -> None:
    folder = starter_folder()
    for content in (
        (folder / "encoder_model.ort").read_bytes(),
        (folder / "decoder_model_merged.ort").read_bytes()[:40_000],
        (folder / "tokenizer.bin").read_bytes(),
        b"",
    ):
        with pytest.raises(Unrecognised):
            recognise(content)


def cut_decoder(folder: Path) -> None:
    path = folder / "decoder_model_merged.ort"
    path.write_bytes(path.read_bytes()[:1_000_000])


def cut_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.bin"
    path.write_bytes(path.read_bytes()[:100_001])


def short_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.bin").write_bytes(b"\x05<unk>\x03<s>\x04</s>")


def swapped_graphs(folder: Path) -> None:
    shutil.copy(folder / "decoder_model_merged.ort", folder / "other.ort")
    shutil.copy(folder / "encoder_model.ort", folder / "decoder_model_merged.ort")
    shutil.copy(folder / "other.ort", folder / "encoder_model.ort")
    (folder / "other.ort").unlink()


def encoder_twice(folder: Path) -> None:
    shutil.copy(folder / "encoder_model.ort", folder / "decoder_model_merged.ort")


def empty_encoder(folder: Path) -> None:
    (folder / "encoder_model.ort").write_bytes(b"")


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.bin").unlink()


@pytest.mark.parametrize(
    ("spoil", "kind", "named"),
    [
        (cut_decoder, ModelFileBroken, "decoder_model_merged.ort"),
        (cut_tokenizer, ModelFileBroken, "tokenizer.bin"),
        (short_tokenizer, ModelMismatch, "tokenizer.bin"),
        (swapped_graphs, ModelMismatch, "encoder_model.ort"),
        (encoder_twice, ModelMismatch, "decoder_model_merged.ort"),
        (empty_encoder, ModelFileBroken, "encoder_model.ort"),
        (no_tokenizer, ModelFileMissing, "tokenizer.bin"),
    ],
)
def test_a_spoilt_folder_is_one_sentence(
    spoil: Callable[[Path], None], kind: type[ModelError], named: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(starter_folder(), tmp_path / "model")
    spoil(folder)
    with pytest.raises(kind) as caught:
        open_bundle(folder)
    assert caught.value.path == folder / named
    assert str(caught.value).count(".\n") == 0
    assert named in str(caught.value)
