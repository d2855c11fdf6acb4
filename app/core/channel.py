"""One source of a session with the stream that captions it, and the change from one model's stream to another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from app.core.events import Effort
from app.core.manner import Manner
from app.core.ports import AudioChunk, Source
from engine.boosting.boost import Boost
from engine.recognizer import Steps
from engine.stability import Steadiness
from engine.text.pipeline import TextOptions
from engine.types import Partial, Samples, Update


class CaptionStream(Steps, Protocol):
    """What the application asks of `engine.recognizer.Stream`."""

    def hear(self, samples: Samples) -> None: ...

    def push(self, samples: Samples) -> list[Update]: ...

    def finish(self) -> list[Update]: ...

    def set_boost(self, boost: Boost | None) -> None: ...

    def set_text(self, text: TextOptions) -> None: ...

    def set_steadiness(self, steadiness: Steadiness) -> None: ...

    def hurry(self, hurried: bool) -> None: ...


MakeStream = Callable[[], CaptionStream]


class Channel:
    """Belongs to the engine thread, but for `source`."""

    def __init__(self, source: Source, make: MakeStream, make_lighter: MakeStream | None) -> None:
        self.source = source
        self.device = source.name
        self.finished = False
        self.silent = 0.0
        """Seconds of digital zeros up to now."""
        self.level = 0.0
        """As it was told last, ..."""
        self.steady = 0
        """... and how many in a row have been the same."""
        self.waiting: list[AudioChunk] = []
        self._later: list[Samples] = []
        """Heard by nobody yet."""
        self._make = {False: make, True: make_lighter or make}
        self._stream: CaptionStream | None = None
        self._lighter = False
        self._effort = Effort()
        self._boost: Boost | None = None
        self._manner: Manner | None = None
        self._speaking = False

    def open(self) -> None:
        """Make the stream. Raises EngineError or AppError, as the model does while it loads."""
        self._stream = self._make[False]()

    @property
    def stream(self) -> CaptionStream:
        """What captions this source now."""
        assert self._stream is not None, "a channel is opened first"
        return self._stream

    def hear(self, chunks: Sequence[AudioChunk]) -> None:
        """Take in sound; the first part of it is for the stream's next step."""
        first, *self._later = self._parts([chunk.samples for chunk in chunks])
        self.stream.hear(first)

    def captions(self, updates: Iterable[Update]) -> Iterator[Update]:
        """What came of the stream's step, and of the sound that is left.

        Another model takes over where nobody is in the middle of an utterance.
        """
        while True:
            for update in updates:
                self._speaking = isinstance(update, Partial) and bool(update.words)
                yield update
            # Where nobody pauses for long, captions would fall behind without end.
            if self._lighter != self._effort.lighter and (not self._speaking or self._effort.hurried):
                yield from self._change_model()
            if not self._later:
                return
            self.stream.hear(self._later.pop(0))
            updates = self.stream.step()

    def finish(self) -> Iterator[Update]:
        """Flush the stream so that the last word is shown; harmless when done before."""
        if self._stream is not None and not self.finished:
            self.finished = True
            yield from self._stream.finish()

    def set_boost(self, boost: Boost) -> None:
        self._boost = boost
        if self._stream is not None:
            self._stream.set_boost(boost)

    def set_manner(self, manner: Manner) -> None:
        self._manner = manner
        if self._stream is not None:
            self._stream.set_text(manner.text)
            self._stream.set_steadiness(manner.steadiness)

    def set_effort(self, effort: Effort) -> None:
        self._effort = effort
        if self._stream is not None:
            self._stream.hurry(effort.hurried)

    def _parts(self, samples: list[Samples]) -> list[Samples]:
        """All at once, which is cheapest, unless a good moment for another model has to be found."""
        if len(samples) == 1 or self._lighter != self._effort.lighter:
            return samples
        return [np.concatenate(samples)]

    def _change_model(self) -> Iterator[Update]:
        """The stream of one model is flushed and another's begins; its times and utterances count from 0 again."""
        if self._stream is not None:
            yield from self._stream.finish()
        self._lighter = self._effort.lighter
        self._stream = self._make[self._lighter]()
        self._stream.set_boost(self._boost)
        if self._manner is not None:
            self.set_manner(self._manner)
        self._stream.hurry(self._effort.hurried)
        self._speaking = False
