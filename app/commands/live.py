"""`caique live`, and `caique demo` in a terminal: a caption session drawn by `TerminalCaptions`."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

from rich.console import Console

from app.audio.sources import open_sources
from app.commands.output import TerminalCaptions
from app.core import models, paths
from app.core.channel import MakeStream
from app.core.events import (
    Captioned,
    DeviceLost,
    EffortChanged,
    Failed,
    Lagging,
    Listening,
    NoSound,
    SessionEvent,
    SoundBack,
    SoundLost,
    SourceFinished,
    Stopped,
    WordsRead,
)
from app.core.guide import Guide
from app.core.ports import Source, SourceKind
from app.core.session import CaptionSession
from app.core.text_choice import TextChoice
from app.core.word_file import WatchedList
from app.core.word_watch import WordWatch

LABELS = {SourceKind.MICROPHONE: "Mic", SourceKind.SYSTEM: "System", SourceKind.FILE: "File"}

_LOOK_AGAIN = 0.2
"""Seconds between two looks whether the session is over; a wait without end would not see Ctrl-C on Windows."""


def run(
    source: str, folder: Path | None, decoder: str | None, latency: int | None, guide: Guide, text: TextChoice
) -> int:
    """Caption a live source until it ends or the user stops it; 1 when it could not go on.

    The word list is followed while captions run: the one of `guide`, or the user's own.
    """
    sources = open_sources(source)
    recognizer = models.load(folder, decoder, latency, text)
    models.prepare(recognizer)
    guidance = guide.guidance()
    words = WordWatch(WatchedList(guide.words or paths.words_file()), recognizer.compile)
    return caption(sources, lambda: recognizer.stream(guidance), words)


def caption(sources: Sequence[Source], make_stream: MakeStream, words: WordWatch | None = None) -> int:
    """Draw captions of `sources`. Ctrl-C and SIGTERM finish the last words first and are a success."""
    labels = LABELS if len(sources) > 1 else {}
    with TerminalCaptions(labels, Console(), Console(stderr=True)) as screen:
        reporter = _Reporter(screen)
        session = CaptionSession(sources, make_stream, reporter.on_event, words)
        with _terminate_like_interrupt():
            try:
                session.start()
                # Not session.wait: a join that Ctrl-C interrupts takes the thread for ended (Python before 3.13).
                while not reporter.stopped.wait(_LOOK_AGAIN):
                    pass
            except KeyboardInterrupt:
                pass
            session.stop()
    if reporter.unread:
        raise BrokenPipeError
    return 1 if reporter.failed else 0


class _Reporter:
    """Turns the session's facts into captions and sentences. Called on the engine thread."""

    def __init__(self, screen: TerminalCaptions) -> None:
        self._screen = screen
        self._lagging = False
        self._told_lost: set[str] = set()
        self.failed = False
        self.unread = False
        """Nobody reads standard output any more."""
        self.stopped = Event()

    def on_event(self, event: SessionEvent) -> None:
        if isinstance(event, Captioned):
            self._show(event)
            return
        sentence = self._sentence(event)
        if sentence:
            self._screen.notice(sentence)

    def _show(self, event: Captioned) -> None:
        try:
            self._screen.show(event.source, event.update)
        except BrokenPipeError:
            self.unread = True
            self.stopped.set()

    def _sentence(self, event: SessionEvent) -> str:
        """What to tell the user; empty for nothing."""
        match event:
            case Listening(_, device):
                return f"Listening to {device}."
            case NoSound(SourceKind.SYSTEM, device, seconds):
                return f"Nothing has played on {device} for {seconds:.0f} s."
            case NoSound(_, device, seconds):
                return f"No sound from {device} for {seconds:.0f} s; is it muted?"
            case SoundBack():
                return "There is sound again."
            case DeviceLost(_, _, reason):
                return f"{reason} Captions go on as soon as there is sound again."
            case SourceFinished(_, reason):
                self.failed |= bool(reason)
                return reason
            case Failed(reason):
                self.failed = True
                return reason
            case SoundLost(_, device) if device not in self._told_lost:
                self._told_lost.add(device)
                return f"{device} lost some sound before it reached Caique."
            case Lagging(seconds):
                was, self._lagging = self._lagging, seconds > 0
                if was == self._lagging:
                    return ""
                return f"Captions are {seconds:.0f} s behind." if seconds else "Captions have caught up."
            case EffortChanged(hurry):
                if hurry:
                    return "This computer is busy: captions are simpler until it has recovered."
                return "Captions are made the full way again."
            case WordsRead(sentences):
                return f"Words to know: {' '.join(sentences)}" if sentences else ""
            case Stopped():
                self.stopped.set()
        return ""


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM, as `timeout` sends it, ends captions as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
