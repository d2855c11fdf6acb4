"""One source of a session, with the stream that captions it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from app.core.manner import Manner
from app.core.ports import AudioChunk, Source
from app.core.sound_clock import SoundClock
from engine.boosting.boost import Boost
from engine.recognizer import Steps
from engine.stability import Steadiness
from engine.text.pipeline import TextOptions
from engine.types import Samples, Update


class CaptionStream(Steps, Protocol):
    """What the application asks of `engine.recognizer.Stream`."""

    def hear(self, samples: Samples) -> None: ...

    def push(self, samples: Samples) -> list[Update]: ...

    def finish(self) -> list[Update]: ...

    def set_boost(self, boost: Boost | None) -> None: ...

    def set_text(self, text: TextOptions) -> None: ...

    def set_steadiness(self, steadiness: Steadiness) -> None: ...

    def hurry(self, hurried: int) -> None: ...


MakeStream = Callable[[], CaptionStream]


class Channel:
    """Belongs to the engine thread, but for `source`."""

    def __init__(self, source: Source, make: MakeStream) -> None:
        self.source = source
        self.device = source.name
        self.finished = False
        self.silent = 0.0
        """Seconds of digital zeros up to now."""
        self.level = 0.0
        """As it was told last, ..."""
        self.steady = 0
        """... and how many in a row have been the same."""
        self.clock = SoundClock()
        self.waiting: list[AudioChunk] = []
        self._make = make
        self._stream: CaptionStream | None = None

    def open(self) -> None:
        """Make the stream. Raises EngineError or AppError, as the model does while it loads."""
        self._stream = self._make()

    @property
    def stream(self) -> CaptionStream:
        """What captions this source now."""
        assert self._stream is not None, "a channel is opened first"
        return self._stream

    def hear(self, chunks: Sequence[AudioChunk]) -> None:
        """Take in sound, all at once, which is cheapest; the stream's next step captions it."""
        self.stream.hear(np.concatenate([chunk.samples for chunk in chunks]))

    def finish(self) -> Iterator[Update]:
        """Flush the stream so that the last word is shown; harmless when done before."""
        if self._stream is not None and not self.finished:
            self.finished = True
            yield from self._stream.finish()

    def set_boost(self, boost: Boost) -> None:
        self.stream.set_boost(boost)

    def set_manner(self, manner: Manner) -> None:
        self.stream.set_text(manner.text)
        self.stream.set_steadiness(manner.steadiness)
