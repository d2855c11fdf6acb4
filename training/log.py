"""What a run says while it goes on: a line in `log.jsonl`, on the terminal and, where installed, in TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.checkpoint import Progress


class Log:
    """Means over some steps, appended to `log.jsonl` and, where it is installed, TensorBoard."""

    EVERY = 25

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._sums: dict[str, float] = {}
        self._count = 0
        self._board = _tensorboard(folder)

    def add(self, progress: Progress, parts: dict[str, float]) -> None:
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if progress.step % self.EVERY == 0:
            self.write(progress, **{name: round(value / self._count, 4) for name, value in self._sums.items()})
            self._sums, self._count = {}, 0

    def write(self, progress: Progress, **what: Any) -> None:
        now = {
            "step": progress.step,
            "minutes": round(progress.busy_s / 60, 1),
            "hours": round(progress.audio_s / 3600, 2),
            "x_real_time": round(progress.audio_s / max(1e-9, progress.busy_s), 1),
        }
        line = json.dumps(now | what)
        print(line, flush=True)
        with self._path.open("a", encoding="utf8") as out:
            out.write(line + "\n")
        if self._board:
            for name, value in what.items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, progress.step)


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # optional: the log and training.curve say the same
        return None
    return SummaryWriter(str(folder / "board"))
