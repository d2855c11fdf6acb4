"""How loud it is where nobody speaks, learned from the levels of one source."""

from __future__ import annotations

_QUIETEST = 0.0005
"""Level (-66 dB) below which all rooms are the same."""
_LOUDEST = 0.005
"""Level (-46 dB) beyond which nothing is taken for the room: somebody may be speaking there without a pause."""
_LOUDER = 2.0
"""What a chunk may have of the room's level (6 dB) and still be the room; words have more."""
_RISE = 1.02
"""How fast a louder room is believed, a chunk: twice as loud takes three seconds. A quieter one is believed at once."""


class Room:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._level = _QUIETEST

    def hear(self, level: float) -> bool:
        """Take in the level of the next 80 ms, root mean square 0 to 1; True where it is no louder than the room."""
        self._level = min(max(level, _QUIETEST), self._level * _RISE)
        return level <= min(_LOUDER * self._level, _LOUDEST)
