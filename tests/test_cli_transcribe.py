"""`caique transcribe` over real files and a scripted model."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.commands.transcribe import transcribe
from app.core.errors import OutputError
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.types import Samples
from tests.helpers.scripted import ScriptedTrack, Spoken

SCRIPT = [Spoken("▁Good", 0.5), Spoken("▁morning.", 0.9), Spoken("▁And", 3.0), Spoken("▁then", 3.4)]


class ScriptedModel:
    """Hears the same in every file, and says how many streams were made of it."""

    def __init__(self) -> None:
        self.streams = 0

    def stream(self) -> Stream:
        self.streams += 1
        return Stream(ScriptedTrack(SCRIPT, tail=[Spoken("▁on.", 3.9)]), EndpointRules())


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return recording(tmp_path / "talk.wav", 4.0)


def recording(path: Path, seconds: float, rate: int = 16_000) -> Path:
    soundfile.write(path, noise(int(seconds * rate)), rate)
    return path


def noise(samples: int) -> Samples:
    return np.random.default_rng(7).normal(0, 0.1, samples).astype(np.float32)


def test_text_has_one_utterance_a_line_and_the_last_word(talk: Path) -> None:
    out = io.StringIO()
    assert transcribe([str(talk)], ScriptedModel(), "txt", out) == 0
    assert out.getvalue() == "Good morning.\nAnd then on.\n"


def test_json_gives_each_file_a_line_with_times_in_its_own_seconds(talk: Path, tmp_path: Path) -> None:
    other = recording(tmp_path / "other.flac", 4.5, rate=48_000)
    out, model = io.StringIO(), ScriptedModel()
    assert transcribe([str(talk), str(other)], model, "json", out) == 0
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["file"], first["duration"]) == (str(talk), 4.0)
    assert (second["file"], second["duration"]) == (str(other), 4.5)
    assert first["text"] == "Good morning. And then on."
    word = first["utterances"][0]["words"][0]
    assert set(word) == {"text", "start", "end", "confidence", "emitted"}
    assert word["start"] == 0.5
    assert 0.5 <= word["emitted"] <= 0.5 + 0.08
    assert model.streams == 2


def test_several_files_as_text_are_told_apart(talk: Path, tmp_path: Path) -> None:
    other = recording(tmp_path / "other.wav", 4.0)
    out = io.StringIO()
    transcribe([str(talk), str(other)], ScriptedModel(), "txt", out)
    said = "Good morning.\nAnd then on.\n"
    assert out.getvalue() == f"==> {talk} <==\n{said}\n==> {other} <==\n{said}"


@pytest.mark.parametrize("content", [b"", b"no sound at all", None], ids=["empty", "no audio", "missing"])
def test_a_bad_file_is_named_and_the_others_are_done(
    content: bytes | None, talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    if content is not None:
        bad.write_bytes(content)
    out = io.StringIO()
    assert transcribe([str(bad), str(talk)], ScriptedModel(), "json", out) == 1
    assert [json.loads(line)["file"] for line in out.getvalue().splitlines()] == [str(talk)]
    err = capsys.readouterr().err
    assert err.startswith("caique: ")
    assert str(bad) in err
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read_leaves_no_title_among_several(talk: Path, tmp_path: Path) -> None:
    silent = recording(tmp_path / "silent.wav", 0.3)
    out = io.StringIO()
    files = [str(tmp_path / "missing.wav"), str(talk), str(tmp_path / "gone.wav"), str(silent)]
    assert transcribe(files, ScriptedModel(), "txt", out) == 1
    assert out.getvalue() == f"==> {talk} <==\nGood morning.\nAnd then on.\n\n==> {silent} <==\non.\n"


@pytest.mark.parametrize("form", ["txt", "json"])
def test_a_file_without_a_single_number_is_named(
    form: str, talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, out = tmp_path / "nan.wav", io.StringIO()
    soundfile.write(bad, np.full(32_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    assert transcribe([str(bad), str(talk)], _Deaf(), form, out) == 1
    assert str(bad) not in out.getvalue()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"caique: {bad} holds no sound: none of its samples is a number")
    assert second == f"caique: {talk}: no speech was heard in it."


class _Deaf:
    def stream(self) -> Stream:
        return Stream(ScriptedTrack([]), EndpointRules())


def test_of_a_file_that_breaks_off_the_heard_part_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = recording(tmp_path / "whole.flac", 8.0)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = io.StringIO()
    assert transcribe([str(cut)], ScriptedModel(), "txt", out) == 1
    assert out.getvalue().startswith("Good morning.\n")
    assert str(cut) in capsys.readouterr().err


@pytest.mark.parametrize("form", ["txt", "srt"])
def test_a_recording_in_which_nobody_speaks_is_named(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = recording(tmp_path / "silent.wav", 4.0)
    out = io.StringIO()
    assert transcribe([str(silent)], _Deaf(), form, out) == 0
    assert out.getvalue() == ""
    assert capsys.readouterr().err == f"caique: {silent}: no speech was heard in it.\n"


def test_what_was_heard_is_not_said_to_be_nothing(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert transcribe([str(talk)], ScriptedModel(), "txt", io.StringIO()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert transcribe([str(tmp_path / "pipe"), "-"], ScriptedModel(), "txt", io.StringIO()) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "save the recording" in first and str(tmp_path / "pipe") in first
    assert "save the recording" in second


def test_subtitles_of_a_recording(talk: Path) -> None:
    out = io.StringIO()
    assert transcribe([str(talk)], ScriptedModel(), "vtt", out) == 0
    assert out.getvalue().startswith("WEBVTT\n\n00:00:00.500 --> ")


def test_the_bundled_recording_is_called_demo() -> None:
    out = io.StringIO()
    assert transcribe(["demo"], ScriptedModel(), "json", out) == 0
    result = json.loads(out.getvalue())
    assert result["file"] == "demo"
    assert 25 <= result["duration"] <= 40


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_stops_with_a_sentence(talk: Path) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115 (closing it raises once more)
    with pytest.raises(OutputError, match="No space left"):
        transcribe([str(talk)], ScriptedModel(), "txt", full)
    with pytest.raises(OSError, match="No space left"):
        full.close()
