"""The engine's face and its only assembly point: `Recognizer` is shared and immutable, a `Stream` has one owner.

recognizer = Recognizer.load(folder)
stream = recognizer.stream()
for samples in source:
    for update in stream.push(samples):
        ...
stream.finish()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.boosting.boost import Boost
from engine.boosting.compile import Compiler
from engine.boosting.pieces import Pieces
from engine.cache_aware import CacheAwareStream, encode
from engine.decoding.guidance import Guidance
from engine.endpoint import Endpoint, EndpointRules, judge
from engine.features import clean_samples
from engine.frame_track import FrameTrack
from engine.language_model import LanguageModel, language_model_in
from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle
from engine.models.options import ModelOptions
from engine.models.parts import Bundle, FrameBundle
from engine.models.prepared import PreparedGraphs
from engine.models.punctuation import punctuation_in
from engine.preparing import prepare_in_background
from engine.stability import Steadiness
from engine.text.pipeline import AS_HEARD, TextOptions
from engine.track import Hypothesis, Track
from engine.types import SAMPLE_RATE, BoostPhrase, Final, ModelInfo, Samples, Silence, Update
from engine.utterance import Utterance
from engine.vad import packaged_voice
from engine.window_track import WindowTrack

STEP_SAMPLES = 1_280
"""A stream looks at its hypothesis after every 80 ms of sound, so updates do not depend on how sound was cut."""
_MOST_AHEAD = 10 * SAMPLE_RATE
"""Of a long recording, so much is encoded at once: enough to fill calls, and no memory that grows with its length."""


class Steps(Protocol):
    """What `Recognizer.step` asks of a stream."""

    @property
    def encoder(self) -> CacheAwareStream | None: ...

    def step(self) -> list[Update]: ...


class Recognizer:
    """A loaded model. Immutable and shared: any number of streams, on any threads."""

    def __init__(
        self,
        bundle: Bundle,
        decoder: str | None,
        rules: EndpointRules,
        text: TextOptions = AS_HEARD,
        language_model: LanguageModel | None = None,
    ) -> None:
        self._bundle = bundle
        self._language_model = language_model
        self._decoder = decoder
        self._rules = rules
        self._text = text

    @classmethod
    def load(
        cls,
        folder: Path,
        options: ModelOptions | None = None,
        rules: EndpointRules | None = None,
        text: TextOptions | None = None,
    ) -> Recognizer:
        """Open the model in `folder`, of any layout, and the language model beside it, if there is one.

        text: what is done to its words before they are shown; nothing when None. Capitals and punctuation are added
        only where the model writes none, by a punctuation model in the folder or else by rule.
        Raises ModelError or UnsupportedDecoder, each with one sentence that names the file or the choice at fault.
        """
        options = options or ModelOptions()
        bundle = open_bundle(folder, options)
        text = _completed(text, bundle.info, folder) if text else AS_HEARD
        return cls(bundle, options.decoder, rules or EndpointRules(), text, language_model_in(folder))

    @property
    def info(self) -> ModelInfo:
        return self._bundle.info

    def prepare(self, folder: Path) -> BaseProcess | None:
        """Begin to make this model cheaper, for when it is next loaded with `folder` as `ModelOptions.prepared`.

        Returns the process that does it and ends with this one, or None where there is nothing to do.
        """
        return prepare_in_background(self._bundle, PreparedGraphs(folder))

    def compile(self, phrases: Sequence[BoostPhrase]) -> Boost:
        """Make a boost list for streams of this model; its `report` says what became of every phrase.

        May be called on any thread; the list then belongs to the one thread that owns the streams it is given to.
        """
        return self._lists.compile(phrases)

    def stream(self, guidance: Guidance | None = None) -> Stream:
        """A new stream of sound; streams share the model and nothing else.

        guidance: a boost list, a language model (the one in the model's folder when it names none), how widely to
        search, and how steady captions are.
        """
        guidance = guidance or Guidance()
        guidance = replace(guidance, language_model=guidance.language_model or self._language_model)
        return Stream(self._track(guidance), self._rules, guidance, self._text)

    @staticmethod
    def step(streams: Sequence[Steps]) -> list[list[Update]]:
        """Caption what each of these streams has heard, all owned by the calling thread; says what is new in each.

        The result is that of calling their own `step`. Encoder steps of streams that have the sound for one share a
        call, where the model allows it.
        """
        encode(encoder for stream in streams if (encoder := stream.encoder) is not None)
        return [stream.step() for stream in streams]

    @cached_property
    def _lists(self) -> Compiler:
        return Compiler(Pieces(self._vocabulary))

    @property
    def _vocabulary(self) -> Sequence[str]:
        if isinstance(self._bundle, FrameBundle):
            return self._bundle.vocabulary.pieces
        if isinstance(self._bundle, AttentionBundle):
            return self._bundle.model.pieces
        raise AssertionError(f"no vocabulary in {type(self._bundle).__name__}")

    def _track(self, guidance: Guidance) -> Track:
        if isinstance(self._bundle, FrameBundle):
            return FrameTrack(self._bundle, self._decoder, guidance=guidance, voice=packaged_voice())
        if isinstance(self._bundle, AttentionBundle):
            return WindowTrack(self._bundle.model, packaged_voice(), guidance=guidance)
        raise AssertionError(f"no track for {type(self._bundle).__name__}")


class Stream:
    """Captions of one stream of sound. One owner thread, no lock."""

    def __init__(
        self, track: Track, rules: EndpointRules, guidance: Guidance | None = None, text: TextOptions = AS_HEARD
    ) -> None:
        self._track = track
        self._rules = rules
        self._guidance = guidance or Guidance()
        self._pending: Samples = np.zeros(0, np.float32)
        """Heard, and less than a step."""
        self._steps = 0
        """Steps that were heard and are not captioned."""
        self._heard_samples = 0
        self._text = text
        self._utterance = Utterance(0, text)
        self._quiet_since = 0.0
        self._silence_told = False

    def push(self, samples: Samples) -> list[Update]:
        """Take in sound, float32 [N] of any length, and say what is new.

        Raises BadSamples for anything but a one-dimensional array of floats. NaN and infinity count as silence.
        """
        samples = clean_samples(samples)
        updates: list[Update] = []
        for start in range(0, len(samples), _MOST_AHEAD):
            self.hear(samples[start : start + _MOST_AHEAD])
            updates += self.step()
        return updates

    def hear(self, samples: Samples) -> None:
        """Take in sound as `push` does, and leave it to `step` to caption it."""
        sound = np.concatenate([self._pending, clean_samples(samples)])
        whole = len(sound) // STEP_SAMPLES * STEP_SAMPLES
        for start in range(0, whole, STEP_SAMPLES):
            self._track.hear(sound[start : start + STEP_SAMPLES])
        self._steps += whole // STEP_SAMPLES
        self._pending = sound[whole:]

    @property
    def encoder(self) -> CacheAwareStream | None:
        """What of this stream may share calls with others; None where nothing may."""
        return self._track.encoder

    def step(self) -> list[Update]:
        """Caption what was heard since the last time, and say what is new."""
        updates: list[Update] = []
        while self._steps:
            self._steps -= 1
            updates += self._advance(STEP_SAMPLES)
        return updates

    def finish(self) -> list[Update]:
        """The sound has ended: decode to the last word and end the utterance."""
        updates = self.step()
        self._track.hear(self._pending)
        updates += self._advance(len(self._pending))
        self._pending = self._pending[:0]
        self._track.finish()
        self._read(ended=True)
        if self._utterance.words:
            updates.append(self._end(len(self._utterance.words)))
        return updates

    def set_boost(self, boost: Boost | None) -> None:
        """Listen for other phrases from the next step on. What is settled stays as it is."""
        self._guidance = replace(self._guidance, boost=boost)
        self._track.guide(self._guidance)

    def set_steadiness(self, steadiness: Steadiness) -> None:
        """Be quicker or steadier from the next step on."""
        if steadiness is not self._guidance.steadiness:
            self._guidance = replace(self._guidance, steadiness=steadiness)
            self._track.guide(self._guidance)

    def set_text(self, text: TextOptions) -> None:
        """Write words so from the next utterance on. Punctuation and capitals stay as the model needs them."""
        self._text = replace(text, capitals=self._text.capitals, punctuator=self._text.punctuator)
        if not self._utterance.words:
            self._utterance = Utterance(self._utterance.number, self._text)

    def hurry(self, hurried: int) -> None:
        """While hurried, decode greedily and less often whatever the guidance says: for a machine that is behind.

        hurried: 0 to `engine.decoding.guidance.HURRIES`; the more, the less work.
        """
        if hurried != self._guidance.hurried:
            self._guidance = replace(self._guidance, hurried=hurried)
            self._track.guide(self._guidance)

    @property
    def _heard(self) -> float:
        return self._heard_samples / SAMPLE_RATE

    def _advance(self, samples: int) -> list[Update]:
        """Decode the next piece of sound, and look at what came of it."""
        self._heard_samples += samples
        foreseen = self._track.foreseen
        moved = self._track.advance()
        if not moved and self._track.foreseen == foreseen:
            return []
        changed = self._read()
        ended = self._endpoint(self._track.hypothesis) if moved else None
        if ended is None:
            return [self._utterance.partial(self._heard)] if changed else []
        if isinstance(ended, Final) and self._utterance.words:
            return [ended, self._utterance.partial(self._heard)]
        return [ended]

    def _endpoint(self, hypothesis: Hypothesis) -> Final | Silence | None:
        """Apply the rules to what was just read."""
        utterance, words = self._utterance, self._utterance.words
        found = judge(
            self._rules,
            text=words[-1].text if words else "",
            settled=words[utterance.closed - 1].text if utterance.closed else "",
            silence=hypothesis.decoded - (words[-1].end if words else self._quiet_since),
            length=hypothesis.decoded - words[0].start if words else 0.0,
        )
        if found is Endpoint.PAUSE and hypothesis.settled == len(hypothesis.tokens):
            self._read(ended=True)
            return self._end(len(utterance.words))
        if found is Endpoint.LENGTH:
            return self._end(utterance.closed)
        if found is Endpoint.SILENCE and not self._silence_told:
            self._silence_told = True
            return Silence(self._quiet_since, self._heard)
        return None

    def _end(self, words: int) -> Final:
        """End the utterance after its first `words` words; what follows begins the next one."""
        ended, tokens = self._utterance.end(words, self._heard, self._guidance.alternatives)
        self._track.drop(tokens)
        self._utterance = self._utterance.rest(words, self._text)
        self._read()
        self._quiet_since, self._silence_told = ended.end, False
        return ended

    def _read(self, *, ended: bool = False) -> bool:
        track, boost = self._track, self._guidance.boost
        foreseen = () if ended else track.foreseen
        return self._utterance.read(track.hypothesis, self._heard, boost, foreseen=foreseen, ended=ended)


def _completed(text: TextOptions, info: ModelInfo, folder: Path) -> TextOptions:
    """The choice of what is done to words, with what this model needs."""
    punctuator = None if info.cased or info.punctuated else punctuation_in(folder)
    return replace(text, capitals=not info.cased and punctuator is None, punctuator=punctuator)
