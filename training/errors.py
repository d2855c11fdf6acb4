"""What can go wrong with the inputs of the training tools; each error is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable


class TrainingError(Exception):
    """A clip, folder or checkpoint that the tools cannot use."""


def run(command: Callable[[], None]) -> None:
    """Runs a tool; what it cannot use ends it with one sentence instead of a traceback."""
    try:
        command()
    except TrainingError as error:
        raise SystemExit(str(error)) from None
