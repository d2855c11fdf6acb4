"""What the menu offers about how captions are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.core import models, paths
from app.core.activity import Phase
from app.core.settings import Settings, SettingsFile
from app.ui.caption_window import CaptionWindow
from engine.text.profanity import packaged_text
from tests.ui.test_words_live import end
from tests.ui.test_words_live import program as program
from tests.ui.test_words_live import source as source


def test_the_menu_shows_and_keeps_the_choice(
    qtbot: QtBot, make_window: Callable[[Settings], CaptionWindow], settings_file: SettingsFile
) -> None:
    window = make_window(Settings(profanity="mask"))
    menu = window.manner
    assert menu.menuAction() in window.menu.actions()
    assert menu.profanity["mask"].isChecked() and menu.steadiness["balanced"].isChecked()
    menu.numbers.trigger()
    menu.profanity["drop"].trigger()
    menu.steadiness["steady"].trigger()
    qtbot.waitUntil(settings_file.path.exists)
    kept, problem = settings_file.load()
    assert (kept.numbers, kept.profanity, kept.steadiness, problem) == (True, "drop", "steady", "")


def test_the_list_of_words_to_hide_is_opened_for_editing(
    program: bootstrap.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(bootstrap.QDesktopServices, "openUrl", lambda url: opened.append(url) or len(opened) == 1)
    program.window.manner.edit_wanted.emit()
    assert [Path(url.toLocalFile()) for url in opened] == [paths.profanity_file()]
    assert paths.profanity_file().read_text() == packaged_text()
    program.window.manner.edit_wanted.emit()
    assert str(paths.profanity_file()) in program.window.strip.status.line.text


def test_a_model_that_chose_its_delay_itself_says_which(
    qtbot: QtBot, program: bootstrap.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = models.load(None, None, None)
    recognizer.info.latencies, recognizer.info.latency = (144, 576), 576
    monkeypatch.setattr(models, "load", lambda *_: recognizer)
    program.start()
    delays = program.window.delays
    qtbot.waitUntil(lambda: program.live.activity.phase is Phase.LISTENING and delays.menuAction().isVisible())
    assert [action.text() for action in delays.actions() if action.isChecked()] == ["576 ms"]
    end(qtbot, program)


def test_a_model_with_several_delays_offers_them(
    qtbot: QtBot, program: bootstrap.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    load = models.load
    monkeypatch.setattr(models, "load", lambda *args: asked.append(args[2]) or load(*args))
    monkeypatch.setattr(models, "delays", lambda _: (80, 480))
    delays = program.window.delays
    assert not delays.menuAction().isVisible()
    program.start()
    qtbot.waitUntil(lambda: program.live.activity.phase is Phase.LISTENING and delays.menuAction().isVisible())
    assert [(action.text(), action.isChecked()) for action in delays.actions()] == [("80 ms", True), ("480 ms", False)]
    delays.actions()[1].trigger()
    qtbot.waitUntil(lambda: len(asked) == 2 and delays.menuAction().isVisible())
    assert asked[1] == 480 and delays.actions()[1].isChecked()
    qtbot.waitUntil(lambda: program.live.activity.phase is Phase.LISTENING)
    end(qtbot, program)
    assert SettingsFile(paths.settings_file()).load()[0].latency == 480
