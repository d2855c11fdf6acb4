"""No first and no last word is lost: the ways in which live captions lose them, each tried on whole streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.endpoint import EndpointRules
from engine.models.attention import AttentionBundle
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer, Stream
from engine.types import Final, Samples
from tests.helpers import reference
from tests.helpers.scripted import ScriptedTrack, Spoken
from tests.helpers.starter import bare, errors, quiet, recording, starter, transcripts

OpenModel = Callable[..., FrameBundle]

RULES = EndpointRules()
EAGER = EndpointRules(silence_after_words=0.05, silence_after_sentence=0.05, long_utterance=0.2, longest_utterance=0.3)
"""Cuts wherever it can, inside words too."""
NEVER = EndpointRules(
    silence_after_words=99.0, silence_after_sentence=99.0, long_utterance=99.0, longest_utterance=99.0
)

SHORT = "commonvoice-002307"
"""This puts me in a peculiar hole."""


def finals(
    bundle: AttentionBundle | FrameBundle, sound: Samples, rules: EndpointRules = RULES, decoder: str | None = None
) -> list[Final]:
    stream = Recognizer(bundle, decoder, rules).stream()
    return _finals(stream, [sound[at : at + 1_280] for at in range(0, len(sound), 1_280)])


def _finals(stream: Stream, parts: Sequence[Samples]) -> list[Final]:
    updates = [update for part in parts for update in stream.push(part)] + stream.finish()
    return [update for update in updates if isinstance(update, Final)]


def text(ended: Sequence[Final]) -> str:
    return bare(" ".join(final.text for final in ended))


@pytest.mark.parametrize("phase", range(0, 1_201, 20))
def test_speech_may_begin_at_any_moment(phase: int) -> None:
    """Milliseconds of a quiet room before the first sound of the first word."""
    words = text(finals(starter(), np.concatenate([quiet(phase / 1_000), _trimmed(SHORT), quiet(0.9)]))).split()
    assert (words[0], words[-1]) == ("this", "hole")


@pytest.mark.parametrize("tail", range(0, 701, 50))
def test_the_sound_may_end_at_any_moment_after_the_last_word(tail: int) -> None:
    ended = finals(starter(), np.concatenate([quiet(0.5), _trimmed("commonvoice-000306"), quiet(tail / 1_000)]))
    assert text(ended).endswith("to the bank")


@pytest.mark.parametrize("pause", [1.3, 1.6, 2.6])
def test_an_utterance_right_after_an_endpoint_is_whole(pause: float) -> None:
    """Resetting a model at an endpoint is how the first word of the next utterance gets lost."""
    said = _trimmed(SHORT)
    ended = finals(starter(), np.concatenate([quiet(0.5), said, quiet(pause), said, quiet(pause), said]))
    assert [bare(final.text) for final in ended] == [transcripts()[SHORT]] * 3


def test_eager_endpoints_lose_no_word_of_the_starter() -> None:
    sound = np.concatenate([part for name in (SHORT, "commonvoice-000306") for part in (quiet(0.6), recording(name))])
    eager, whole = finals(starter(), sound, EAGER), finals(starter(), sound, NEVER)
    assert len(eager) > 5
    assert len(whole) == 1
    assert text(eager) == text(whole)
    assert errors(f"{transcripts()[SHORT]} {transcripts()['commonvoice-000306']}", text(eager)) <= 1


ALIKE = [
    ("ctc-sherpa-80ms", "ctc"),
    ("rnnt-sherpa-128mel-160ms", "transducer"),
    ("tdt-nemo-80ms", "transducer"),
    ("hybrid-nemo-560ms", "transducer"),
    ("hybrid-nemo-560ms", "ctc"),
]


@pytest.mark.parametrize(("model", "decoder"), ALIKE)
def test_eager_endpoints_change_no_token_of_a_streaming_model(model: str, decoder: str, open_model: OpenModel) -> None:
    bundle, sound = open_model(model), reference.recording("a6_fast.flac")
    eager, whole = (finals(bundle, sound, rules, decoder) for rules in (EAGER, NEVER))
    assert len(eager) > len(whole) == 1
    assert [token for final in eager for token in final.tokens] == list(whole[0].tokens)


def test_a_token_may_be_said_again_right_after_an_endpoint(open_model: OpenModel) -> None:
    """Decoders that are reset swallow it, or the beginning of its word: "CARRYING" becomes "RYING"."""
    bundle, sound = open_model("tdt-nemo-80ms"), reference.recording("a2_three.flac")
    eager, whole = finals(bundle, sound, EAGER), finals(bundle, sound, NEVER)
    assert any(before.tokens[-1].id == after.tokens[0].id for before, after in pairwise(eager))
    assert [token for final in eager for token in final.tokens] == list(whole[0].tokens)


@given(longest=st.floats(0.3, 8.0), gap=st.floats(0.05, 0.6), pieces=st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_a_long_utterance_is_never_cut_inside_a_word(longest: float, gap: float, pieces: int) -> None:
    """However its pieces fall: the cut comes after the last word that is complete."""
    words = [["\u2581" + "abcdefgh"[k % 8], *"xyz"[: pieces - 1]] for k in range(24)]
    script = [Spoken(piece, 0.5 + gap * k) for k, piece in enumerate(piece for word in words for piece in word)]
    rules = EndpointRules(long_utterance=longest, longest_utterance=longest)
    ended = _finals(Stream(ScriptedTrack(script), rules), [np.zeros(4_000, np.float32)] * int(4 * (script[-1].at + 2)))
    assert [word.text for final in ended for word in final.words] == ["".join(word)[1:] for word in words]


@given(cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=6))
@settings(deadline=None, max_examples=8)
@pytest.mark.parametrize(("model", "decoder"), [("ctc-sherpa-80ms", "ctc"), ("tdt-nemo-80ms", "transducer")])
def test_feeding_in_any_sizes_gives_the_same_utterances(
    model: str, decoder: str, cuts: list[int], open_model: OpenModel
) -> None:
    bundle, sound = open_model(model), reference.recording("a1_short.flac")
    parts, at = [], 0
    while at < len(sound):
        parts.append(sound[at : at + cuts[len(parts) % len(cuts)]])
        at += len(parts[-1])
    assert _finals(Recognizer(bundle, decoder, EAGER).stream(), parts) == finals(bundle, sound, EAGER, decoder)


def test_two_minutes_of_noise_hold_no_word() -> None:
    """Rooms, streets and machines without speech, as recorded and then again at a third of the level."""
    noise = np.concatenate([recording(f"noise-{k}") for k in range(1, 6)])
    sound = np.concatenate([noise, noise / 3])[: 120 * 16_000]
    assert len(sound) == 120 * 16_000
    assert finals(starter(), sound) == []


def _trimmed(name: str) -> Samples:
    """A recording without the silence around its speech: from 25 ms before the first to 25 ms after the last
    sample above -34 dB."""
    sound = recording(name)
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    return sound[max(loud[0] - 400, 0) : loud[-1] + 400]
