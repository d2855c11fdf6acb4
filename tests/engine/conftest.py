"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from engine.models.bundle import open_bundle
from engine.models.options import ModelOptions, Precision
from engine.models.parts import FrameBundle
from tests.helpers.reference import unpack_models

OpenModel = Callable[[str, Precision], FrameBundle]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of reference model folders. Shared: copy what you want to break."""
    return unpack_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def open_model(models: Path) -> Callable[..., FrameBundle]:
    """Opens a reference model by name, once a session for each precision."""

    @cache
    def open_once(name: str, precision: Precision = "auto") -> FrameBundle:
        bundle = open_bundle(models / name, ModelOptions(precision=precision))
        assert isinstance(bundle, FrameBundle)
        return bundle

    return open_once
