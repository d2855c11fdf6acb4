"""The menu that offers models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.catalogue import MEASURED
from app.ui.model_menu import ModelMenu


@pytest.fixture
def menu(qtbot: QtBot) -> Iterator[ModelMenu]:
    parent = QWidget()
    qtbot.addWidget(parent)
    yield ModelMenu(parent)


def test_the_models_that_come_with_the_program_are_offered_with_what_was_measured(menu: ModelMenu) -> None:
    assert list(menu.packaged) == ["", "accurate", "fast"]
    for name in ("accurate", "fast"):
        assert f"{MEASURED[name].word_errors:.0f} of 100 words wrong" in menu.packaged[name].text()
        assert f"{MEASURED[name].core:.0%} of a core" in menu.packaged[name].text()
    assert not menu.folder.isVisible()


@pytest.mark.parametrize("name", ["", "accurate", "fast"])
def test_choosing_one_tells_its_name(menu: ModelMenu, qtbot: QtBot, name: str) -> None:
    menu.set_current("/models/other")
    with qtbot.waitSignal(menu.chosen) as chosen:
        menu.packaged[name].trigger()
    assert chosen.args == [name]


def test_what_is_in_use_is_checked(menu: ModelMenu) -> None:
    assert menu.packaged[""].isChecked()
    menu.set_current("fast")
    assert menu.packaged["fast"].isChecked()
    menu.set_current("/models/other")
    assert menu.folder.isChecked()
    assert menu.folder.isVisible()
    menu.set_current("")
    assert menu.packaged[""].isChecked()
    assert menu.folder.isVisible()
