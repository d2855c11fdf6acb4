"""First step: decode collections of recordings into a store.

python -m training.prepare WORK SPEECH_FOLDER [NOISE_FOLDER ...] [--speeds 0.88 1.12]

Every folder holds `manifest.jsonl`, one object a line: `id`, `path`, and for speech `corpus`, `split`, `text`, for
other sound `kind` (noise, music, babble, rir).

`--speeds` stores the speech to learn from at these speeds as well, which makes other voices of it (Ko, Peddinti, Povey,
Khudanpur: Audio augmentation for speech recognition, Interspeech 2015). The teacher hears each of them anew: a voice
that is changed only while training would no longer fit what it heard.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from training.errors import TrainingError, run
from training.store import Clip, write_store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for the store")
    parser.add_argument("collections", type=Path, nargs="+")
    parser.add_argument("--speeds", type=float, nargs="+", default=[], help="other speeds, times the recorded one")
    options = parser.parse_args()
    clips = write_store(options.work, at_speeds(listed(options.collections), options.speeds))
    hours: dict[tuple[str, str], float] = {}
    for clip in clips:
        of = (clip.corpus or clip.kind, clip.split)
        hours[of] = hours.get(of, 0.0) + clip.seconds / 3600
    for (name, split), total in sorted(hours.items()):
        print(f"{name:24} {split:6} {total:6.2f} h")


def listed(collections: list[Path]) -> Iterator[tuple[Clip, Path]]:
    """The clips that the collections' manifests name, each with its recording."""
    for folder in collections:
        manifest = folder / "manifest.jsonl"
        if not manifest.is_file():
            raise TrainingError(f"{folder} holds no manifest.jsonl; see training/README.md for its fields")
        for line in manifest.read_text("utf8").splitlines():
            row = json.loads(line)
            yield (
                Clip(
                    id=row["id"],
                    kind=row.get("kind", "speech"),
                    corpus=row.get("corpus", ""),
                    split=row.get("split", "train"),
                    text=row.get("text", ""),
                ),
                folder / row["path"],
            )


def at_speeds(clips: Iterable[tuple[Clip, Path]], speeds: Iterable[float]) -> Iterator[tuple[Clip, Path]]:
    """The clips, and those to learn from once more at each of the speeds, called ID@SPEED."""
    known = list(clips)
    yield from known
    for speed in speeds:
        for clip, path in known:
            if clip.kind == "speech" and clip.split == "train":
                yield replace(clip, id=f"{clip.id}@{speed:g}", speed=speed), path


if __name__ == "__main__":
    run(main)
