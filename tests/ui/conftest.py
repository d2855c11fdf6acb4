"""Parts of the window with scripted sessions behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.errors import SourceError
from app.core.events import Listening, SessionEvent, Stopped
from app.core.ports import DeviceInfo, Source, SourceKind
from app.core.settings import Settings, SettingsFile
from app.ui.caption_window import CaptionWindow
from app.ui.live_captions import LiveCaptions
from app.ui.settings_keeper import SettingsKeeper
from app.ui.theme import load_fonts

MIC, SYSTEM = SourceKind.MICROPHONE, SourceKind.SYSTEM
DEVICES = [
    DeviceInfo("usb", "USB Headset", MIC, False),
    DeviceInfo("speakers", "Speakers", SYSTEM, True),
]


@dataclass(frozen=True)
class FakeSource:
    kind: SourceKind
    name: str = "Fake"

    def start(self, deliver: object) -> None: ...

    def stop(self) -> None: ...


@dataclass
class FakeSession:
    """Says what the test tells it to, and its last words when it is stopped."""

    sources: Sequence[Source]
    on_event: Callable[[SessionEvent], None]
    last_words: list[SessionEvent] = field(default_factory=list)
    may_end: threading.Event = field(default_factory=threading.Event)
    stopped: int = 0

    def start(self) -> None:
        for source in self.sources:
            self.on_event(Listening(source.kind, f"Built-in {source.kind}"))

    def stop(self) -> None:
        assert self.may_end.wait(5)
        self.stopped += 1
        for event in [*self.last_words, Stopped()]:
            self.on_event(event)


class Stage:
    """Hands out sessions and remembers them."""

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []
        self.opened: list[str] = []
        self.refusal = ""
        self.patient = False
        """Sessions wait with ending until the test allows it."""

    @property
    def session(self) -> FakeSession:
        return self.sessions[-1]

    def open_sources(self, spec: str) -> list[FakeSource]:
        self.opened.append(spec)
        if self.refusal:
            raise SourceError(self.refusal)
        kinds = {"mic": [MIC], "system": [SYSTEM], "both": [MIC, SYSTEM]}
        return [FakeSource(kind) for kind in kinds.get(spec, [MIC])]

    def make_session(self, sources: Sequence[Source], on_event: Callable[[SessionEvent], None]) -> FakeSession:
        self.sessions.append(FakeSession(sources, on_event))
        if not self.patient:
            self.session.may_end.set()
        return self.session

    def end(self) -> None:
        for session in self.sessions:
            session.may_end.set()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.end()


@pytest.fixture
def live(qtbot: QtBot, stage: Stage) -> Iterator[LiveCaptions]:
    live = LiveCaptions(stage.open_sources, stage.make_session, "mic")
    yield live
    stage.end()
    live.stop()
    qtbot.waitUntil(lambda: live.resting)
    live.deleteLater()


@pytest.fixture
def settings_file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "settings.json")


@pytest.fixture
def make_window(qtbot: QtBot, live: LiveCaptions, settings_file: SettingsFile) -> Callable[[Settings], CaptionWindow]:
    load_fonts()

    def make(settings: Settings) -> CaptionWindow:
        keeper = SettingsKeeper(settings_file, settings, live)
        window = CaptionWindow(live, keeper, lambda show: show(DEVICES))
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    return make


@pytest.fixture
def window(make_window: Callable[[Settings], CaptionWindow]) -> CaptionWindow:
    return make_window(Settings(animate=False))
