"""Moonshine's decoder as it is written anew, beside the merged graph that was published, on real speech."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine.decoding.attention import Search, greedy, revise
from engine.models.moonshine import Moonshine
from engine.models.moonshine_decoder import MergedDecoder, WrittenDecoder, open_decoder
from engine.models.options import ModelOptions
from engine.text.words import surface
from engine.types import Frames
from engine.vad import SileroVoice, packaged_model
from engine.window_track import WindowTrack
from tests.helpers.starter import errors, quiet, recording, starter, starter_folder, transcripts

DECODER = starter_folder() / "decoder_model_merged.ort"


def model() -> Moonshine:
    opened = starter().model
    assert isinstance(opened, Moonshine)
    return opened


@cache
def published() -> Moonshine:
    return replace(model(), decoder=MergedDecoder(DECODER, ModelOptions()))


def encoded(name: str) -> tuple[Frames, Frames]:
    """What the written and what the published decoder attend to."""
    frames = published().encode(recording(name))
    return model().decoder.attended(frames), frames


def test_it_scores_and_keeps_what_the_published_graph_does() -> None:
    assert isinstance(model().decoder, WrittenDecoder)
    rows, frames = encoded("commonvoice-003309")
    ours, theirs = model().start(rows), published().start(frames)
    tokens = np.array([[1, *range(400, 420)]])
    for given in (tokens, tokens[:, :1], tokens[:, 5:6]):
        count = given.shape[1]
        one, other = model().advance(ours, given, count), published().advance(theirs, given, count)
        assert np.allclose(one.logits, other.logits, atol=1e-4)
        for mine, its in zip(one.state.past, other.state.past, strict=True):
            assert np.allclose(mine, its, atol=1e-4)
        ours, theirs = replace(ours, past=one.state.past), replace(theirs, past=other.state.past)
        if count > 1:
            ours, theirs = ours.cut(9), theirs.cut(9)
    for mine, its in zip(ours.memory, theirs.memory[1:], strict=True):
        assert np.array_equal(mine, its)


def test_a_beam_shares_one_memory() -> None:
    rows, frames = encoded("commonvoice-000306")
    starts = model().start(rows), published().start(frames)
    firsts = [m.advance(s, np.array([[1, 500]]), 1).state for m, s in zip((model(), published()), starts, strict=True)]
    tokens = np.array([[600], [700], [800]])
    ours, theirs = (
        m.advance(state.pick([0, 0, 0]), tokens, 1) for m, state in zip((model(), published()), firsts, strict=True)
    )
    assert np.allclose(ours.logits, theirs.logits, atol=1e-4)
    assert ours.state.pick([2, 0]).length == 3


def test_going_on_from_a_kept_state_hears_as_well() -> None:
    """Rounding to 8 bits depends on which tokens go through together: a comma may come of it, and seldom a word."""
    m, wrong = model(), dict.fromkeys(("kept", "anew"), 0)
    for name, said in transcripts().items():
        sound = recording(name)
        part = m.encode(sound[: len(sound) * 2 // 3])
        first = revise(m, part, Search(before=len(part) - 25, seconds=len(sound) / 16_000))
        ids = tuple(spoken.id for spoken in first.spoken)
        assert len(ids) >= 3
        settled, guess, whole = ids[: len(ids) // 2], ids[len(ids) // 2 :], m.encode(sound)
        for how, state in (("kept", first.state), ("anew", None)):
            found = greedy(m, whole, Search(settled, guess, None, len(sound) / 16_000, state))
            heard = surface([m.pieces[token] for token in (*settled, *(s.id for s in found))])
            wrong[how] += errors(said, heard)
    assert wrong["kept"] <= wrong["anew"] + 1
    assert wrong["anew"] <= 2


def test_the_kept_state_saves_the_prefix() -> None:
    m, sound = model(), recording("commonvoice-003852")
    first = revise(m, m.encode(sound), Search(seconds=5.0))
    counted = _Counting(m)
    ids = tuple(spoken.id for spoken in first.spoken)
    greedy(counted, m.encode(sound), Search(ids[:6], ids[6:9], None, 5.0, first.state))
    assert counted.given[0] == 4  # the last settled token and the draft


class _Counting:
    """A model that counts what goes through its decoder."""

    def __init__(self, model: Moonshine) -> None:
        self._model = model
        self.given: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def advance(self, state: object, tokens: np.ndarray, scored: int) -> object:
        self.given.append(tokens.shape[1])
        return self._model.advance(state, tokens, scored)


def test_frames_of_a_streaming_encoder_go_through_once() -> None:
    rows, frames = encoded("commonvoice-000803")
    parts = [model().decoder.attended(frames[at : at + 24]) for at in range(0, len(frames), 24)]
    together = np.concatenate(parts)
    assert together.shape == rows.shape
    # Each call rounds by its own largest number.
    assert np.abs(together - rows).mean() < 0.05 * np.abs(rows).mean()


def test_a_file_that_is_not_understood_runs_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.moonshine_network._KINDS", {"Softmax": (3, 0)})
    decoder = open_decoder(DECODER, None, ModelOptions())
    assert isinstance(decoder, MergedDecoder)
    track = WindowTrack(replace(model(), decoder=decoder), SileroVoice(packaged_model()))
    track.push(np.concatenate([quiet(1.0), recording("commonvoice-000306"), quiet(1.0)]))
    track.finish()
    said = "".join(token.text for token in track.hypothesis.tokens)
    assert said.replace("\u2581", " ").strip() == "Somebody had returned my lost credit card to the bank."
