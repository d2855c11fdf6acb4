"""When an utterance ends: sherpa-onnx's three rules, counted in seconds of audio, with defaults fit for captions.

Source of the rules: k2-fsa/sherpa-onnx, endpoint.h (2.4 s, 1.2 s, 20 s there). An endpoint here ends what is
shown as an utterance and nothing else: encoder caches, predictor and decoder states live on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.text.words import ends_sentence


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """All in seconds of audio."""

    silence_without_words: float = 2.4
    """Rule 1: nothing was said for so long; told once as `Silence`."""
    silence_after_words: float = 1.2
    """Rule 2: so much silence after a word ends the utterance."""
    silence_after_sentence: float = 0.8
    """Rule 2 when the text ends with . ? or !, where a shorter pause is enough."""
    long_utterance: float = 12.0
    """Rule 3, gently: a longer utterance ends with the next sentence that is settled."""
    longest_utterance: float = 20.0
    """Rule 3: a longer one is cut after its last settled word."""


class Endpoint(Enum):
    """What the rules say at some moment."""

    NONE = "none"
    SILENCE = "silence"
    PAUSE = "pause"
    LENGTH = "length"


def judge(rules: EndpointRules, *, text: str, settled: str, silence: float, length: float) -> Endpoint:
    """Apply the rules to an utterance.

    text: its last word, "" when nothing was said; settled: its last word that will not change, "" for none.
    silence: seconds since its last word ended (or since the last utterance ended, when nothing was said).
    length: seconds since its first word started.
    """
    if not text:
        return Endpoint.SILENCE if silence >= rules.silence_without_words else Endpoint.NONE
    if silence >= (rules.silence_after_sentence if ends_sentence(text) else rules.silence_after_words):
        return Endpoint.PAUSE
    limit = rules.long_utterance if ends_sentence(settled) else rules.longest_utterance
    return Endpoint.LENGTH if settled and length >= limit else Endpoint.NONE
