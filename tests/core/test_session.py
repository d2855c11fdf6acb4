"""The session carries sound to the engine and tells facts; nothing of the sound is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from app.core.channel import CaptionStream
from app.core.errors import SourceError
from app.core.events import (
    Captioned,
    DeviceLost,
    EffortChanged,
    Failed,
    Lagging,
    Level,
    Listening,
    NoSound,
    Placed,
    SessionEvent,
    SoundBack,
    SoundLost,
    SourceFinished,
    Stopped,
)
from app.core.pace import Pace
from app.core.ports import AudioChunk, Broken, Ended, Lost, Opened, SourceKind
from app.core.session import CaptionSession
from engine.endpoint import EndpointRules
from engine.errors import EngineError
from engine.recognizer import Stream
from engine.types import Final
from tests.helpers.scripted import PlayedSource, ScriptedTrack, Spoken, chunks_of, file_like

SOUND = np.linspace(0.1, 0.2, 20 * 1_280 + 333, dtype=np.float32)


class Recorder:
    """A stream that keeps all it was given."""

    def __init__(self) -> None:
        self.samples: list[np.ndarray] = []
        self.finished = 0
        self.hurried: list[int] = []

    encoder = None

    def hear(self, samples: np.ndarray) -> None:
        self.samples.append(samples)

    def step(self) -> list:
        return []

    def finish(self) -> list:
        self.finished += 1
        return []

    def set_boost(self, boost: object) -> None:
        """Hears nothing, whatever is listened for."""

    def hurry(self, hurried: int) -> None:
        self.hurried.append(hurried)

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate(self.samples)


def run(
    sources: list[PlayedSource],
    make_stream: Callable[[], CaptionStream],
    pace: Pace | None = None,
) -> list[SessionEvent]:
    events: list[SessionEvent] = []
    session = CaptionSession(sources, make_stream, events.append, pace=pace)
    session.start()
    assert session.wait(10.0)
    session.stop()
    return events


def test_a_file_is_captioned_to_its_last_word() -> None:
    track = ScriptedTrack([Spoken("\u2581one", 0.4)], tail=[Spoken("\u2581two", 1.6)])
    events = run([PlayedSource(file_like(SOUND))], lambda: Stream(track, EndpointRules()))
    finals = [e.update for e in events if isinstance(e, Captioned) and isinstance(e.update, Final)]
    assert [f.text for f in finals] == ["one two"]
    assert [type(e) for e in events[-2:]] == [SourceFinished, Stopped]
    assert Listening(SourceKind.FILE, "played") in events


def test_it_tells_when_sound_was_captured_also_after_a_device_was_gone() -> None:
    def captured(count: int, first: float) -> list[AudioChunk]:
        return [replace(c, captured_at=first + (i + 1) * 0.08) for i, c in enumerate(chunks_of(SOUND[: count * 1_280]))]

    gone = [Opened("a"), *captured(10, 1e9), Lost("a", "Gone."), Opened("b"), *captured(5, 1e9 + 60), Ended()]
    events = run([PlayedSource(gone)], Recorder)
    assert [e for e in events if isinstance(e, Placed)] == [
        Placed(SourceKind.FILE, 0.0, pytest.approx(1e9)),
        Placed(SourceKind.FILE, 0.8, pytest.approx(1e9 + 60)),
    ]


def test_no_sample_is_lost_even_when_the_model_loads_slowly() -> None:
    recorder, loaded = Recorder(), threading.Event()

    def slow() -> Recorder:
        assert loaded.wait(5.0)
        return recorder

    session = CaptionSession([PlayedSource(file_like(SOUND))], slow, lambda event: None)
    session.start()
    loaded.set()
    assert session.wait(5.0)
    assert np.array_equal(recorder.sound, SOUND)
    assert recorder.finished == 1
    session.stop()


def test_stop_captions_what_waits_and_finishes_once() -> None:
    recorder = Recorder()
    session = CaptionSession([PlayedSource([Opened("x"), *chunks_of(SOUND)])], lambda: recorder, lambda event: None)
    session.start()
    while not recorder.samples:
        time.sleep(0.001)  # polling a fact of another thread
    session.stop()
    session.stop()
    assert recorder.finished == 1
    assert np.array_equal(recorder.sound, SOUND[: len(recorder.sound)])


def test_two_sources_have_a_stream_each() -> None:
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder())
        return made[-1]

    sources = [
        PlayedSource(file_like(SOUND), SourceKind.MICROPHONE, "mic"),
        PlayedSource(file_like(-SOUND), SourceKind.SYSTEM, "speakers"),
    ]
    events = run(sources, make)
    assert np.array_equal(made[0].sound, SOUND)
    assert np.array_equal(made[1].sound, -SOUND)
    assert {e.source for e in events if isinstance(e, SourceFinished)} == {SourceKind.MICROPHONE, SourceKind.SYSTEM}


def test_zeros_for_five_seconds_are_told_once_and_sound_coming_back_too() -> None:
    sound = np.concatenate([np.zeros(16_000 * 12, np.float32), SOUND])
    events = run([PlayedSource(file_like(sound))], Recorder)
    assert [e for e in events if isinstance(e, NoSound | SoundBack)] == [
        NoSound(SourceKind.FILE, "played", 5.0),
        SoundBack(SourceKind.FILE),
    ]


def test_levels_of_a_long_silence_are_not_told() -> None:
    silence = np.zeros(16_000 * 12, np.float32)
    events = run([PlayedSource(file_like(np.concatenate([SOUND, silence, SOUND])))], Recorder)
    levels = [event.level for event in events if isinstance(event, Level)]
    assert levels[-1] > 0.09  # heard again, told again
    assert sum(level == 0.0 for level in levels) < 20


def test_levels_of_a_steady_room_are_told_again_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.session.TURN_CHUNKS", 1)  # each chunk by itself, as a microphone delivers them
    room = np.random.default_rng(1).normal(0, 0.004, 16_000 * 12).astype(np.float32)
    muted = np.zeros(16_000 * 4, np.float32)
    events = run([PlayedSource(file_like(np.concatenate([SOUND, room, muted, room])))], Recorder)
    levels = [event.level for event in events if isinstance(event, Level)]
    assert sum(0.0 < level < 0.01 for level in levels) < 40
    assert 0.0 in levels  # so that a meter does not go on showing a room that is not heard any more
    assert levels[-1] > 0.003


def test_levels_losses_and_overflows_are_told() -> None:
    chunks = chunks_of(SOUND)
    chunks[3] = replace(chunks[3], overflowed=True)
    unplugged = [Lost("usb", "It was unplugged."), Opened("built-in")]
    played = [Opened("usb"), *chunks[:5], *unplugged, *chunks[5:], Broken("b", "Gone.")]
    events = run([PlayedSource(played, SourceKind.MICROPHONE)], Recorder)
    assert any(isinstance(e, Level) and 0.09 < e.level < 0.21 for e in events)
    assert SoundLost(SourceKind.MICROPHONE, "usb") in events
    told = [e for e in events if isinstance(e, Listening | DeviceLost | SourceFinished)]
    assert told == [
        Listening(SourceKind.MICROPHONE, "usb"),
        DeviceLost(SourceKind.MICROPHONE, "usb", "It was unplugged."),
        Listening(SourceKind.MICROPHONE, "built-in"),
        SourceFinished(SourceKind.MICROPHONE, "Gone."),
    ]


def test_being_late_is_told_and_catching_up_too() -> None:
    now = time.monotonic()
    late, fresh = chunks_of(SOUND, captured_at=now - 3.0), chunks_of(SOUND, captured_at=now + 60.0)
    nearly = [replace(late[2], captured_at=now - 0.7)]
    source = Paced([*late[:2], *nearly, *fresh[:2], Broken("x", "done")])
    recorder = Recorder()
    events = run([source], lambda: source.released_by(recorder), pace=Pace(2, calm=0.0))
    lags = [e.seconds for e in events if isinstance(e, Lagging)]
    assert len(lags) >= 2
    assert 3.0 <= lags[0] < 4.0
    assert 0.7 <= lags[-2] < 3.0  # told until they have caught up
    assert lags[-1] == 0.0
    assert recorder.hurried == [1, 0]
    assert [e.hurry for e in events if isinstance(e, EffortChanged)] == [1, 0]


def test_captions_that_stay_behind_become_simpler_once_more_and_no_sample_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.pace.PATIENCE", 0.0)
    source = Paced([*chunks_of(SOUND, captured_at=time.monotonic() - 3.0), Broken("x", "done")])
    recorder = Recorder()
    run([source], lambda: source.released_by(recorder))
    assert recorder.hurried == [1, 2]
    assert np.array_equal(recorder.sound, SOUND)


class Paced(PlayedSource):
    """Delivers a chunk once the stream has had the one before."""

    def __init__(self, events: list) -> None:
        super().__init__(events)
        self._taken = threading.Semaphore(0)

    def start(self, deliver: Callable) -> None:
        def slowly(event: object) -> None:
            deliver(event)
            if isinstance(event, AudioChunk):
                assert self._taken.acquire(timeout=5.0)

        super().start(slowly)

    def released_by(self, stream: Recorder) -> Recorder:
        """The stream, which from now on lets the next chunk come whenever it has had one."""
        hear = stream.hear

        def releasing(samples: np.ndarray) -> None:
            self._taken.release()
            hear(samples)

        stream.hear = releasing
        return stream


def test_an_engine_error_is_one_sentence_and_ends_the_session() -> None:
    def broken() -> CaptionStream:
        raise EngineError("The model is broken.")

    events = run([PlayedSource([Opened("x"), *chunks_of(SOUND)])], broken)
    assert [e for e in events if isinstance(e, Failed)] == [Failed("The model is broken.")]
    assert isinstance(events[-1], Stopped)


def test_a_source_that_cannot_open_stops_the_others() -> None:
    class Closed(PlayedSource):
        def start(self, deliver: Callable) -> None:
            raise SourceError("There is no microphone.")

    events: list[SessionEvent] = []
    session = CaptionSession([PlayedSource(file_like(SOUND)), Closed([])], Recorder, events.append)
    with pytest.raises(SourceError, match="no microphone"):
        session.start()
    assert isinstance(events[-1], Stopped)
