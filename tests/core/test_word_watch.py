"""The word list while captions run: when it is looked at, and what is said about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from app.core.events import Captioned, SessionEvent, WordsRead
from app.core.ports import Ended, Opened, SourceEvent, SourceKind
from app.core.session import CaptionSession
from app.core.vocabulary import parse
from app.core.word_file import WatchedList, write
from app.core.word_verdict import Standing, Verdict, verdicts
from app.core.word_watch import Words, WordWatch
from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.types import BoostPhrase, Final, Partial
from tests.helpers.scripted import ScriptedTrack, Spoken, chunks_of

PIECES = Pieces(["▁", *"abcdefghijklmnopqrstuvwxyz"])


def watch(path: Path) -> WordWatch:
    return WordWatch(WatchedList(path), lambda phrases: compile_boost(phrases, PIECES))


def test_the_list_is_given_once_for_each_change(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    watched = watch(path)
    first = watched.poll()
    assert first is not None and first.boost is not None and not first.boost
    assert watched.poll() is None
    path.write_text("Kubernetes\n")
    second = watched.poll()
    assert second is not None and second.boost
    assert watched.poll() is None


def test_every_line_and_entry_without_effect_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Kubernetes\nx | strength: lots\nkubernetes\n東京\n")
    found = watch(path).poll()
    assert found is not None
    line, twin, foreign = found.sentences
    assert line.startswith("Line 2 gives the strength")
    assert twin == '"kubernetes" is in the list already, as "Kubernetes".'
    assert foreign == '"東京" cannot be written by this model; give it a "sounds like" that can.'


def test_a_list_that_cannot_be_read_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    watched = watch(path)
    watched.poll()
    path.mkdir()
    found = watched.poll()
    assert found is not None and found.boost is None and "cannot be read" in found.sentences[0]


def test_a_long_list_is_compiled_while_captions_go_on(tmp_path: Path) -> None:
    path, compiled_on, may_go_on = tmp_path / "words.txt", list[str](), threading.Event()

    def compile_list(phrases: Sequence[BoostPhrase]) -> Boost:
        compiled_on.append(threading.current_thread().name)
        if len(compiled_on) > 1:
            assert may_go_on.wait(10)
        return compile_boost(phrases, PIECES)

    watched, names = WordWatch(WatchedList(path), compile_list), [f"name number {n}" for n in range(3_000)]
    write(path, parse("\n".join(names).encode()))
    first = watched.poll()
    assert first is not None and first.boost is not None
    assert compiled_on == [threading.current_thread().name], "captions begin with the list"
    write(path, parse("\n".join([*names, "kubernetes", "x | what"]).encode()))
    assert watched.poll() is None
    assert watched.poll() is None
    may_go_on.set()
    ready = wait_for(watched)
    assert ready.boost is not None and len(ready.boost.report.entries) == 3_001
    assert ready.sentences[0].startswith("Line 3002 says")
    assert compiled_on[1] != compiled_on[0]
    assert watched.poll() is None


def test_a_long_list_that_was_edited_while_it_was_compiled_is_compiled_again(tmp_path: Path) -> None:
    path, may_go_on = tmp_path / "words.txt", threading.Event()

    def compile_list(phrases: Sequence[BoostPhrase]) -> Boost:
        if len(phrases) > 3_000:
            assert may_go_on.wait(10)
        return compile_boost(phrases, PIECES)

    watched, names = WordWatch(WatchedList(path), compile_list), [f"name number {n}" for n in range(3_000)]
    watched.poll()
    write(path, parse("\n".join([*names, "kubernetes"]).encode()))
    assert watched.poll() is None
    write(path, parse("\n".join(names[:-1]).encode()))
    assert watched.poll() is None
    may_go_on.set()
    found = [wait_for(watched), wait_for(watched)]
    assert found[-1].boost is not None and len(found[-1].boost.report.entries) == 2_999


def wait_for(watched: WordWatch) -> Words:
    deadline = time.monotonic() + 10
    while (ready := watched.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)  # as the engine thread does between two chunks
    return ready


def judged(text: str) -> list[Verdict | None]:
    words = parse(text.encode())
    return verdicts(words, compile_boost(words.phrases, PIECES).report)


def test_each_line_is_judged_in_its_place() -> None:
    found = judged("# names\nkubernetes\nOld | off\nx | what\nKubernetes\n")
    assert [verdict and verdict.standing for verdict in found] == [
        None,
        Standing.WORKS,
        Standing.OFF,
        Standing.BROKEN,
        Standing.DEAD,
    ]
    assert judged("") == []


@pytest.mark.parametrize(
    ("text", "standing", "labels", "says"),
    [
        ("kubernetes", Standing.WORKS, "Works", ['"kubernetes" is listened for in one spelling.']),
        ("shaun | strength: avoid", Standing.WORKS, "Avoided", ['"shaun" is avoided in one spelling.']),
        ("kat", Standing.CARE, "Very short", ["is so short", "listened for"]),
        ("window", Standing.CARE, "Ordinary word", ["ordinary word", "listened for"]),
        ("nothing | strength: 0", Standing.DEAD, "No effect", ["strength 0"]),
        ("東京", Standing.DEAD, "Cannot be written", ["cannot be written by this model"]),
        ("caique | sounds like: 東京", Standing.CARE, "Partly unwritable", ['"東京" cannot', "listened for"]),
    ],
)
def test_what_became_of_an_entry_is_told_in_plain_words(
    text: str, standing: Standing, labels: str, says: list[str]
) -> None:
    (found,) = judged(text)
    assert found is not None and (found.standing, found.label) == (standing, labels)
    assert len(found.sentences) == len(says)
    assert all(part in sentence for part, sentence in zip(says, found.sentences, strict=True))


def test_a_spelling_that_another_entry_owns_is_told() -> None:
    *_, found = judged("Cooper Netties\nKubernetes | sounds like: cooper netties\n")
    assert found is not None and found.label == "Shares a spelling"
    assert found.sentences[0] == ('Some spellings of "Kubernetes" belong to "Cooper Netties", which stands further up.')


class Dictated:
    """A source that delivers what the test hands it."""

    kind = SourceKind.FILE
    name = "talk"

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.deliver = deliver

    def stop(self) -> None:
        pass


def test_a_running_session_takes_up_an_edited_list(tmp_path: Path) -> None:
    path, events = tmp_path / "words.txt", list[SessionEvent]()
    heard_is = threading.Event()

    def on_event(event: SessionEvent) -> None:
        events.append(event)
        if isinstance(event, Captioned) and isinstance(event.update, Partial) and "is" in event.update.text:
            heard_is.set()

    script = [Spoken("▁new", 0.2), Spoken("▁york", 0.5), Spoken("▁is", 0.8), Spoken("▁new", 1.4), Spoken("▁york", 1.6)]
    source = Dictated()
    session = CaptionSession([source], lambda: Stream(ScriptedTrack(script), EndpointRules()), on_event, watch(path))
    session.start()
    chunks = chunks_of(np.full(40 * 1_280, 0.1, np.float32))
    for event in (Opened("talk"), *chunks[:12]):
        source.deliver(event)
    assert heard_is.wait(10)
    write(path, parse(b"New York\n"))
    for event in (*chunks[12:], Ended()):
        source.deliver(event)
    assert session.wait(10)
    session.stop()
    said = [e.update.text for e in events if isinstance(e, Captioned) and isinstance(e.update, Final)]
    assert said == ["new york is New York"]
    assert [e for e in events if isinstance(e, WordsRead)] == [WordsRead(()), WordsRead(())]
