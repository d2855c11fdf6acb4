"""Streams that share calls of one model, and calls that hold several steps: nobody hears any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.frame_track import FrameTrack
from engine.models.bundle import open_bundle
from engine.models.encoder_graph import CacheAwareGraph, EncoderState
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer, Stream
from engine.types import BoostPhrase, Final, Frames, Partial, Samples, Update
from tests.helpers.reference import recording
from tests.helpers.rewritten import GRAPHS, rewritten_folder

OpenModel = Callable[..., FrameBundle]

SOUNDS = ("a1_short.flac", "a2_three.flac", "a5_real.flac", "a6_fast.flac")
DECODERS = {"hybrid-nemo-560ms": "ctc"}
"""Else each model's own default: CTC, RNN-T or TDT."""


@pytest.fixture(scope="module")
def rewritten(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FrameBundle]:
    """Opens a reference model with its graph rewritten in fp32."""
    opened: dict[str, FrameBundle] = {}

    def open_rewritten(name: str) -> FrameBundle:
        if name not in opened:
            bundle = open_bundle(rewritten_folder(models / name, tmp_path_factory.mktemp("rewritten") / name))
            assert isinstance(bundle, FrameBundle)
            opened[name] = bundle
        return opened[name]

    return open_rewritten


def stream_of(bundle: FrameBundle, boost: Boost | None = None) -> Stream:
    """A stream that shows nothing before it is decoded, so that nothing depends on how sound comes."""
    guidance = Guidance(boost)
    track = FrameTrack(bundle, DECODERS.get(bundle.folder.name), guidance=guidance)
    return Stream(track, EndpointRules(), guidance)


def _boost(bundle: FrameBundle, phrase: str) -> Boost:
    return compile_boost([BoostPhrase(phrase)], Pieces(bundle.vocabulary.pieces))


def alone(stream: Stream, sound: Samples, cut: int = 1_280) -> list[Update]:
    """The updates of a stream by itself."""
    parts = [sound[start : start + cut] for start in range(0, len(sound), cut)]
    return [update for part in parts for update in stream.push(part)] + stream.finish()


def told(updates: Sequence[Update]) -> list[object]:
    """Updates but for confidences, which are rounded differently."""
    return [_unsure(update) for update in updates]


def _unsure(update: Update) -> Update:
    if isinstance(update, (Partial, Final)):
        update = replace(update, words=tuple(replace(word, confidence=0.0) for word in update.words))
    if isinstance(update, Final):
        update = replace(update, tokens=tuple(replace(token, confidence=0.0) for token in update.tokens))
    return update


def confidences(updates: Sequence[Update]) -> list[float]:
    return [token.confidence for update in updates if isinstance(update, Final) for token in update.tokens]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """(streams, feature frames) of every call of a streaming encoder."""
    seen: list[tuple[int, int]] = []
    step = CacheAwareGraph.step

    def watched(graph: CacheAwareGraph, windows: Frames, state: object) -> object:
        seen.append(windows.shape[:2])
        return step(graph, windows, state)  # type: ignore[arg-type]

    monkeypatch.setattr(CacheAwareGraph, "step", watched)
    yield seen


@pytest.mark.parametrize("kind", ["published", "rewritten"])
@pytest.mark.parametrize("name", GRAPHS)
def test_streams_that_come_and_go_hear_what_they_hear_alone(
    name: str, kind: str, open_model: OpenModel, rewritten: Callable[[str], FrameBundle]
) -> None:
    """They begin at different times, deliver different amounts, end one by one, and listen for different words."""
    bundle = rewritten(name) if kind == "rewritten" else open_model(name, "fp32")
    boosts = [None, _boost(bundle, "lazy dog"), None, _boost(bundle, "morning")]
    sounds = [recording(sound)[:64_000] for sound in SOUNDS]
    expected = [alone(stream_of(bundle, boost), sound) for boost, sound in zip(boosts, sounds, strict=True)]
    streams = [stream_of(bundle, boost) for boost in boosts]
    heard: list[list[Update]] = [[] for _ in streams]
    at = [-5_000 * number for number in range(len(streams))]
    sizes = [1_280, 4_000, 700, 9_000]
    while live := [n for n, sound in enumerate(sounds) if at[n] < len(sound)]:
        for n in live:
            streams[n].hear(sounds[n][max(at[n], 0) : max(at[n] + sizes[n], 0)])
            at[n] += sizes[n]
        for n, updates in zip(live, Recognizer.step([streams[n] for n in live]), strict=True):
            heard[n] += updates
        for n in live:
            if at[n] >= len(sounds[n]):
                heard[n] += streams[n].finish()
    for updates, expectation in zip(heard, expected, strict=True):
        assert told(updates) == told(expectation)
        assert confidences(updates) == pytest.approx(confidences(expectation), abs=1e-3)
    assert sum(map(len, map(confidences, heard))) > 10


