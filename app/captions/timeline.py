"""When words were said: from the seconds of each source's sound to seconds since the first session began."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter


class Timeline:
    """One for all sessions of the program, so that pauses and changes of source take the time that they took.

    A source's sound is counted without what was not captured. Where its seconds lie on the clock is told by `place`,
    at its start and whenever some was missed; up to the first such word, sound is taken to have begun with the session.
    """

    def __init__(self) -> None:
        self._zero: float | None = None
        self._places: dict[str, list[tuple[float, float]]] = {}
        """Of each speaker: from which second of sound on, and by how much the clock is ahead of the sound."""

    def restart(self) -> None:
        """Another session begins: every source counts its sound from 0 again."""
        self._places.clear()

    def place(self, speaker: str, since: float, at: float) -> None:
        """What is heard from second `since` on was captured from `at` on (any clock of seconds, always the same).

        The same `since` again corrects what was told before.
        """
        if self._zero is None:
            self._zero = at
        places = self._places.setdefault(speaker, [])
        if places and places[-1][0] >= since:
            places.pop()
        places.append((since, at - since - self._zero))

    def at(self, speaker: str, second: float) -> float:
        """When this second of the speaker's sound was captured."""
        places = self._places.get(speaker)
        if not places:
            return second
        _, ahead = places[max(bisect_right(places, second, key=itemgetter(0)) - 1, 0)]
        return max(second + ahead, 0.0)
