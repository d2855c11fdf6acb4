"""The whole program but for the sound card: from a recording through the real session into the real window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.captions.plain_text import whole_text
from app.core import models, paths, selftest
from app.core.activity import Phase
from app.core.settings import Settings, SettingsFile
from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.errors import ModelFileBroken
from engine.recognizer import Stream
from engine.types import BoostPhrase
from tests.helpers.scripted import ScriptedTrack, Spoken

SCRIPT = [Spoken("▁Good", 0.1), Spoken("▁morning", 0.2), Spoken(",", 0.2), Spoken("▁every", 0.4), Spoken("one", 0.5)]
TAIL = [Spoken("▁here", 0.6), Spoken(".", 0.6)]
SAID = "Good morning, everyone here.\n"

MakeProgram = Callable[..., bootstrap.Program]


class ScriptedRecognizer:
    """A loaded model that hears the script whatever is played."""

    def __init__(self, name: str = "Scripted") -> None:
        self.info = SimpleNamespace(name=name, latencies=(), latency=0)
        self.guidance: Guidance | None = None

    def prepare(self, folder: Path) -> None:
        """Nothing to make cheaper."""

    def compile(self, phrases: Sequence[BoostPhrase]) -> Boost:
        return compile_boost(phrases, Pieces(["▁", *"abcdefghijklmnopqrstuvwxyz"]))

    def stream(self, guidance: Guidance | None = None) -> Stream:
        self.guidance = guidance
        return Stream(ScriptedTrack(SCRIPT, TAIL), EndpointRules())


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.full(16_000, 0.1, np.float32), 16_000)
    return path


@pytest.fixture
def make_program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeProgram]:
    monkeypatch.setattr(models, "load", lambda *_: ScriptedRecognizer())
    made: list[bootstrap.Program] = []

    def make(source: str | Path) -> bootstrap.Program:
        program = bootstrap.Program(source)
        made.append(program)
        qtbot.addWidget(program.window)
        program.window.show()
        return program

    yield make
    for program in made:
        program.live.stop()
        qtbot.waitUntil(lambda program=program: program.live.resting)
        program.end()


def close(qtbot: QtBot, program: bootstrap.Program) -> None:
    with qtbot.waitSignal(program.window.closed):
        program.window.close()


def test_a_recording_is_captioned_in_the_window(qtbot: QtBot, make_program: MakeProgram, recording: Path) -> None:
    program = make_program(recording)
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.over and program.live.resting)
    assert whole_text(program.live.captions, str) == SAID
    assert program.window.view.shown_text() == SAID.strip()
    assert program.window.strip.status.line.text == "The recording is over."
    assert program.window.strip.source.text() == "talk.wav"
    program.live.start()
    qtbot.waitUntil(lambda: whole_text(program.live.captions, str) == 2 * SAID)


def test_the_users_word_list_is_followed_and_its_mistakes_are_told(
    qtbot: QtBot, make_program: MakeProgram, recording: Path
) -> None:
    paths.words_file().parent.mkdir(parents=True)
    paths.words_file().write_text("EveryOne\nmorning | strength: lots\n")
    program = make_program(recording)
    told: list[str] = []
    program.live.words_refused.connect(lambda _: told.append(program.window.strip.status.line.text))
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.over and program.live.resting)
    assert whole_text(program.live.captions, str) == "Good morning, EveryOne here.\n"
    assert len(told) == 1 and told[0].startswith("Words to know: Line 2 gives the strength")


def test_closing_in_the_middle_captions_the_last_word(qtbot: QtBot, make_program: MakeProgram, recording: Path) -> None:
    program = make_program(recording)
    program.start()
    qtbot.waitUntil(lambda: "Good" in program.window.view.shown_text())
    close(qtbot, program)
    assert whole_text(program.live.captions, str).endswith("here.\n")


@pytest.mark.parametrize("keep", [False, True])
def test_the_text_is_kept_only_where_that_was_chosen(
    qtbot: QtBot, make_program: MakeProgram, recording: Path, keep: bool
) -> None:
    paths.last_session_file().parent.mkdir(parents=True)
    paths.last_session_file().write_text("earlier")
    program = make_program(recording)
    program.window.actions_.keep_last.setChecked(keep)
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.over and program.live.resting)
    close(qtbot, program)
    program.end()
    assert paths.last_session_file().exists() == keep
    if keep:
        assert paths.last_session_file().read_text() == f"[00:00:00] {SAID}"
    assert SettingsFile(paths.settings_file()).load()[0].keep_last_session == keep


def test_a_recording_does_not_become_the_kept_source(qtbot: QtBot, make_program: MakeProgram, recording: Path) -> None:
    program = make_program(recording)
    program.window.actions_.larger.trigger()
    close(qtbot, program)
    assert SettingsFile(paths.settings_file()).load()[0].source == Settings().source


def test_the_source_of_the_command_line_is_kept(qtbot: QtBot, make_program: MakeProgram) -> None:
    close(qtbot, make_program("both"))
    assert SettingsFile(paths.settings_file()).load()[0].source == "both"


def test_a_model_that_cannot_be_loaded_is_one_sentence(
    qtbot: QtBot, make_program: MakeProgram, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> ScriptedRecognizer:
        raise ModelFileBroken(Path("encoder.onnx"), "it is cut short")

    monkeypatch.setattr(models, "load", load)
    program = make_program(recording)
    program.start()
    qtbot.waitUntil(lambda: program.live.resting and bool(program.live.activity.failure))
    assert program.window.strip.status.line.text == "encoder.onnx cannot be used: it is cut short."
    assert program.live.activity.phase is Phase.PAUSED
    monkeypatch.setattr(models, "load", lambda *_: ScriptedRecognizer())
    program.live.start()
    qtbot.waitUntil(lambda: whole_text(program.live.captions, str) == SAID)


def test_another_model_takes_over_in_the_next_session(
    qtbot: QtBot, make_program: MakeProgram, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []

    def load(folder: Path | None, *_: object) -> ScriptedRecognizer:
        asked.append(folder)
        return ScriptedRecognizer(f"Model {len(asked)}")

    monkeypatch.setattr(models, "load", load)
    program = make_program(recording)
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.phase is Phase.LISTENING)
    program.window.models.chosen.emit("/models/other")
    qtbot.waitUntil(lambda: program.live.activity.over and program.live.resting)
    assert asked == [None, Path("/models/other")]
    assert program.live.activity.model == "Model 2"
    assert program.window.models.folder.isChecked()
    assert program.window.models.folder.text() == "other"
    close(qtbot, program)
    assert SettingsFile(paths.settings_file()).load()[0].model == "/models/other"


@pytest.mark.parametrize("chosen", [None, Path("accurate")])
def test_the_self_test_chooses_where_the_user_did_not(
    qtbot: QtBot, recording: Path, monkeypatch: pytest.MonkeyPatch, chosen: Path | None
) -> None:
    recognizer, asked = ScriptedRecognizer(), []
    found = selftest.Reading("accurate", None, beam=1, core=0.4, late=0.1)
    monkeypatch.setattr(models, "load", lambda *choice: asked.append(choice) or recognizer)
    monkeypatch.setattr(selftest.Readings, "load", lambda _: [found])
    program = bootstrap.Program(recording, chosen)
    qtbot.addWidget(program.window)
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.over and program.live.resting)
    program.end()
    assert asked == [(Path("accurate"), None, None)]
    assert recognizer.guidance == Guidance(beam=None if chosen else 1)


def test_broken_settings_are_told(qtbot: QtBot, make_program: MakeProgram, recording: Path) -> None:
    paths.settings_file().parent.mkdir(parents=True)
    paths.settings_file().write_text("{")
    program = make_program(recording)
    assert "defaults are used" in program.window.strip.status.line.text


@pytest.mark.parametrize(
    ("environment", "platform"),
    [
        ({"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"}, "xcb;wayland"),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "xcb;wayland"),
        ({"XDG_SESSION_TYPE": "wayland"}, None),
        ({"XDG_SESSION_TYPE": "x11", "DISPLAY": ":0"}, None),
        ({"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0", "QT_QPA_PLATFORM": "wayland"}, "wayland"),
    ],
)
def test_xwayland_is_preferred_where_it_is_there(environment: dict[str, str], platform: str | None) -> None:
    bootstrap.prefer_xwayland(environment)
    assert environment.get("QT_QPA_PLATFORM") == platform
