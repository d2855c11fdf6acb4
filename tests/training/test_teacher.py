"""What the teacher heard: recordings that come later are added to it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import torch

from training.decoder import Transcribed
from training.prepare import listed
from training.store import Clip, ClipStore, write_store
from training.teacher import Lessons, Teacher, hear, teach


def test_only_new_recordings_are_heard_and_old_ones_keep_what_was_heard(
    collection: Path, teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store(tmp_path, islice(listed([collection]), 6))
    teach(tmp_path, teacher)
    before = lessons_of(tmp_path)
    write_store(tmp_path, listed([collection]))
    heard: list[str] = []

    def counted(teacher: Teacher, store: ClipStore, batch: list[Clip]) -> list[tuple[torch.Tensor, Transcribed]]:
        heard.extend(clip.id for clip in batch)
        return hear(teacher, store, batch)

    monkeypatch.setattr("training.teacher.hear", counted)
    teach(tmp_path, teacher)
    after = lessons_of(tmp_path)
    assert sorted(heard) == ["6", "7", "8", "9"]
    assert set(after) == {str(n) for n in range(10)}
    for name, (ids, frames) in before.items():
        assert after[name][0] == ids
        assert torch.equal(after[name][1], frames)


def lessons_of(work: Path) -> dict[str, tuple[list[int], torch.Tensor]]:
    store, lessons = ClipStore(work), Lessons(work / "teacher")
    return {c.id: (lessons.ids(c.id), lessons.frames(c)) for c in store.select("speech") if c.id in lessons}
