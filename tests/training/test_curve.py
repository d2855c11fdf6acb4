"""A run's log as a picture."""

from __future__ import annotations

from training.curve import WIDTH, blocks, picture


def test_blocks_fall_as_values_do_and_fit_the_line() -> None:
    assert blocks([3.0, 2.0, 1.0]) == "█▄▁"
    assert blocks([1.0, 1.0]) == "▁▁"
    assert len(blocks([float(n) for n in range(1000)])) == WIDTH


def test_losses_are_drawn_and_word_errors_listed() -> None:
    now = {"step": 25, "minutes": 1.5, "hours": 0.3, "x_real_time": 12.0}
    shown = picture([now | {"tokens": 2.0}, now | {"tokens": 1.0}, now | {"wer": {"288 ms": {"made-up": 12.5}}}])
    assert "tokens      2.0000 ->   1.0000  █▁" in shown
    assert "288 ms  made-up  12.5" in shown
