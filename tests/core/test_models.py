"""Loading the model that was asked for, with the delay that was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core import models
from app.core.errors import UsageError
from tests.helpers.streaming import FRAME, streaming_folder


def test_a_delay_of_a_streaming_encoder_is_chosen_by_its_milliseconds(tmp_path: Path) -> None:
    profiles = [{"chunk_samples": n * FRAME, "look_ahead_samples": n * FRAME} for n in (2, 5)]
    folder = streaming_folder(tmp_path / "model", profiles=json.dumps(profiles))
    assert models.load(folder, None, None).info.chunk == pytest.approx(0.072)
    assert models.load(folder, None, 240).info.chunk == pytest.approx(0.12)
    with pytest.raises(UsageError, match=r"has no latency of 160 ms; it has 96, 120, 240 ms\.$"):
        models.load(folder, None, 160)
