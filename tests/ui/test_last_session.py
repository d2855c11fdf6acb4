"""The text that is kept where the user asked for it: it survives a program that dies, and nothing else is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.captions.model import CaptionState
from app.core import paths
from app.core.events import Captioned
from app.core.settings import Settings
from app.ui import last_session
from app.ui.caption_window import CaptionWindow
from app.ui.last_session import LastSession
from app.ui.live_captions import LiveCaptions
from app.ui.text_out import write_text
from tests.helpers.talk import said
from tests.ui.conftest import MIC, Stage
from tests.ui.test_window import run

MakeWindow = Callable[[Settings], CaptionWindow]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_session, "WRITE_AFTER_MS", 10)


def files() -> dict[str, str]:
    folder = paths.last_session_file().parent
    return {file.name: file.read_text() for file in folder.glob("*session*")} if folder.exists() else {}


def test_what_was_said_is_there_after_the_program_died(
    qtbot: QtBot, make_window: MakeWindow, live: LiveCaptions, stage: Stage
) -> None:
    window = make_window(Settings(keep_last_session=True))
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("Not lost.")))
    qtbot.waitUntil(lambda: "[00:00:00] Not lost.\n" in files().values())
    assert not window.last_session.is_there  # this one has not ended
    with_next = LastSession(
        paths.last_session_file(), CaptionState, QObject(window)
    )  # another start; nothing was closed
    with_next.begin(keep=True)
    assert paths.last_session_file().read_text() == "[00:00:00] Not lost.\n"


def test_nothing_is_written_unless_asked_for(
    qtbot: QtBot, make_window: MakeWindow, live: LiveCaptions, stage: Stage
) -> None:
    window = make_window(Settings())
    run(qtbot, live)
    stage.session.on_event(Captioned(MIC, said("A secret.")))
    qtbot.waitUntil(lambda: window.view.shown_text() == "A secret.")
    qtbot.wait(50)
    assert files() == {}
    window.actions_.keep_last.setChecked(True)
    qtbot.waitUntil(lambda: list(files().values()) == ["[00:00:00] A secret.\n"])
    window.actions_.keep_last.setChecked(False)
    qtbot.waitUntil(lambda: files() == {})


def test_nothing_is_left_of_what_was_being_written_when_the_user_said_no(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on, written = Event(), Event(), Event()

    def slowly(path: Path, text: str) -> None:
        begun.set()
        assert may_go_on.wait(5)
        write_text(path, text)
        written.set()

    monkeypatch.setattr(last_session, "write_text", slowly)
    parent = QObject()
    keeper = LastSession(paths.last_session_file(), lambda: CaptionState().apply(MIC, said("A secret.")), parent)
    keeper.begin(keep=True)
    qtbot.waitUntil(begun.is_set)
    keeper.set_keep(False)
    may_go_on.set()
    qtbot.waitUntil(written.is_set)
    qtbot.waitUntil(lambda: files() == {})


def test_a_text_that_cannot_be_written_is_told_once(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    parent = QObject()
    keeper = LastSession(tmp_path / "folder" / "last.txt", lambda: CaptionState().apply(MIC, said("Hello.")), parent)
    told: list[str] = []
    keeper.trouble.connect(told.append)
    keeper.begin(keep=True)
    qtbot.waitUntil(lambda: len(told) == 1)
    assert str(tmp_path / "folder") in told[0]
    keeper.on_captions_changed()
    qtbot.wait(100)
    assert len(told) == 1
