"""Runs caption sessions for the window: starts and stops them, and keeps the text and the facts it shows.

Opening devices, flushing the last words and loading the model happen on other threads; every method here
belongs to the GUI thread and returns at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.captions.model import CaptionState
from app.captions.timeline import Timeline
from app.core.activity import Activity, Phase
from app.core.errors import AppError, SourceError
from app.core.events import Captioned, Lagging, Level, ListRefused, Placed, SessionEvent, Stopped, WordsRead
from app.core.ports import Source, SourceKind
from app.ui.bridge import SessionBridge
from app.ui.tasks import run_in_background
from engine.errors import EngineError

RETRY_MS = 3_000
"""Between two attempts to open a device that is not there."""
LAG_MS = 1_000
"""Captions that are behind fall behind by so much more, as long as the engine tells nothing new."""


class Session(Protocol):
    """What the window asks of `app.core.session.CaptionSession`."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


OpenSources = Callable[[str], Sequence[Source]]
MakeSession = Callable[[Sequence[Source], Callable[[SessionEvent], None]], Session]


class LiveCaptions(QObject):
    """Signals, all on the GUI thread:

    captions_changed(CaptionState): the text reads differently.
    activity_changed(Activity): a fact of the status line is another.
    level_arrived(SourceKind, float): loudness of the newest chunk.
    list_refused(str): why the user's list of words to hide cannot be used.
    words_refused(tuple[str, ...]): what is wrong with the list of words to know, a sentence each.
    rested(): a session that was told to stop has ended, its last words are in.
    """

    captions_changed = Signal(object)
    activity_changed = Signal(object)
    level_arrived = Signal(object, float)
    list_refused = Signal(str)
    words_refused = Signal(object)
    rested = Signal()

    def __init__(
        self, open_sources: OpenSources, make_session: MakeSession, source: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._open_sources = open_sources
        self._make_session = make_session
        self._bridge = SessionBridge(self)
        self._bridge.arrived.connect(self._on_arrived)
        self._session: Session | None = None
        self._again = False
        self._retry = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry.timeout.connect(self._try_again)
        self._lag = QTimer(self, interval=LAG_MS)
        self._lag.timeout.connect(self._fall_behind)
        self._trying = False
        """A device that was not there is being opened once more."""
        self._kinds: frozenset[SourceKind] = frozenset()
        self._wanted = False
        """The user wants captions, whether or not there are any."""
        self._ended = False
        """The session that was opened last has ended by itself."""
        self.source = source
        self._timeline = Timeline()
        self.captions = CaptionState()
        self.activity = Activity()

    @property
    def resting(self) -> bool:
        """Nothing is captured, nothing waits to be captioned, and no device is being opened."""
        return self.activity.phase is Phase.PAUSED and not self._trying

    def start(self) -> None:
        """Begin to caption the source; harmless while captions run."""
        self._retry.stop()
        self._wanted = True
        if self._trying and self.activity.phase is Phase.PAUSED:
            self._set_activity(self.activity.starting())
            return
        if not self.resting:
            self._again = self._again or self.activity.phase is Phase.FINISHING
            return
        self._set_activity(self.activity.starting())
        self._open()

    def stop(self) -> None:
        """Stop capturing, caption what was heard to its last word, then `rested`."""
        self._again = self._wanted = False
        self._retry.stop()
        self._set_activity(replace(self.activity, waiting=False))
        self._finish()

    def toggle(self) -> None:
        if self.activity.phase in (Phase.STARTING, Phase.LISTENING):
            self.stop()
        else:
            self.start()

    def set_source(self, source: str) -> None:
        """Caption something else from now on; starts if captions were paused."""
        self.source = source
        if self.resting:
            self.start()
        else:
            self.restart()

    def restart(self) -> None:
        """Begin a new session after the last words of this one; harmless while captions are paused."""
        if not self.resting:
            self._again = True
            self._finish()

    def clear(self) -> None:
        """What is said next begins a new line."""
        self._set_captions(self.captions.cleared())

    def set_model(self, name: str) -> None:
        """The model is loaded and has this name; empty: another one is being loaded."""
        self._set_activity(replace(self.activity, model=name))

    def set_failure(self, sentence: str) -> None:
        """Captions cannot go on."""
        self._set_activity(replace(self.activity, failure=sentence))

    @Slot()
    def _try_again(self) -> None:
        """Quietly: what is shown changes when the device is there, or fails for another reason."""
        self._trying = True
        self._open()

    def _open(self) -> None:
        source = self.source
        self._kinds, self._ended = frozenset(), False
        run_in_background(self, lambda: self._open_sources(source), self._on_opened, self._on_refused)

    def _on_opened(self, sources: Sequence[Source]) -> None:
        self._kinds = frozenset(source.kind for source in sources)
        if self.activity.phase is Phase.FINISHING:
            self._trying = False
            self._on_stopped(None)
            return
        named = len(self._kinds) > 1
        self._set_captions(self.captions.ended(named=named))
        self._timeline.restart()
        session = self._make_session(sources, self._bridge.post)
        run_in_background(self, session.start, lambda _: self._on_started(session), self._on_refused)

    def _on_started(self, session: Session) -> None:
        self._session = session
        failure = "" if self._trying else self.activity.failure
        self._trying = False
        if self.activity.phase is Phase.FINISHING:
            run_in_background(self, session.stop, self._on_stopped, self._on_refused)
        else:
            self._set_activity(replace(self.activity, phase=Phase.LISTENING, failure=failure, waiting=False))
            if self._ended:
                self._finish()

    def _on_refused(self, error: AppError | EngineError) -> None:
        self._session = None
        self._bridge.flush()
        self._trying = False
        waiting = self._wanted and isinstance(error, SourceError) and SourceKind.FILE not in self._kinds
        self._set_activity(replace(self.activity, phase=Phase.PAUSED, failure=str(error), waiting=waiting))
        if waiting:
            self._retry.start()
        self._rest()

    def _finish(self) -> None:
        if self.activity.phase not in (Phase.STARTING, Phase.LISTENING) and not self._trying:
            return
        self._set_activity(replace(self.activity, phase=Phase.FINISHING))
        if self._session is not None:
            run_in_background(self, self._session.stop, self._on_stopped, self._on_refused)

    def _on_stopped(self, _result: None) -> None:
        self._session = None
        self._bridge.flush()
        self._set_captions(self.captions.ended(named=self.captions.named))
        failure, over = self.activity.failure, self.activity.over
        self._set_activity(Activity(model=self.activity.model, failure=failure, over=over))
        self._rest()

    def _rest(self) -> None:
        if self._again:
            self._again = False
            self.start()
        else:
            self.rested.emit()

    @Slot(object)
    def _on_arrived(self, events: Sequence[SessionEvent]) -> None:
        captions, activity, ended = self.captions, self.activity, False
        for event in events:
            match event:
                case Captioned(source, update):
                    captions = captions.apply(source, update, partial(self._timeline.at, source))
                case Placed(source, since, at):
                    self._timeline.place(source, since, at)
                case Lagging(seconds):
                    self._lag.start() if seconds else self._lag.stop()
                case Level(source, level):
                    self.level_arrived.emit(source, level)
                case WordsRead(sentences) if sentences:
                    self.words_refused.emit(sentences)
                case ListRefused(reason):
                    self.list_refused.emit(reason)
                case Stopped():
                    self._lag.stop()
                    ended = True
            activity = activity.apply(event)
        self._set_captions(captions)
        if ended and activity.phase is Phase.LISTENING:
            activity = replace(activity, failure=activity.failure or next(iter(activity.gone.values()), ""))
        self._set_activity(activity)
        self._ended = self._ended or ended
        if ended and not self._trying:
            self._finish()

    @Slot()
    def _fall_behind(self) -> None:
        """The engine is in the middle of a long step, and what is shown gets older meanwhile."""
        self._set_activity(replace(self.activity, lag=self.activity.lag + LAG_MS / 1000))

    def _set_captions(self, captions: CaptionState) -> None:
        if captions != self.captions:
            self.captions = captions
            self.captions_changed.emit(captions)

    def _set_activity(self, activity: Activity) -> None:
        if activity != self.activity:
            self.activity = activity
            self.activity_changed.emit(activity)
