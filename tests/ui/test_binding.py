"""The Qt binding that is installed can run for hours."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject

CALLS = 2_000


def test_calls_do_not_use_up_none() -> None:
    """PySide6 6.12.0 on Python 3.11 loses a reference to None a call and aborts when there is none left."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        thing.setObjectName("name")
    assert sys.getrefcount(None) > before - CALLS // 2
