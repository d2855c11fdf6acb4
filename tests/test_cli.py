"""The command line as a person meets it: help, wrong arguments, exit codes, where words go."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import cli
from app.commands.window import has_display
from app.core import catalogue
from app.core.errors import ModelNotFound
from engine.models.options import BorrowedDecoder


@pytest.fixture(autouse=True)
def _hooks_stay() -> Iterator[None]:
    """The command line takes over logging and the hooks for unforeseen errors; pytest wants them back."""
    hooks, root = (sys.excepthook, threading.excepthook), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:], root.level = handlers, level


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    return code, *capsys.readouterr()


def test_help_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "--help")
    assert code == 0
    for word in ("transcribe", "live", "devices", "demo", "--source", "--model", "--decoder", "--latency", "--verbose"):
        assert word in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe"],
        ["transcribe", "a.wav", "--decoder", "viterbi"],
        ["transcribe", "a.wav", "--format", "docx"],
        ["transcribe", "a.wav", "--latency", "soon"],
        ["transcribe", "a.wav", "b.wav", "--format", "srt"],
        ["translate", "a.wav"],
    ],
)
def test_what_does_not_exist_is_said_in_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("caique: ")
    assert err.count("\n") == 1


def test_a_recording_without_a_command_is_answered_with_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "my talk.mp3"
    file.write_bytes(b"ID3")
    code, out, err = run(capsys, str(file))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert f"caique transcribe '{file}'" in err


def test_a_model_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "transcribe", "a.wav", "--model", str(tmp_path / "gone"))
    assert (code, out) == (1, "")
    assert err == f"caique: {tmp_path / 'gone'} is no model folder: nothing is there.\n"


def test_a_latency_the_model_does_not_have_is_answered_with_those_it_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("80ms", "320ms"):
        (tmp_path / name).mkdir()
    code, _, err = run(capsys, "transcribe", "demo", "--model", str(tmp_path), "--latency", "160")
    assert code == 2
    assert err == f"caique: The model {tmp_path.name} has no latency of 160 ms; it has 80, 320 ms.\n"


def test_a_model_of_one_latency_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "transcribe", "demo", "--latency", "7")
    assert (code, out) == (2, "")
    assert "has one latency" in err


def test_a_decoder_the_model_does_not_have_is_answered_with_those_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "transcribe", "demo", "--decoder", "ctc")
    assert (code, out) == (2, "")
    assert err.endswith("has no ctc decoder; it has: attention.\n")


def test_how_text_is_written_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    parse = cli.make_parser().parse_args
    assert (parse(["live"]).numbers, parse(["live"]).profanity) == (False, "off")
    chosen = parse(["transcribe", "a.wav", "--numbers", "--profanity", "mask"])
    assert (chosen.numbers, chosen.profanity) == (True, "mask")
    code, _, err = run(capsys, "live", "--profanity", "bleep")
    assert code == 2
    assert "'bleep' is none of off, mask and drop" in err


def test_how_steady_captions_are_and_how_many_readings_are_told_can_be_chosen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parse = cli.make_parser().parse_args
    assert (parse(["live"]).steadiness, parse(["transcribe", "a.wav"]).alternatives) == ("balanced", 0)
    chosen = parse(["transcribe", "a.wav", "--steadiness", "steady", "--alternatives", "3"])
    assert (chosen.steadiness, chosen.alternatives) == ("steady", 3)
    for option, value, says in (("--steadiness", "calm", "none of responsive"), ("--alternatives", "all", "no number")):
        code, _, err = run(capsys, "transcribe", "a.wav", option, value)
        assert code == 2
        assert f"'{value}' is {says}" in err


def test_model_options_count_before_and_after_the_command() -> None:
    parse = cli.make_parser().parse_args
    assert parse(["--model", "m", "transcribe", "a.wav"]).model == Path("m")
    assert parse(["transcribe", "--model", "m", "a.wav"]).model == Path("m")
    assert parse(["--latency", "160", "transcribe", "a.wav", "--latency", "80"]).latency == 80
    assert parse(["transcribe", "a.wav"]).model is None
    assert parse([]).command is None


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--version")
    assert code == 0
    assert out.startswith("caique ")


def test_an_error_nobody_foresaw_is_one_sentence_and_a_log(tmp_path: Path) -> None:
    program = "from app.core import logs; logs.start(verbose=False); {}['no such\\nthing']"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        check=False,
    )
    log = tmp_path / "caique" / "caique.log"
    assert done.returncode == 1
    assert done.stderr.startswith("caique: an error in the program: KeyError: ")
    assert done.stderr.count("\n") == 1
    assert str(log) in done.stderr
    assert "Traceback" in log.read_text()


def test_a_home_that_cannot_be_written_does_not_stop_the_log_s_owner(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program = "import logging; from app.core import logs; logs.start(verbose=False); logging.error('it'); print('on')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "file")},
        check=False,
    )
    assert (done.stdout, done.stderr) == ("on\n", "caique: it\n")


def test_no_display_is_said_before_qt_can_end_the_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = run(capsys)
    assert code == 1
    assert "caique live" in err


@pytest.mark.skipif(sys.platform != "linux", reason="displays are found by environment on Linux only")
@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({}, False),
        ({"DISPLAY": ":7"}, False),
        ({"DISPLAY": "nonsense"}, False),
        ({"DISPLAY": "far:10.0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"QT_QPA_PLATFORM": "offscreen"}, True),
    ],
)
def test_a_display_is_believed_only_if_it_can_be_there(
    environment: dict[str, str], there: bool, tmp_path: Path
) -> None:
    assert has_display(environment, tmp_path) is there


@pytest.mark.skipif(sys.platform != "linux", reason="displays are found by environment on Linux only")
def test_an_x_server_that_listens_is_a_display(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "X7"))
        server.listen()
        assert has_display({"DISPLAY": ":7.0"}, tmp_path)


def test_the_starter_model_is_found_without_importing_its_package() -> None:
    folder = catalogue.starter_folder()
    assert (folder / "encoder_model.ort").is_file()
    assert catalogue.STARTER_PACKAGE not in sys.modules


def test_profiles_are_sub_folders_named_by_their_delay(tmp_path: Path) -> None:
    for name in ("160ms", "80ms", "0ms", "notes", "80ms-old"):
        (tmp_path / name).mkdir()
    (tmp_path / "320ms").touch()
    assert catalogue.latency_profiles(tmp_path) == {80: tmp_path / "80ms", 160: tmp_path / "160ms"}


def test_models_that_come_with_the_program_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = BorrowedDecoder(catalogue.starter_folder())
    accurate = catalogue.find_model(Path("accurate"))
    assert (accurate.folder.parts[-2:], accurate.borrowed) == (("models", "whole"), starter)
    assert catalogue.find_model(None) == catalogue.find_model(Path(catalogue.DEFAULT))
    fast = catalogue.find_model(Path("fast"))
    assert (fast.folder.parts[-2:], fast.borrowed) == (("models", "streaming"), starter)
    (tmp_path / "fast").mkdir()
    monkeypatch.chdir(tmp_path)
    assert catalogue.find_model(Path("fast")) == fast
    assert catalogue.find_model(tmp_path / "fast") == catalogue.ModelFiles(tmp_path / "fast")


def test_a_model_path_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.touch()
    with pytest.raises(ModelNotFound, match="it is a file"):
        catalogue.find_model(file)
