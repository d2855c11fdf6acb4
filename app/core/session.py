"""A caption session: owns the engine thread and its queue, from captured chunks to events.

    source threads --put--> queue --get--> engine thread --on_event--> whoever shows captions

Nothing that was heard is dropped: the queue is bounded by memory (ten minutes of sound), not by impatience.
When the engine falls behind, a turn takes all chunks that wait, sources share runs of the model, `Lagging` says by
how many seconds, and captions become simpler until the machine has recovered: the model does less work, in two steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, Queue

from app.core.channel import Channel, MakeStream
from app.core.errors import AppError
from app.core.events import (
    Captioned,
    DeviceLost,
    EffortChanged,
    Failed,
    Lagging,
    Level,
    Listening,
    ListRefused,
    NoSound,
    Placed,
    SessionEvent,
    SoundBack,
    SoundLost,
    SourceFinished,
    Stopped,
    WordsRead,
)
from app.core.manner import MannerWatch
from app.core.pace import LAG_SECONDS, Pace
from app.core.ports import CHUNK_SAMPLES, AudioChunk, Broken, Ended, Lost, Opened, Source, SourceEvent
from app.core.word_watch import WordWatch
from engine.decoding.guidance import HURRIES
from engine.errors import EngineError
from engine.recognizer import Recognizer
from engine.types import SAMPLE_RATE

QUEUE_SECONDS = 600
"""Sound that may wait for the engine, over all sources; beyond it the oldest source thread waits."""

HUSHED = 0.001
"""A level below this (-60 dB) is as good as none."""
STEADY = 2.0
"""A level that is at most so many times the last one, and at least a part of that (6 dB), is the same, ..."""
STEADY_LEVELS = 12
"""... and not told any more after so many in a row: nobody needs to wake up for a room in which nothing happens."""

TURN_CHUNKS = 125
"""Of a backlog, so much is taken at once, ten seconds: enough to fill runs, and captions come all the while."""

NO_SOUND_SECONDS = 5.0
"""Digital zeros for so long are told to the user."""


class CaptionSession:
    """Captions from one or several sources through streams of one loaded model.

    `make_stream` is called once a source on the engine thread, so a model may still be loading when the
    session starts: sound queues meanwhile and nothing of it is lost. `on_event` is called on the engine
    thread only and must be quick. `words` and `manner` are looked at between steps, on the engine thread too.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        make_stream: MakeStream,
        on_event: Callable[[SessionEvent], None],
        words: WordWatch | None = None,
        manner: MannerWatch | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._channels = [Channel(source, make_stream) for source in sources]
        self._pace = pace or Pace(HURRIES + 1)
        self._on_event = on_event
        self._words = words
        self._manner = manner
        self._queue: Queue[tuple[Channel, SourceEvent] | None] = Queue(QUEUE_SECONDS * SAMPLE_RATE // CHUNK_SAMPLES)
        self._thread = threading.Thread(target=self._run, name="caption-engine", daemon=True)
        self._lagging = False
        self._started = False
        self._failed = False

    def start(self) -> None:
        """Start the engine thread and every source.

        Raises SourceError when a source cannot be opened; the others are stopped again.
        """
        self._started = True
        self._thread.start()
        try:
            for channel in self._channels:
                channel.source.start(partial(self._deliver, channel))
        except AppError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the sources, caption what was heard to its last word, and wait for `Stopped`."""
        for channel in self._channels:
            channel.source.stop()
        if self._started and self._thread.is_alive():
            self._queue.put(None)
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every source has ended and all is captioned; True when that is so."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _deliver(self, channel: Channel, event: SourceEvent) -> None:
        """Called on a source's thread; waits only when ten minutes of sound are waiting already."""
        if not self._failed:
            self._queue.put((channel, event))

    def _run(self) -> None:
        reason = "The caption engine stopped because of an error in the program; the log has the details."
        try:
            for channel in self._channels:
                channel.open()
            self._follow()
            self._caption()
            for channel in self._channels:
                self._finish(channel)
            reason = ""
        except (EngineError, AppError) as error:
            reason = str(error)
        finally:  # anything unexpected goes on to threading.excepthook, which logs it
            if reason:
                self._fail(reason)
            self._on_event(Stopped())

    def _caption(self) -> None:
        """Take what waits, in order, until the sentinel or the end of every source."""
        while not all(channel.finished for channel in self._channels):
            batch, more = self._take()
            self._follow()
            for channel, event in batch:
                if isinstance(event, AudioChunk):
                    channel.waiting.append(event)
                else:
                    self._push([channel])
                    self._tell(channel, event)
            self._push(self._channels)
            if not more:
                return

    def _follow(self) -> None:
        self._follow_words()
        try:
            manner = self._manner.poll() if self._manner else None
        except AppError as error:
            self._on_event(ListRefused(str(error)))
            return
        if manner is not None:
            for channel in self._channels:
                channel.set_manner(manner)

    def _follow_words(self) -> None:
        """Give the streams the word list when it is new or was edited."""
        words = self._words.poll() if self._words else None
        if words is None:
            return
        if words.boost is not None:
            for channel in self._channels:
                channel.set_boost(words.boost)
        self._on_event(WordsRead(words.sentences))

    def _take(self) -> tuple[list[tuple[Channel, SourceEvent]], bool]:
        """Wait for one item, then take all that are there; False when the sentinel was among them."""
        item = self._queue.get()
        batch: list[tuple[Channel, SourceEvent]] = []
        while item is not None:
            batch.append(item)
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _push(self, channels: Sequence[Channel]) -> None:
        """Caption what waits. Streams of one model share its runs; none waits until another has sound for one."""
        while waiting := [channel for channel in channels if channel.waiting]:
            heard = [(channel, self._hear(channel)) for channel in waiting]
            steps = Recognizer.step([channel.stream for channel in waiting])
            for (channel, newest), updates in zip(heard, steps, strict=True):
                for update in updates:
                    self._on_event(Captioned(channel.source.kind, update))
                self._watch_lag(newest)

    def _hear(self, channel: Channel) -> AudioChunk:
        """Give a stream what waits for it, at most a turn's worth; returns the newest chunk of that."""
        chunks, channel.waiting = channel.waiting[:TURN_CHUNKS], channel.waiting[TURN_CHUNKS:]
        if any(chunk.overflowed for chunk in chunks):
            self._on_event(SoundLost(channel.source.kind, channel.device))
        for chunk in chunks:
            for since, at in channel.clock.hear(chunk):
                self._on_event(Placed(channel.source.kind, since, at))
        self._watch_level(channel, chunks)
        channel.hear(chunks)
        return chunks[-1]

    def _watch_level(self, channel: Channel, chunks: Sequence[AudioChunk]) -> None:
        kind = channel.source.kind
        level, told = chunks[-1].level, max(channel.level, HUSHED)
        channel.steady = channel.steady + 1 if told / STEADY <= max(level, HUSHED) <= told * STEADY else 0
        if channel.steady <= STEADY_LEVELS:
            channel.level = level
            self._on_event(Level(kind, level))
        for chunk in chunks:
            before = channel.silent
            channel.silent = 0.0 if chunk.level > 0.0 else before + len(chunk.samples) / SAMPLE_RATE
            if channel.silent >= NO_SOUND_SECONDS > before:
                self._on_event(NoSound(kind, channel.device, NO_SOUND_SECONDS))
            elif before >= NO_SOUND_SECONDS and channel.silent == 0.0:
                self._on_event(SoundBack(kind))

    def _watch_lag(self, newest: AudioChunk) -> None:
        now = time.monotonic()
        behind = now - newest.captured_at
        before, self._lagging = self._lagging, behind >= (LAG_SECONDS / 2 if self._lagging else LAG_SECONDS)
        if self._lagging:
            self._on_event(Lagging(behind))
        elif before:
            self._on_event(Lagging(0.0))
        if self._pace.observe(now, behind):
            for each in self._channels:
                each.stream.hurry(self._pace.step)
            self._on_event(EffortChanged(self._pace.step))

    def _tell(self, channel: Channel, event: Opened | Lost | Ended | Broken) -> None:
        kind = channel.source.kind
        match event:
            case Opened(device):
                channel.device, channel.silent = device, 0.0
                channel.clock.interrupt()
                self._on_event(Listening(kind, device))
            case Lost(device, reason):
                self._on_event(DeviceLost(kind, device, reason))
            case Ended():
                self._finish(channel)
                self._on_event(SourceFinished(kind))
            case Broken(_, reason):
                self._finish(channel)
                self._on_event(SourceFinished(kind, reason))

    def _finish(self, channel: Channel) -> None:
        for update in channel.finish():
            self._on_event(Captioned(channel.source.kind, update))

    def _fail(self, reason: str) -> None:
        """Tell why, and let no source thread hang on a full queue."""
        self._failed = True
        while not self._queue.empty():
            self._queue.get_nowait()
        for channel in self._channels:
            channel.source.stop()
        self._on_event(Failed(reason))