@pytest.mark.parametrize("name", GRAPHS)
def test_a_backlog_gives_what_the_published_graph_gives_step_by_step(
    name: str, open_model: OpenModel, rewritten: Callable[[str], FrameBundle]
) -> None:
    sound = np.concatenate([recording("a2_three.flac"), recording("a6_fast.flac")])
    expected = alone(stream_of(open_model(name, "fp32")), sound)
    for cut in (len(sound), 40_000, 7_777):
        updates = alone(stream_of(rewritten(name)), sound, cut)
        assert told(updates) == told(expected)
        assert confidences(updates) == pytest.approx(confidences(expected), abs=1e-3)


@given(cuts=st.lists(st.integers(0, 100_000), max_size=6))
@settings(max_examples=10)
def test_however_sound_piles_up(cuts: list[int], rewritten: Callable[[str], FrameBundle]) -> None:
    bundle, sound = rewritten("tdt-nemo-80ms"), recording("a2_three.flac")[:100_000]
    stream = stream_of(bundle)
    updates = [update for part in np.split(sound, sorted(cuts)) for update in stream.push(part)] + stream.finish()
    assert told(updates) == told(alone(stream_of(bundle), sound))


def test_streams_share_calls_and_backlogs_are_few_calls(
    rewritten: Callable[[str], FrameBundle], calls: list[tuple[int, int]]
) -> None:
    streams = [stream_of(rewritten("ctc-sherpa-80ms")) for _ in range(8)]
    sound = recording("a2_three.flac")
    for stream in streams:
        stream.hear(sound[:1_280])
    Recognizer.step(streams)
    calls.clear()  # the first one is preceded by a trial
    for stream in streams:
        stream.hear(sound[1_280:2_560])
    Recognizer.step(streams)
    assert calls == [(8, 17)]
    calls.clear()
    streams[0].push(sound[2_560 : 2_560 + 32 * 1_280])
    assert calls == [(1, 17 + 31 * 8)]


def test_published_graphs_in_int8_are_called_for_one_stream_and_one_step(
    open_model: OpenModel, calls: list[tuple[int, int]]
) -> None:
    """There, what else is in a call changes how inputs are rounded."""
    streams = [stream_of(open_model("ctc-sherpa-80ms", "int8")) for _ in range(2)]
    for _ in range(2):
        calls.clear()  # the first step is preceded by a trial
        for stream, sound in zip(streams, SOUNDS, strict=False):
            stream.hear(recording(sound))
        Recognizer.step(streams)
    assert len(calls) > 50
    assert set(calls) == {(1, 17)}


@pytest.mark.parametrize("form", ["int8-blocks", "int8-columns"])
@pytest.mark.parametrize("name", ["ctc-sherpa-80ms", "rnnt-sherpa-128mel-160ms", "tdt-nemo-128mel-560ms"])
def test_prepared_graphs_in_int8_give_the_same_to_the_last_bit(
    name: str, form: str, models: Path, tmp_path: Path, calls: list[tuple[int, int]]
) -> None:
    bundle = open_bundle(rewritten_folder(models / name, tmp_path / form, form=form))
    assert isinstance(bundle, FrameBundle)
    sounds = [recording(sound)[:64_000] for sound in SOUNDS[:3]]
    expected = [alone(stream_of(bundle), sound) for sound in sounds]
    streams = [stream_of(bundle) for _ in sounds]
    heard: list[list[Update]] = [[] for _ in streams]
    for cut in range(0, 64_000, 16_000):
        for stream, sound in zip(streams, sounds, strict=True):
            stream.hear(sound[cut : cut + 16_000])
        for updates, new in zip(heard, Recognizer.step(streams), strict=True):
            updates += new
    for updates, stream in zip(heard, streams, strict=True):
        updates += stream.finish()
    assert heard == expected
    assert max(count for count, _ in calls) == 3
    assert max(length for _, length in calls) > bundle.encoder.sizes.window  # type: ignore[union-attr]


def test_a_graph_that_company_changes_is_called_alone(
    rewritten: Callable[[str], FrameBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another processor's kernels may round rows of a product together."""
    graph = rewritten("ctc-sherpa-80ms").encoder
    assert isinstance(graph, CacheAwareGraph)
    step = CacheAwareGraph.step

    def rounded(encoder: CacheAwareGraph, windows: Frames, state: EncoderState) -> tuple[Frames, EncoderState]:
        frames, after = step(encoder, windows, state)
        return frames + np.float32(1e-3 * frames.size), after

    other = CacheAwareGraph(graph.graph, graph.sizes, graph.bins, graph.frames_last)
    monkeypatch.setattr(CacheAwareGraph, "step", rounded)
    assert not other.shares_calls
    assert other.exact_steps == 1


def test_a_step_without_sound_says_nothing(rewritten: Callable[[str], FrameBundle]) -> None:
    stream = stream_of(rewritten("ctc-sherpa-80ms"))
    assert Recognizer.step([]) == []
    stream.hear(np.zeros(1_279, np.float32))
    assert Recognizer.step([stream]) == [[]]
