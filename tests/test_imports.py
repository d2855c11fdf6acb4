"""What the engine and the core may not load, proven once in a fresh interpreter each."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("PySide6", "shiboken6", "sounddevice", "soundfile", "pulsectl", "torch", "moonshine_voice")

PROGRAM = """
import importlib, pkgutil, sys
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(module.name)
print(*(name for name in {heavy!r} if name in sys.modules))
"""


def loaded(packages: list[str], heavy: tuple[str, ...]) -> str:
    """Which of `heavy` are loaded once all modules of `packages` are."""
    program = PROGRAM.format(packages=packages, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_engine_core_and_captions_load_no_window_and_no_sound() -> None:
    assert loaded(["engine", "app.core", "app.captions"], HEAVY) == ""


def test_the_words_of_the_engine_load_no_runtime() -> None:
    assert loaded(["engine.types", "engine.errors", "app.core.ports", "app.core.events"], ("onnxruntime",)) == ""


@pytest.mark.parametrize("package", ["app.audio.sources", "app.commands"])
def test_commands_and_sources_load_neither_a_window_nor_a_device_library(package: str) -> None:
    assert loaded([package], ("PySide6", "sounddevice", "pulsectl", "torch")) == ""


def test_the_command_line_is_parsed_before_anything_heavy_loads() -> None:
    assert loaded(["app.cli"], ("numpy", "onnxruntime", "PySide6", "rich")) == ""
