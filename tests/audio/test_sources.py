"""Which source a word stands for, on each platform, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.audio import coreaudio, libpulse, portaudio, sources, wasapi
from app.audio.sources import find_device, list_devices, open_sources
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind

DESK = DeviceInfo("desk-id", "Desk", SourceKind.MICROPHONE, is_default=True)
SPEAKERS = DeviceInfo("speakers-id", "Speakers", SourceKind.SYSTEM, is_default=True)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "list_devices", lambda: [DESK, SPEAKERS])


def refuse(sentence: str) -> object:
    def ask() -> list[DeviceInfo]:
        raise SourceError(sentence)

    return ask


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [
        ("mic", [SourceKind.MICROPHONE]),
        ("system", [SourceKind.SYSTEM]),
        ("both", [SourceKind.MICROPHONE, SourceKind.SYSTEM]),
        ("desk-id", [SourceKind.MICROPHONE]),
        ("SPEAKERS", [SourceKind.SYSTEM]),
    ],
)
@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_words_and_names_stand_for_sources(
    no_server: None, devices: None, monkeypatch: pytest.MonkeyPatch, platform: str, spec: str, kinds: list[SourceKind]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert [source.kind for source in open_sources(spec)] == kinds


def test_an_id_goes_before_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    named_so = DeviceInfo("other", "desk-id", SourceKind.MICROPHONE, is_default=False)
    monkeypatch.setattr(sources, "list_devices", lambda: [named_so, DESK])
    assert find_device("desk-id") is DESK


def test_a_source_is_called_by_its_device_before_it_starts(no_server: None, devices: None) -> None:
    assert [source.name for source in open_sources("desk-id")] == ["Desk"]
    assert [source.name for source in open_sources("both")] == ["Microphone", "System sound"]


@pytest.mark.parametrize(("platform", "outputs"), [("win32", wasapi), ("darwin", coreaudio)])
def test_elsewhere_inputs_and_outputs_are_listed_as_far_as_they_can_be(
    monkeypatch: pytest.MonkeyPatch, platform: str, outputs: object
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(portaudio, "list_microphones", lambda: [DESK])
    monkeypatch.setattr(outputs, "list_outputs", lambda: [SPEAKERS])
    assert list_devices() == [DESK, SPEAKERS]
    monkeypatch.setattr(outputs, "list_outputs", refuse("Install it."))
    assert list_devices() == [DESK]
    monkeypatch.setattr(portaudio, "list_microphones", refuse("PortAudio is missing."))
    with pytest.raises(SourceError, match="PortAudio is missing"):
        list_devices()


def test_without_a_server_linux_has_the_microphones_of_portaudio(
    no_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio, "list_microphones", lambda: [DESK])
    assert list_devices() == [DESK]


@pytest.mark.parametrize(
    ("portaudio_says", "sentence"),
    [
        (refuse("PortAudio is missing."), "No sound server answers.*PortAudio is missing"),
        (list, "No sound server answers"),
    ],
)
def test_without_anything_linux_says_so(
    no_server: None, monkeypatch: pytest.MonkeyPatch, portaudio_says: object, sentence: str
) -> None:
    monkeypatch.setattr(portaudio, "list_microphones", portaudio_says)
    with pytest.raises(SourceError, match=sentence):
        list_devices()


def test_a_missing_libpulse_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(libpulse.ctypes, "CDLL", missing)
    libpulse.libpulse.cache_clear()
    (system,) = open_sources("system")
    with pytest.raises(SourceError, match="libpulse is missing, install libpulse0"):
        system.start(print)


def test_importing_the_package_loads_no_sound_library() -> None:
    program = (
        "import sys, app.audio, app.audio.sources; "
        "print([m for m in ('sounddevice', 'pulsectl', 'soundfile', 'pyaudiowpatch', 'catap') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
