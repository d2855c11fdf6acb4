"""The self-test says which models a machine keeps up with, and what follows from it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.commands import selftest as command
from app.core import models, selftest
from app.core.selftest import BUDGET, LATE, ROOM, Reading, Readings, choose, measure
from engine.decoding.guidance import Guidance
from engine.types import SAMPLE_RATE

SPEECH = np.zeros(10 * SAMPLE_RATE, np.float32)
GOOD = Reading("accurate", None, None, core=0.1, late=0.1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Engine:
    """A stream that takes so many seconds of processor time for each 80 ms, the longest every second."""

    def __init__(self, clock: Clock, each: float, longest: float = 0.0) -> None:
        self._clock, self._each, self._longest = clock, each, longest
        self.pushes = 0

    def push(self, samples: np.ndarray) -> list:
        self._clock.now += self._longest if self.pushes % 12 == 11 and self._longest else self._each
        self.pushes += 1
        return []

    def finish(self) -> list:
        return []

    def set_boost(self, boost: object) -> None: ...

    def hurry(self, hurried: int) -> None: ...


def test_a_fast_engine_takes_its_share_and_is_late_by_one_step() -> None:
    clock = Clock()
    core, late = measure(Engine(clock, 0.008), SPEECH, BUDGET, clock)
    assert core == pytest.approx(0.1)
    assert late == pytest.approx(0.008)


def test_a_slow_engine_is_later_and_later() -> None:
    clock = Clock()
    core, late = measure(Engine(clock, 0.12), SPEECH, 100.0, clock)
    assert core == pytest.approx(1.5)
    assert late == pytest.approx(0.12 + 124 * 0.04)


def test_lateness_in_bursts_is_seen_where_the_share_is_small() -> None:
    clock = Clock()
    core, late = measure(Engine(clock, 0.001, longest=0.7), SPEECH, 100.0, clock)
    assert late >= 0.7
    assert not replace(GOOD, core=0.1, late=late).keeps_up
    assert core < 0.75


def test_a_hopeless_engine_ends_with_the_budget() -> None:
    clock = Clock()
    engine = Engine(clock, 2.0)
    core, _ = measure(engine, SPEECH, 5.0, clock)
    assert engine.pushes == 3
    assert core == pytest.approx(25.0)


@pytest.fixture
def both_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "packaged_models", lambda: ("accurate", "fast"))


@pytest.mark.usefixtures("both_installed")
def test_the_most_accurate_that_keeps_up_is_chosen() -> None:
    fast = Reading("fast", None, None, core=0.04, late=0.05)
    slow = replace(GOOD, core=2 * ROOM)
    narrow = replace(GOOD, beam=1, core=0.8 * ROOM)
    assert choose([]) is None
    assert choose([fast, GOOD]) == GOOD
    assert choose([fast, slow, narrow]) == narrow
    assert choose([fast, slow, replace(narrow, late=2 * LATE)]) == fast
    crawling = replace(fast, core=3.0)
    assert choose([replace(slow, core=9.0), crawling]) == crawling, "where none keeps up, the cheapest"
    assert choose([replace(GOOD, model="/models/mine")]) is None, "a folder is used when the user chooses it"


@pytest.mark.usefixtures("both_installed")
def test_a_search_is_narrowed_only_where_the_wide_one_costs_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    costs = {("accurate", None): 0.06, ("accurate", 1): 0.02, ("fast", None): 0.002}
    asked: list[tuple[str, int | None]] = []

    class Model:
        def __init__(self, folder: Path, *_: object) -> None:
            self._name = str(folder)

        def stream(self, guidance: Guidance) -> Engine:
            asked.append((self._name, guidance.beam))
            return Engine(clock, costs[asked[-1]])

    monkeypatch.setattr(models, "load", Model)
    monkeypatch.setattr(selftest, "_candidates", lambda _: [("accurate", None), ("fast", None)])
    monkeypatch.setattr(measure, "__defaults__", (clock,))
    readings = list(selftest.self_test())
    assert asked == list(costs)
    assert [(r.model, r.beam, r.keeps_up) for r in readings] == [
        ("accurate", None, False),
        ("accurate", 1, True),
        ("fast", None, True),
    ]


def test_what_was_found_is_kept_until_a_model_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model"
    model.mkdir()
    graph = model / "encoder.onnx"
    graph.write_bytes(b"graph")
    monkeypatch.setattr(selftest, "packaged_models", lambda: (str(model),))
    file, readings = tmp_path / "cache" / "selftest.json", [replace(GOOD, model=str(model))]
    assert Readings(file).load() == []
    Readings(file).save(readings)
    assert Readings(file).load() == readings
    os.utime(graph, ns=(0, 0))
    assert Readings(file).load() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"readings": 3}', '{"readings": [{"model": 1}], "holds_for": ""}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "selftest.json"
    file.write_text(content)
    assert Readings(file).load() == []


def test_the_starter_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """The real thing; that it keeps up is left to machines that are not busy with tests."""
    command.run(None, sys.stdout)
    line = next(line for line in capsys.readouterr().out.splitlines() if "accurate" in line)
    assert "% of a core" in line
    readings = Readings().load()
    assert readings[0].model == "accurate"
    assert readings[0].core > 0.0
    kept = json.loads((selftest.paths.cache_folder() / "selftest.json").read_text())
    assert kept["readings"]
