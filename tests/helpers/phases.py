"""Speech that begins at any moment, and whether captions keep its first and last word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.models.attention import AttentionBundle
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer, Stream
from engine.types import Final, Samples
from tests.helpers import reference
from tests.helpers.starter import bare, quiet, recording, transcripts

LONGEST_PHASE = 1_200
"""Milliseconds before the first sound of the first word, at most."""

RULES = EndpointRules()
EAGER = EndpointRules(silence_after_words=0.05, silence_after_sentence=0.05, long_utterance=0.2, longest_utterance=0.3)
"""Cuts wherever it can, inside words too."""
NEVER = EndpointRules(
    silence_after_words=99.0, silence_after_sentence=99.0, long_utterance=99.0, longest_utterance=99.0
)

EVERY_MODEL = [
    ("ctc-sherpa-80ms", "ctc"),
    ("ctc-sherpa-560ms", "ctc"),
    ("rnnt-sherpa-80ms", "transducer"),
    ("rnnt-sherpa-128mel-160ms", "transducer"),
    ("rnnt-nemo-160ms", "transducer"),
    ("tdt-nemo-80ms", "transducer"),
    ("tdt-nemo-128mel-560ms", "transducer"),
    ("hybrid-nemo-560ms", "transducer"),
    ("hybrid-nemo-560ms", "ctc"),
]
"""Models of tests/data with each of their decoders."""


def finals(
    bundle: AttentionBundle | FrameBundle,
    sound: Samples,
    rules: EndpointRules = RULES,
    decoder: str | None = None,
    guidance: Guidance | None = None,
) -> list[Final]:
    stream = Recognizer(bundle, decoder, rules).stream(guidance)
    return finals_of(stream, [sound[at : at + 1_280] for at in range(0, len(sound), 1_280)])


def finals_of(stream: Stream, parts: Sequence[Samples]) -> list[Final]:
    updates = [update for part in parts for update in stream.push(part)] + stream.finish()
    return [update for update in updates if isinstance(update, Final)]


def text(ended: Sequence[Final]) -> str:
    return bare(" ".join(final.text for final in ended))


def kept_by_captions(bundle: FrameBundle, decoder: str, name: str, phase: int) -> tuple[bool, bool]:
    """Whether the captions of a recording begin and end with the words that the model hears there.

    These models are too small to hear what was said, so what they hear is asked of them, in one piece and without
    an endpoint; captions come of small pushes and end utterances at pauses, as a user gets them. In the quiet room
    they hear the beginning of a word that they go on with later, so spaces do not count.
    """
    sound = np.concatenate([quiet(phase / 1_000), reference.recording(name)])
    heard = text(finals_of(Recognizer(bundle, decoder, NEVER).stream(), [sound])).split()
    shown = "".join(text(finals(bundle, sound, RULES, decoder)).split())
    return shown.startswith(heard[0]), shown.endswith(heard[-1])


def kept_of_what_was_said(recognizer: Recognizer, name: str, phase: int) -> tuple[bool, bool]:
    """Whether the first and the last word that are said in a recording stand in the captions."""
    sound = np.concatenate([quiet(phase / 1_000), trimmed(name), quiet(0.9)])
    stream = recognizer.stream()
    shown = text(finals_of(stream, [sound[at : at + 1_280] for at in range(0, len(sound), 1_280)])).split()
    said = transcripts()[name].split()
    return shown[:1] == said[:1], shown[-1:] == said[-1:]


def trimmed(name: str) -> Samples:
    """A recording without the silence around its speech: from 25 ms before the first to 25 ms after the last
    sample above -34 dB."""
    sound = recording(name)
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    return sound[max(loud[0] - 400, 0) : loud[-1] + 400]
