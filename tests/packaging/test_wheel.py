"""The wheel, built and installed into an environment of its own, captions the bundled recording."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import jiwer
import pytest

from app.core.catalogue import demo_text

ROOT = Path(__file__).parents[2]
SHIPPED = ("app", "engine", "resources", "pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that neither left-overs get in nor build folders stay."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    # The environment has setuptools already; an isolated build would fetch it again.
    _python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(source))
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`caique` of an environment with only the wheel in it, which borrows the dependencies of this one."""
    environment = tmp_path_factory.mktemp("environment")
    _python("-m", "venv", "--without-pip", str(environment))
    bin_folder = environment / ("Scripts" if sys.platform == "win32" else "bin")
    python = bin_folder / "python"
    _python("-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    (packages,) = (environment / "lib").rglob("site-packages") if sys.platform != "win32" else (environment / "Lib",)
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return bin_folder / "caique"


def _python(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_resources_are_in_and_nothing_else_is(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    resources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "resources").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert resources - inside == set()
    assert {name.partition("/")[0] for name in inside if ".dist-info/" not in name} == {"app", "engine", "resources"}
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_it_transcribes_the_bundled_recording_as_it_reads(program: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(program), "transcribe", "demo", "--format", "json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    heard, said = (_words(text) for text in (result["text"], demo_text().text))
    assert jiwer.wer(said, heard) <= 0.08
    ends = [word["end"] for utterance in result["utterances"] for word in utterance["words"]]
    assert ends == sorted(ends)
    assert ends[-1] <= result["duration"]


def test_it_captions_the_demo_in_a_terminal_while_it_is_heard(program: Path, tmp_path: Path) -> None:
    """Waits for the first utterance, then stops it as `timeout` would."""
    with subprocess.Popen(
        [str(program), "demo", "--terminal"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=30) == 0, process.stderr.read()
    assert _words(demo_text().text).startswith(" ".join(_words(first).split()[:3]))


def _words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())
