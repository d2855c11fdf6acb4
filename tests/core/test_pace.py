"""The pace gives way at once and comes back with patience."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.pace import CALM, LAG_SECONDS, LONGEST_CALM, PATIENCE, Pace

TICK = 0.08


class Machine:
    """A machine on which each step does so many seconds of sound in a second, and the captions it gives."""

    def __init__(self, speeds: list[float]) -> None:
        self.speeds = speeds
        self.pace = Pace(len(speeds))
        self.now = 0.0
        self.behind = 0.0
        self.changes: list[tuple[float, int]] = []

    def run(self, seconds: float) -> None:
        """People speak for so long."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.behind = max(0.0, self.behind + TICK * (1.0 - self.speeds[self.pace.step]))
            if self.pace.observe(self.now, self.behind):
                self.changes.append((self.now, self.pace.step))


def test_a_machine_that_keeps_up_is_left_alone() -> None:
    machine = Machine([1.2, 5.0])
    machine.run(600)
    assert machine.changes == []


def test_a_slow_machine_gets_the_first_simpler_way_as_soon_as_captions_are_late() -> None:
    machine = Machine([0.5, 5.0])
    machine.run(2.5)
    assert [step for _, step in machine.changes] == [1]
    assert machine.changes[0][0] <= LAG_SECONDS / 0.5 + 2 * TICK


def test_each_way_has_time_to_catch_up_before_a_still_simpler_one() -> None:
    machine = Machine([0.5, 0.8, 0.9, 10.0])
    machine.run(30)
    times = [at for at, step in machine.changes if step > 0][:3]
    assert [step for _, step in machine.changes[:3]] == [1, 2, 3]
    assert times[1] - times[0] >= PATIENCE - TICK
    assert times[2] - times[1] >= PATIENCE - TICK


def test_a_throttled_machine_goes_all_the_way_back_once_it_has_recovered() -> None:
    machine = Machine([0.5, 0.9, 5.0])
    machine.run(30)
    assert machine.pace.step > 0
    machine.speeds = [3.0, 3.0, 5.0]
    machine.run(120)
    assert machine.pace.step == 0
    assert machine.behind == 0.0


def test_a_machine_that_stays_slow_is_tried_less_and_less_often() -> None:
    machine = Machine([0.5, 5.0])
    machine.run(1800)
    back = [at for at, step in machine.changes if step == 0]
    waits = [later - earlier for earlier, later in pairwise(back)]
    assert all(later > earlier - TICK for earlier, later in pairwise(waits))
    assert waits[-1] > LONGEST_CALM / 2
    assert len(back) < 12


def test_it_is_patient_again_after_a_good_while() -> None:
    machine = Machine([0.5, 5.0])
    machine.run(60)
    machine.speeds = [5.0, 5.0]
    machine.run(600)
    machine.speeds = [0.5, 5.0]
    machine.run(3)
    assert machine.pace.step == 1
    fell = machine.changes[-1][0]
    machine.run(10)
    assert next(at for at, step in machine.changes if step == 0 and at > fell) - fell < CALM + 3


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 100)), max_size=200), st.integers(1, 4))
def test_steps_stay_in_range_and_change_one_at_a_time(seen: list[tuple[float, float]], steps: int) -> None:
    pace, now, before = Pace(steps), 0.0, 0
    for passed, behind in seen:
        now += passed
        changed = pace.observe(now, behind)
        assert 0 <= pace.step < steps
        assert changed == (pace.step != before)
        assert abs(pace.step - before) <= 1
        before = pace.step
