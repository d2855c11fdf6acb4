"""Everything that is shipped or installed is named, with a licence, in THIRD_PARTY.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = (ROOT / "THIRD_PARTY.md").read_text("utf-8")


def test_every_dependency_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in wanted}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", NAMED)} == set()


def test_every_folder_of_resources_is_named() -> None:
    folders = [folder for folder in (ROOT / "resources").iterdir() if folder.is_dir() and folder.name != "__pycache__"]
    assert [folder.name for folder in folders if f"`resources/{folder.name}/" not in NAMED] == []
