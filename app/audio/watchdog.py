"""Notices that a device has fallen silent for good: no error comes, blocks just stop coming."""

from __future__ import annotations

import time
from collections.abc import Callable

NO_BLOCK_LIMIT = 1.0
"""Seconds without any block after which a device counts as lost."""


class Watchdog:
    """Expires when it has not been fed for `limit` seconds. Not shared between threads."""

    def __init__(self, limit: float = NO_BLOCK_LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._fed = clock()

    def feed(self) -> None:
        self._fed = self._clock()

    @property
    def expired(self) -> bool:
        return self._clock() - self._fed >= self._limit
