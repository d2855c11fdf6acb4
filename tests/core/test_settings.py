"""Settings survive, and a file that cannot be used or written never stops anything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import SettingsError
from app.core.files import write_atomically
from app.core.settings import LOOKS, MOST_LINES, OPACITIES, TEXT_SIZES, Place, Settings, SettingsFile

numbers = st.floats(-2, 2)
all_settings = st.builds(
    Settings,
    source=st.sampled_from(["mic", "system", "both", "alsa_input.usb-Jabra Évolve"]),
    model=st.just("") | st.text(max_size=9),
    decoder=st.sampled_from(["", "ctc", "transducer", "attention"]),
    latency=st.integers(0, 10_000),
    text_size=st.integers(TEXT_SIZES[0], TEXT_SIZES[-1]),
    lines=st.integers(1, MOST_LINES),
    look=st.sampled_from(LOOKS),
    opacity=st.sampled_from(OPACITIES),
    bold=st.booleans(),
    animate=st.booleans(),
    keep_last_session=st.booleans(),
    screen=st.text(max_size=9),
    places=st.dictionaries(st.text(max_size=9), st.builds(Place, left=numbers, bottom=numbers, width=numbers)),
)


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "config" / "settings.json")


def write(file: SettingsFile, content: str) -> None:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_text(content, encoding="utf-8")


@given(all_settings)
def test_what_was_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> None:
    file = SettingsFile(tmp_path_factory.mktemp("settings") / "settings.json")
    file.save(settings)
    assert file.load() == (settings, "")


def test_the_first_start_finds_no_file_and_no_fault(file: SettingsFile) -> None:
    assert file.load() == (Settings(), "")


@pytest.mark.parametrize("content", ["{ broken", "[]", '"text"', "", "{}", '{"format": 999}', "\x00", "[" * 99_999])
def test_an_unusable_file_is_kept_aside(file: SettingsFile, content: str) -> None:
    write(file, content)
    settings, sentence = file.load()
    assert settings == Settings()
    kept = file.path.with_name("settings.json.broken")
    assert str(kept) in sentence
    assert kept.read_text(encoding="utf-8") == content
    assert not file.path.exists()


def test_a_file_that_is_no_text_is_kept_aside(file: SettingsFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"\xff\xfe\x00")
    settings, sentence = file.load()
    assert settings == Settings()
    assert "defaults" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text_size", "huge"),
        ("text_size", 4),
        ("text_size", True),
        ("lines", 0),
        ("look", "plaid"),
        ("opacity", 10),
        ("opacity", True),
        ("lines", 2.5),
        ("animate", 1),
        ("source", None),
        ("decoder", "magic"),
        ("places", [1]),
        ("places", {"HDMI-1": {"left": 0.1}}),
        ("places", {"HDMI-1": {"left": "a", "bottom": 1, "width": 1}}),
        ("places", {"HDMI-1": {"left": float("nan"), "bottom": 1, "width": 1}}),
    ],
)
def test_one_bad_value_costs_only_itself(file: SettingsFile, name: str, value: object) -> None:
    write(file, json.dumps({"format": 1, "latency": 160, name: value}))
    settings, sentence = file.load()
    assert settings == Settings(latency=160)
    assert name in sentence


def test_keys_of_other_versions_do_no_harm(file: SettingsFile) -> None:
    write(file, json.dumps({"format": 1, "lines": 5, "hologram": True}))
    assert file.load() == (Settings(lines=5), "")


def test_a_folder_in_the_place_of_the_file_is_one_sentence(file: SettingsFile) -> None:
    file.path.mkdir(parents=True)
    settings, sentence = file.load()
    assert settings == Settings()
    assert sentence.count(".") >= 1


def test_where_nothing_can_be_written_saving_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where a folder should be")
    file = SettingsFile(tmp_path / "config" / "settings.json")
    with pytest.raises(SettingsError, match=r"Settings cannot be kept in .*settings\.json"):
        file.save(Settings())


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    write_atomically(path, "old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_is_for_its_owner_only(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text.txt", "secret")
    assert (tmp_path / "text.txt").stat().st_mode & 0o077 == 0


def test_settings_are_values() -> None:
    assert replace(Settings(), lines=4) == Settings(lines=4)
