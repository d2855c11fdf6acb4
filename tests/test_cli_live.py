"""Captions in a terminal; pyte, a terminal emulator, says what a person would see."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from typing import TextIO

import numpy as np
import pyte
import pytest
from rich.console import Console

from app.commands.devices import table
from app.commands.live import caption
from app.commands.output import TerminalCaptions
from app.core.ports import AudioChunk, Broken, DeviceInfo, Lost, Opened, SourceEvent, SourceKind
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.types import Final, Partial, Word
from tests.helpers.scripted import PlayedSource, ScriptedTrack, Spoken, chunks_of, file_like

SECONDS = 16_000
MIC, SYSTEM = SourceKind.MICROPHONE, SourceKind.SYSTEM


def sound(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, int(seconds * SECONDS)).astype(np.float32)


def stream() -> Stream:
    script = [Spoken("▁Good", 0.5), Spoken("▁morning.", 0.9), Spoken("▁And", 3.0)]
    return Stream(ScriptedTrack(script, tail=[Spoken("▁on.", 3.4)]), EndpointRules())


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, float(i), i + 0.5, 0.9, i + 1.0) for i, word in enumerate(text.split()))


def partial(text: str, settled: int = 0, utterance: int = 0) -> Partial:
    return Partial(utterance, words(text), settled, 1.0)


def final(text: str, utterance: int = 0) -> Final:
    return Final(utterance, words(text), (), 0.0, 1.0, 2.0)


class Screen:
    """A terminal of 30 by 10 that shows what was written so far."""

    def __init__(self) -> None:
        self.file: TextIO = io.StringIO()
        self._screen = pyte.Screen(30, 10)
        self._stream = pyte.Stream(self._screen)
        self._screen.set_mode(pyte.modes.LNM)
        self.captions = TerminalCaptions({MIC: "Mic", SYSTEM: "System"}, self._console(), self._console())

    def _console(self) -> Console:
        return Console(file=self.file, force_terminal=True, width=30, height=10, legacy_windows=False)

    def lines(self) -> list[str]:
        self._stream.feed(self.file.getvalue())
        self.file.seek(0)
        self.file.truncate()
        return [line.rstrip() for line in self._screen.display if line.strip()]


def test_a_growing_utterance_is_drawn_in_place() -> None:
    screen = Screen()
    with screen.captions as captions:
        captions.show(MIC, partial("the boy"))
        assert screen.lines() == ["Mic: the boy"]
        captions.show(MIC, partial("the boys declared he saw no one", settled=2))
        assert screen.lines() == ["Mic: the boys declared he saw", "no one"]
        captions.show(MIC, final("The boys declared he saw none."))
        captions.show(MIC, partial("and", utterance=1))
        assert screen.lines() == ["Mic: The boys declared he saw", "none.", "Mic: and"]
    assert screen.lines()[:2] == ["Mic: The boys declared he saw", "none."]


def test_two_sources_keep_their_own_line() -> None:
    screen = Screen()
    with screen.captions as captions:
        captions.show(MIC, partial("hello"))
        captions.show(SYSTEM, partial("welcome"))
        captions.show(MIC, partial("hello there"))
        assert screen.lines() == ["Mic: hello there", "System: welcome"]
        captions.show(SYSTEM, final("Welcome back."))
        assert screen.lines() == ["System: Welcome back.", "Mic: hello there"]


def test_of_more_than_a_screenful_the_newest_words_are_seen() -> None:
    screen = Screen()
    with screen.captions as captions:
        for count in (5, 60, 61):
            captions.show(MIC, partial(" ".join(f"word{i:02}" for i in range(count))))
        lines = screen.lines()
        assert lines[-1].endswith("word60")
        assert len(lines) <= 10
        captions.show(MIC, final("Short."))
        assert screen.lines() == ["Mic: Short."]


def test_a_notice_does_not_disturb_what_is_being_said() -> None:
    screen = Screen()
    with screen.captions as captions:
        captions.show(MIC, partial("hello"))
        captions.notice("No sound for 5 s.")
        assert screen.lines() == ["No sound for 5 s.", "Mic: hello"]


def test_square_brackets_and_colons_are_text() -> None:
    screen = Screen()
    with screen.captions as captions:
        captions.show(MIC, final("[bold] :smile: 100%"))
    assert screen.lines() == ["Mic: [bold] :smile: 100%"]


def test_piped_captions_are_a_line_each_and_notices_go_beside(capsys: pytest.CaptureFixture[str]) -> None:
    assert caption([PlayedSource(file_like(sound(4.0), device="talk.wav"))], stream) == 0
    out, err = capsys.readouterr()
    assert out == "Good morning.\nAnd on.\n"
    assert err == "Listening to talk.wav.\n"


def test_what_is_not_piped_is_labelled_when_there_are_two_sources(capsys: pytest.CaptureFixture[str]) -> None:
    sources = [PlayedSource(file_like(sound(4.0)), MIC), PlayedSource(file_like(sound(4.0)), SYSTEM)]
    assert caption(sources, stream) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == ["Mic: And on.", "Mic: Good morning.", "System: And on.", "System: Good morning."]


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A shell starts background jobs with SIGINT ignored, and Python leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_shows_the_last_word_first(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Iterator[SourceEvent]:
        yield Opened("desk")
        yield from chunks_of(sound(3.2))
        os.kill(os.getpid(), number)

    source = PlayedSource(interrupted())
    assert caption([source], stream) == 0
    assert capsys.readouterr().out == "Good morning.\nAnd on.\n"


def test_captions_end_when_nobody_reads_them_any_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    endless = (event for event in (Opened("desk"), *chunks_of(sound(60.0))))
    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        caption([PlayedSource(endless)], stream)
    assert capsys.readouterr().err == "Listening to desk.\n"


def test_a_device_that_goes_away_is_told_and_one_that_breaks_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[SourceEvent] = [Lost("desk", "The microphone desk was unplugged."), Opened("desk")]
    assert caption([PlayedSource([*events, Broken("desk", "The sound server ended.")])], stream) == 1
    assert capsys.readouterr().err.splitlines() == [
        "The microphone desk was unplugged. Captions go on as soon as there is sound again.",
        "Listening to desk.",
        "The sound server ended.",
    ]


def test_five_seconds_of_zeros_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    silence: list[AudioChunk] = chunks_of(np.zeros(6 * SECONDS, np.float32))
    caption([PlayedSource([Opened("desk"), *silence, Broken("desk", "End.")], MIC)], stream)
    assert "No sound from desk for 5 s; is it muted?" in capsys.readouterr().err


def test_devices_are_listed_with_what_source_takes() -> None:
    devices = [
        DeviceInfo("alsa_input.usb", "Desk Microphone", MIC, True),
        DeviceInfo("alsa_output.hdmi-long", "Screen", SYSTEM, False),
    ]
    assert table(devices) == (
        "* input   alsa_input.usb         Desk Microphone\n  output  alsa_output.hdmi-long  Screen\n"
    )
