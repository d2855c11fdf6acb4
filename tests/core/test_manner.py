"""How captions are written, changed while they run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from app.core import paths
from app.core.errors import WordListError
from app.core.events import Captioned, ListRefused, SessionEvent
from app.core.manner import Manner, MannerChoice, MannerWatch
from app.core.ports import Ended, Opened, SourceEvent, SourceKind
from app.core.session import CaptionSession
from app.core.settings import Settings
from app.core.text_choice import TextChoice, own_profanity_list
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.stability import Steadiness
from engine.text.profanity import Profanity, packaged_text
from engine.types import Final
from tests.helpers.scripted import ScriptedTrack, Spoken, chunks_of

HIDE = MannerChoice(TextChoice(profanity=Profanity.MASK))


def test_the_choice_stands_in_the_settings() -> None:
    assert MannerChoice.of(Settings()) == MannerChoice()
    chosen = Settings(numbers=True, profanity="drop", steadiness="steady")
    assert MannerChoice.of(chosen) == MannerChoice(TextChoice(True, Profanity.DROP), Steadiness.STEADY)


def test_a_manner_is_given_once_for_each_change() -> None:
    watch = MannerWatch(MannerChoice())
    assert isinstance(watch.poll(), Manner) and watch.poll() is None
    watch.choose(HIDE)
    found = watch.poll()
    assert found is not None and found.text.profanity is Profanity.MASK and watch.poll() is None


def test_the_users_list_of_words_to_hide_is_followed_while_it_is_edited() -> None:
    assert own_profanity_list().read_text() == packaged_text()
    watch = MannerWatch(HIDE)
    first = watch.poll()
    own_profanity_list().write_text("broccoli\n")
    second = watch.poll()
    assert first is not None and "broccoli" not in first.text.profane
    assert second is not None and "broccoli" in second.text.profane
    assert own_profanity_list().read_text() == "broccoli\n", "what is there is not written over"
    paths.profanity_file().unlink()
    paths.profanity_file().mkdir()
    with pytest.raises(WordListError, match="cannot be read"):
        watch.poll()
    assert watch.poll() is None, "said once"


class Dictated:
    """A source that delivers what the test hands it."""

    kind = SourceKind.FILE
    name = "talk"
    deliver: Callable[[SourceEvent], None]

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.deliver = deliver

    def stop(self) -> None:
        pass


def test_a_running_session_writes_the_next_utterance_as_was_chosen() -> None:
    events, first_ended = list[SessionEvent](), threading.Event()

    def on_event(event: SessionEvent) -> None:
        events.append(event)
        if isinstance(event, Captioned) and isinstance(event.update, Final):
            first_ended.set()

    script = [Spoken("▁twenty", 0.2), Spoken("▁one", 0.3), Spoken("▁twenty", 4.2), Spoken("▁two", 4.3)]
    source, watch = Dictated(), MannerWatch(MannerChoice())
    session = CaptionSession([source], lambda: Stream(ScriptedTrack(script), EndpointRules()), on_event, manner=watch)
    session.start()
    chunks = chunks_of(np.full(60 * 1_280, 0.1, np.float32))
    for event in (Opened("talk"), *chunks[:48]):
        source.deliver(event)
    assert first_ended.wait(10)
    paths.profanity_file().mkdir(parents=True)
    watch.choose(MannerChoice(TextChoice(profanity=Profanity.DROP)))
    source.deliver(chunks[48])
    watch.choose(MannerChoice(TextChoice(numbers=True), Steadiness.STEADY))
    for event in (*chunks[49:], Ended()):
        source.deliver(event)
    assert session.wait(10)
    session.stop()
    said = [e.update.text for e in events if isinstance(e, Captioned) and isinstance(e.update, Final)]
    assert said == ["twenty one", "22"]
    assert all("cannot be read" in e.reason for e in events if isinstance(e, ListRefused))
