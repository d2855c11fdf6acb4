"""The menu of how the program starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import launcher
from app.ui.caption_window import CaptionWindow


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "program", lambda: tmp_path / "caique")


def test_entries_come_and_go_with_their_check_marks(window: CaptionWindow) -> None:
    start = window.start
    assert start.menuAction() in window.menu.actions()
    start.aboutToShow.emit()
    assert not start.in_menu.isChecked() and not start.at_login.isChecked()
    start.in_menu.trigger()
    assert launcher.in_menu().is_file() and not launcher.at_login().exists()
    start.at_login.trigger()
    launcher.in_menu().unlink()  # by somebody else
    start.aboutToShow.emit()
    assert not start.in_menu.isChecked() and start.at_login.isChecked()
    start.at_login.trigger()
    assert not launcher.at_login().exists()


def test_what_does_not_work_is_told_and_not_checked(window: CaptionWindow) -> None:
    launcher.at_login().parent.parent.mkdir(parents=True, exist_ok=True)
    launcher.at_login().parent.touch()
    window.start.at_login.trigger()
    assert "cannot be written" in window.strip.status.line.text
    assert not window.start.at_login.isChecked()
