"""The list of words edited in the window while a stream runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.captions.plain_text import whole_text
from app.core import models, paths
from app.core.ports import Ended, Opened, SourceEvent, SourceKind
from app.ui.words.window import WordsWindow
from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from tests.helpers.scripted import ScriptedTrack, Spoken, chunks_of
from tests.ui.test_bootstrap import ScriptedRecognizer

HEARD = 12
"""Chunks of 80 ms before the list is edited; the second "new york" comes in the very next one."""
SCRIPT = [
    *(Spoken("▁new", 0.2), Spoken("▁york", 0.5), Spoken("▁is", 0.8)),
    *(Spoken("▁new", 1.0), Spoken("▁york", 1.04), Spoken("▁now", 1.1)),
]


class Dictated:
    """A source that delivers what the test hands it."""

    kind = SourceKind.MICROPHONE
    name = "talk"
    deliver: Callable[[SourceEvent], None]

    def start(self, deliver: Callable[[SourceEvent], None]) -> None:
        self.deliver = deliver
        for event in (Opened("talk"), *CHUNKS[:HEARD]):
            deliver(event)

    def stop(self) -> None:
        pass


class Recognizer(ScriptedRecognizer):
    def stream(self, guidance: Guidance | None = None) -> Stream:
        return Stream(ScriptedTrack(SCRIPT), EndpointRules())


CHUNKS = chunks_of(np.full(40 * 1_280, 0.1, np.float32))


@pytest.fixture
def source() -> Dictated:
    return Dictated()


@pytest.fixture
def program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, source: Dictated) -> Iterator[bootstrap.Program]:
    monkeypatch.setattr(models, "load", lambda *_: Recognizer())
    monkeypatch.setattr(bootstrap, "open_sources", lambda _: [source])
    program = bootstrap.Program("mic")
    program.window.show()
    yield program
    end(qtbot, program)
    program.window.deleteLater()


def end(qtbot: QtBot, program: bootstrap.Program) -> None:
    if program.window.isVisible():
        with qtbot.waitSignal(program.window.closed):
            program.window.close()
        program.end()


def said(program: bootstrap.Program) -> str:
    return whole_text(program.live.captions, str)


def open_words(qtbot: QtBot, program: bootstrap.Program) -> WordsWindow:
    program.window.actions_.words.trigger()
    assert program.words is not None
    qtbot.waitUntil(lambda: program.words is not None and program.words.sync.saved)
    return program.words


def test_a_word_added_in_the_window_counts_from_the_next_chunk_on(
    qtbot: QtBot, program: bootstrap.Program, source: Dictated
) -> None:
    program.start()
    qtbot.waitUntil(lambda: "is" in said(program))
    words = open_words(qtbot, program)
    qtbot.keyClicks(words.word, "New York")
    qtbot.keyClick(words.word, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: paths.words_file().exists() and words.sync.saved)
    source.deliver(CHUNKS[HEARD])
    source.deliver(CHUNKS[HEARD + 1])
    qtbot.waitUntil(lambda: said(program) == "new york is New York now\n")
    source.deliver(Ended())
    qtbot.waitUntil(lambda: program.live.resting)
    assert said(program) == "new york is New York now\n"


def test_a_correction_counts_from_the_next_chunk_on_and_is_in_the_open_list(
    qtbot: QtBot, program: bootstrap.Program, source: Dictated
) -> None:
    program.start()
    qtbot.waitUntil(lambda: "is" in said(program))
    program.window.actions_.read.trigger()
    reading = program.window.reading.window
    assert reading is not None and program.window.actions_.words in reading.actions()
    words = open_words(qtbot, program)
    reading.corrected.emit("new york", "Newark")
    qtbot.waitUntil(lambda: "Newark" in program.window.strip.status.line.text)
    qtbot.waitUntil(lambda: [line.text for line in words.table.lines] == ["Newark | sounds like: new york"])
    source.deliver(CHUNKS[HEARD])
    source.deliver(CHUNKS[HEARD + 1])
    qtbot.waitUntil(lambda: said(program) == "new york is Newark now\n")
    source.deliver(Ended())
    qtbot.waitUntil(lambda: program.live.resting)


def test_the_window_tells_what_became_of_a_word_and_captions_keep_quiet(
    qtbot: QtBot, program: bootstrap.Program
) -> None:
    program.start()
    qtbot.waitUntil(lambda: "is" in said(program))
    words = open_words(qtbot, program)
    before = program.window.strip.status.line.text
    words.word.insert("東京")
    qtbot.keyClick(words.word, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "cannot be written by this model" in words.about.text())
    assert program.window.strip.status.line.text == before


def test_what_could_not_be_saved_is_saved_in_the_end(qtbot: QtBot, program: bootstrap.Program) -> None:
    program.start()
    words = open_words(qtbot, program)
    folder = paths.words_file().parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()  # a file where the folder should be
    qtbot.keyClicks(words.word, "Caique")
    qtbot.keyClick(words.word, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "cannot be saved" in words.status.text())
    words.close()
    folder.unlink()
    end(qtbot, program)
    assert paths.words_file().read_text() == "Caique\n"
