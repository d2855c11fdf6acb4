"""How much work captions may be on a machine that falls behind: one step simpler at once, back with patience.

Pure: what is observed comes in, the step to take comes out.
"""

from __future__ import annotations

LAG_SECONDS = 1.0
"""Captions are behind from here on, and have caught up below half of it."""

PATIENCE = 6.0
"""Seconds that a step has to catch up in before a still simpler one is taken."""

CALM = 5.0
"""Seconds in which captions must keep up before the step is taken back."""

RELAPSE = 60.0
"""Behind again within this time after taking a step back: the next one is waited for twice as long."""

LONGEST_CALM = 320.0


class Pace:
    """Steps 0 (all that the model can do) to `steps` - 1 (the least work)."""

    def __init__(self, steps: int, calm: float = CALM) -> None:
        self.step = 0
        self._last = steps - 1
        self._shortest = calm
        self._calm = calm
        self._changed: float | None = None
        self._raised: float | None = None
        """When a step was last taken back."""
        self._fine_since: float | None = None

    def observe(self, now: float, behind: float) -> bool:
        """Captions are `behind` by so many seconds at the time `now`; True when the step is another from now on."""
        if behind >= LAG_SECONDS:
            self._fine_since = None
            return self._simplify(now)
        if behind >= LAG_SECONDS / 2:
            self._fine_since = None
            return False
        if self._fine_since is None:
            self._fine_since = now
        return self._restore(now)

    def _simplify(self, now: float) -> bool:
        waited = self.step == 0 or self._changed is None or now - self._changed >= PATIENCE
        if self.step == self._last or not waited:
            return False
        if self._raised is not None:
            relapsed = now - self._raised < RELAPSE
            self._calm = min(2 * self._calm, LONGEST_CALM) if relapsed else self._shortest
            self._raised = None
        self.step, self._changed = self.step + 1, now
        return True

    def _restore(self, now: float) -> bool:
        if self.step == 0 or self._fine_since is None or now - self._fine_since < self._calm:
            return False
        self.step, self._changed, self._raised, self._fine_since = self.step - 1, now, now, now
        return True
