"""The word list while captions run: when it is looked at, and what is said about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.core.events import Captioned, SessionEvent, WordsRead
from app.core.ports import Ended, Opened, SourceEvent, SourceKind
from app.core.session import CaptionSession
from app.core.vocabulary import WatchedList, parse
from app.core.word_watch import LOOK_AGAIN, WordWatch, why_risky
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.types import Final, Partial
from tests.helpers.scripted import ScriptedTrack, Spoken, chunks_of

PIECES = Pieces(["▁", *"abcdefghijklmnopqrstuvwxyz"])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(path: Path, clock: Clock) -> WordWatch:
    return WordWatch(WatchedList(path), lambda phrases: compile_boost(phrases, PIECES), clock)


def test_the_file_is_looked_at_once_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "words.txt", Clock()
    watched = watch(path, clock)
    first = watched.poll()
    assert first is not None and first.boost is not None and not first.boost
    path.write_text("Kubernetes\n")
    assert watched.poll() is None
    clock.now += LOOK_AGAIN
    second = watched.poll()
    assert second is not None and second.boost
    clock.now += LOOK_AGAIN
    assert watched.poll() is None


def test_every_line_and_entry_without_effect_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Kubernetes\nx | strength: lots\nkubernetes\n東京\n")
    found = watch(path, Clock()).poll()
    assert found is not None
    line, twin, foreign = found.sentences
    assert line.startswith("Line 2 gives the strength")
    assert twin == '"kubernetes" is in the list already, as "Kubernetes".'
    assert foreign == '"東京" cannot be written by this model; give it a "sounds like" that can.'


def test_a_list_that_cannot_be_read_leaves_the_old_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "words.txt", Clock()
    watched = watch(path, clock)
    watched.poll()
    path.mkdir()
    clock.now += LOOK_AGAIN
    found = watched.poll()
    assert found is not None and found.boost is None and "cannot be read" in found.sentences[0]


def test_risks_are_told_in_plain_words() -> None:
    boost = compile_boost(parse(b"cat\nkubernetes\n").phrases, PIECES)
    short, fine = (why_risky(entry) for entry in boost.report.entries)
    assert len(short) == 2 and all(sentence.startswith('"cat" is ') for sentence in short)
    assert fine == ()


class Dictated:
    """A source that delivers what the test hands it."""

    kind = SourceKind.FILE
    name = "talk"

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.deliver = deliver

    def stop(self) -> None:
        pass


def test_a_running_session_takes_up_an_edited_list(tmp_path: Path) -> None:
    path, clock, events = tmp_path / "words.txt", Clock(), list[SessionEvent]()
    heard_is = threading.Event()

    def on_event(event: SessionEvent) -> None:
        events.append(event)
        if isinstance(event, Captioned) and isinstance(event.update, Partial) and "is" in event.update.text:
            heard_is.set()

    script = [Spoken("▁new", 0.2), Spoken("▁york", 0.5), Spoken("▁is", 0.8), Spoken("▁new", 1.4), Spoken("▁york", 1.6)]
    source = Dictated()
    session = CaptionSession(
        [source], lambda: Stream(ScriptedTrack(script), EndpointRules()), on_event, watch(path, clock)
    )
    session.start()
    chunks = chunks_of(np.full(40 * 1_280, 0.1, np.float32))
    for event in (Opened("talk"), *chunks[:12]):
        source.deliver(event)
    assert heard_is.wait(10)
    path.write_text("New York\n")
    clock.now += LOOK_AGAIN
    for event in (*chunks[12:], Ended()):
        source.deliver(event)
    assert session.wait(10)
    session.stop()
    said = [e.update.text for e in events if isinstance(e, Captioned) and isinstance(e.update, Final)]
    assert said == ["new york is New York"]
    assert [e for e in events if isinstance(e, WordsRead)] == [WordsRead(()), WordsRead(())]
