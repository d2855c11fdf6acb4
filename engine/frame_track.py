"""The track of frame-synchronous models (CTC, RNN-T, TDT): features, encoder, decoder, tokens.

What the decoder has settled stays; a beam search has a tail that may still change. An endpoint only cuts the list
of tokens: features, encoder caches, predictor and last label go on, and nothing around the cut is lost or swallowed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from engine.alternatives import Choice, choice, dropped
from engine.cache_aware import CacheAwareStream, GridName
from engine.decoding.guidance import Guidance, make_decoder
from engine.decoding.hypothesis import Decoder, Detour, Emission
from engine.encoder import EncoderStream, encoder_stream
from engine.models.buffering import DEFAULT_CONTEXT, BufferContext
from engine.models.parts import FrameBundle
from engine.stability import STABILITY
from engine.track import Hypothesis, Track
from engine.types import SAMPLE_RATE, Frames, Samples, Token


class FrameTrack(Track):
    """One stream through a frame-synchronous model; an `engine.track.Track`."""

    def __init__(
        self,
        bundle: FrameBundle,
        decoder: str | None = None,
        grid: GridName = "aligned16",
        context: BufferContext = DEFAULT_CONTEXT,
        guidance: Guidance | None = None,
    ) -> None:
        """
        Args:
            decoder: "ctc" or "transducer"; None takes the model's default.
            grid: where cache-aware encoders place their first window.
            context: the window of encoders without caches.
            guidance: boost list and language model, and how widely to search.

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
        self._choices: list[Choice] = []
        self._frames = 0
        self._undecoded: deque[tuple[int, int]] = deque()
        """Pieces of sound: how many samples, and how many of the encoder's steps they complete."""
        self._heard = 0

    @property
    def hypothesis(self) -> Hypothesis:
        decoded = self._time(self._frames - 1) if self._frames else 0.0
        shown = self._tail[: STABILITY[self._guidance.steadiness].tail]
        for hidden in self._tail[len(shown) :][:1]:
            decoded = min(decoded, hidden.time)
        return Hypothesis((*self._tokens, *shown), len(self._tokens), decoded, tuple(self._choices))

    @property
    def encoder(self) -> CacheAwareStream | None:
        return self._encoder if isinstance(self._encoder, CacheAwareStream) else None

    def hear(self, samples: Samples) -> None:
        """Take in a piece of sound, of any length.

        Raises:
            BadSamples: not one channel of floating-point samples.
        """
        self._undecoded.append((len(samples), self._encoder.hear(self._features.push(samples))))

    def advance(self) -> bool:
        """Decode the oldest piece that is not decoded; True when encoder frames came out of it."""
        samples, steps = self._undecoded.popleft()
        self._heard += samples
        return self._decode(self._encoder.take(steps))

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
        self._tokens += tuple(map(self._token, emitted))
        self._tail = tuple(map(self._token, self._decoder.tail(self._state)))
        return True

    def _settle(self) -> Any:
        """Settle the tail; returns the plain state. The decoder must not step afterwards without resuming from it."""
        self._remember(self._decoder.detours(self._state, ended=True))
        emitted, plain = self._decoder.settle(self._state)
        self._tokens += tuple(map(self._token, emitted))
        self._tail = ()
        return plain

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
