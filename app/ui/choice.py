"""One of several values of a setting, as entries of a menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

Value = TypeVar("Value")


def add_choice(menu: QMenu, names: Mapping[Value, str], choose: Callable[[Value], None]) -> dict[Value, QAction]:
    """Entries of which one is checked, by their values; `choose` is told what the user takes."""
    group = QActionGroup(menu)
    actions: dict[Value, QAction] = {}
    for value, name in names.items():
        action = menu.addAction(name)
        action.setCheckable(True)
        action.triggered.connect(lambda _on, value=value: choose(value))
        group.addAction(action)
        actions[value] = action
    return actions
