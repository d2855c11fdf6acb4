"""The track of frame-synchronous models (CTC, RNN-T, TDT): features, encoder, decoder, tokens.

What the decoder has settled stays; a beam search has a tail that may still change. An endpoint only cuts the list
of tokens: features, encoder caches, predictor and last label go on, and nothing around the cut is lost or swallowed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from engine.alternatives import Choice, choice, dropped
from engine.cache_aware import CacheAwareStream, GridName
from engine.decoding.guidance import Guidance, make_decoder
from engine.decoding.hypothesis import Decoder, Detour, Emission
from engine.encoder import EncoderStream, encoder_stream
from engine.lull import Lull
from engine.models.buffering import DEFAULT_CONTEXT, BufferContext
from engine.models.parts import FrameBundle
from engine.stability import STABILITY
from engine.track import Hypothesis, Track
from engine.types import SAMPLE_RATE, Frames, Samples, Token
from engine.vad import Voice

_LATE = 0.32
"""Seconds of audio after which a token that was foreseen is given up: real silence is no digital one, and moves it."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of sound that is heard and not decoded."""

    samples: int
    steps: int
    """Of the encoder, which it completes."""
    speech_stopped: bool


class FrameTrack(Track):
    """One stream through a frame-synchronous model; an `engine.track.Track`."""

    def __init__(
        self,
        bundle: FrameBundle,
        decoder: str | None = None,
        grid: GridName = "aligned16",
        context: BufferContext = DEFAULT_CONTEXT,
        guidance: Guidance | None = None,
        voice: Voice | None = None,
    ) -> None:
        """
        Args:
            decoder: "ctc" or "transducer"; None takes the model's default.
            grid: where cache-aware encoders place their first window.
            context: the window of encoders without caches.
            guidance: boost list and language model, and how widely to search.
            voice: judges this stream's sound and no other's; with it, last words are foreseen when speech stops.

        Raises:
            UnsupportedDecoder: the model does not have it.
        """
        self._bundle = bundle
        self._head = decoder or bundle.info.decoders[0]
        self._pieces = bundle.vocabulary.pieces
        self._features = bundle.encoder.features()
        self._encoder: EncoderStream = encoder_stream(bundle, grid, context)
        guidance = guidance or Guidance()
        self._decoder: Decoder = make_decoder(bundle, self._head, guidance)
        self._guidance = guidance
        self._state: Any = self._decoder.start()
        self._tokens: tuple[Token, ...] = ()
        self._tail: tuple[Token, ...] = ()
        self._lull = Lull(voice) if voice else None
        self._stopped = False
        """Speech has stopped, and nobody has looked ahead since."""
        self._foreseen: tuple[Token, ...] = ()
        self._choices: list[Choice] = []
        self._frames = 0
        self._undecoded: deque[_Piece] = deque()
        self._heard = 0

    @property
    def hypothesis(self) -> Hypothesis:
        decoded = self._time(self._frames - 1) if self._frames else 0.0
        shown = self._tail[: STABILITY[self._guidance.steadiness].tail]
        for hidden in self._tail[len(shown) :][:1]:
            decoded = min(decoded, hidden.time)
        return Hypothesis((*self._tokens, *shown), len(self._tokens), decoded, tuple(self._choices))

    @property
    def foreseen(self) -> tuple[Token, ...]:
        return self._foreseen

    @property
    def encoder(self) -> CacheAwareStream | None:
        return self._encoder if isinstance(self._encoder, CacheAwareStream) else None

    def hear(self, samples: Samples) -> None:
        """Take in a piece of sound, of any length.

        Raises:
            BadSamples: not one channel of floating-point samples.
        """
        steps = self._encoder.hear(self._features.push(samples))
        stopped = self._lull is not None and self._lull.hear(samples)
        self._undecoded.append(_Piece(len(samples), steps, stopped))

    def advance(self) -> bool:
        """Decode the oldest piece that is not decoded; True when encoder frames came out of it."""
        piece = self._undecoded.popleft()
        self._heard += piece.samples
        moved = self._decode(self._encoder.take(piece.steps))
        self._stopped = self._stopped or piece.speech_stopped
        if self._stopped and not self._undecoded:
            self._look_ahead()
            self._stopped = False
        return moved

    def finish(self) -> None:
        """Decode what is left, with enough silence behind it that the last word comes out."""
        self._decode(self._encoder.finish(self._features))
        self._settle()

    def guide(self, guidance: Guidance) -> None:
        """From the next step on, search with other lists, models or width. What is heard so far is settled."""
        plain = self._settle()
        self._decoder = make_decoder(self._bundle, self._head, guidance)
        self._guidance = guidance
        self._state = self._decoder.resume(plain, [token.id for token in self._tokens])

    def drop(self, tokens: int) -> None:
        """Forget the first `tokens` tokens; the decoder goes on as if nothing had happened."""
        self._tokens = self._tokens[tokens:]
        self._choices = dropped(self._choices, tokens)

    def _decode(self, frames: Frames) -> bool:
        if not len(frames):
            return False
        emitted, self._state = self._decoder.step(frames, self._state)
        self._remember(self._decoder.detours(self._state))
        self._frames += len(frames)
        tokens = tuple(map(self._token, emitted))
        self._tokens += tokens
        self._tail = tuple(map(self._token, self._decoder.tail(self._state)))
        self._foreseen = self._confirmed(tokens)
        return True

    def _settle(self) -> Any:
        """Settle the tail; returns the plain state. The decoder must not step afterwards without resuming from it."""
        self._remember(self._decoder.detours(self._state, ended=True))
        emitted, plain = self._decoder.settle(self._state)
        self._tokens += tuple(map(self._token, emitted))
        self._tail, self._foreseen = (), ()
        return plain

    def _look_ahead(self) -> None:
        """Flush a copy of this stream: the last word is seen before its look-ahead and the rest of its chunk are in.

        The stream itself goes on as if nothing had happened.
        """
        if self._guidance.hurried or STABILITY[self._guidance.steadiness].tail == 0:
            return
        frames = self._encoder.fork().finish(copy(self._features))
        emitted, state = self._decoder.step(frames, self._state)
        left, _ = self._decoder.settle(state)
        self._foreseen = tuple(map(self._token, [*emitted, *left]))

    def _confirmed(self, emitted: Sequence[Token]) -> tuple[Token, ...]:
        """What is still foreseen: nothing when something else came, or what was foreseen did not come in time."""
        seen = [token.id for token in (*emitted, *self._tail)]
        expected = self._foreseen[len(seen) :]
        if not expected or seen != [token.id for token in self._foreseen[: len(seen)]]:
            return ()
        late = self._time(self._frames - 1) - expected[0].time > _LATE
        return () if late else self._foreseen[len(emitted) :]

    def _remember(self, detours: Iterable[Detour]) -> None:
        """Keep ways not taken; call it before the symbols of their step join the tokens."""
        if self._guidance.alternatives:
            self._choices += [
                choice(
                    len(self._tokens) + detour.at, detour.shown, list(map(self._token, detour.emissions)), detour.cost
                )
                for detour in detours
            ]

    def _token(self, emission: Emission) -> Token:
        return Token(emission.token, self._pieces[emission.token], self._time(emission.frame), emission.confidence)

    def _time(self, frame: int) -> float:
        """Seconds of audio at an encoder frame, never beyond what was heard (silence added at the end)."""
        return min(self._encoder.first + frame * self._encoder.spacing, self._heard / SAMPLE_RATE)
