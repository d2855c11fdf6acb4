"""Entries that start the program without a terminal, as GLib understands them."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from app.core import launcher
from app.core.errors import LauncherError
from tests.helpers.sound_server import wait_until

NAMES = ["caique", "my programs", 'a "quoted" one', "$HOME", "back\\slash", "`id`", "naïve 🦜"]


@pytest.mark.skipif(shutil.which("gio") is None, reason="GLib's gio is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_the_entry_starts_the_program_wherever_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    program = folder / "caique"
    program.write_text(f"#!/bin/sh\nprintf '%s' \"$0 $#\" > '{tmp_path}/started'\n")
    program.chmod(0o755)
    launcher.put(launcher.in_menu(), program)
    subprocess.run(["gio", "launch", str(launcher.in_menu())], check=True, timeout=20)
    started = tmp_path / "started"
    wait_until(lambda: started.exists() and bool(started.read_text()), "the program has started")
    assert started.read_text() == f"{program} 0"


def test_the_entry_has_what_menus_ask_for(tmp_path: Path) -> None:
    launcher.put(launcher.at_login(), tmp_path / "caique")
    file = configparser.ConfigParser(interpolation=None)
    file.read(launcher.at_login(), encoding="utf-8")
    entry = file["Desktop Entry"]
    assert entry["Type"] == "Application"
    assert entry["Name"] == "Caique"
    assert Path(entry["Icon"]).is_file()
    launcher.take_away(launcher.at_login())
    assert not launcher.at_login().exists()
    launcher.take_away(launcher.at_login())


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LauncherError, match="cannot be written"):
        launcher.put(tmp_path / "file" / "caique.desktop", tmp_path / "caique")
