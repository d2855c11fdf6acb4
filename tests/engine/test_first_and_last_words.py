"""No first and no last word is lost: the ways in which live captions lose them, each tried on whole streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.models.parts import FrameBundle
from engine.recognizer import Recognizer, Stream
from engine.stability import Steadiness
from engine.types import Final
from tests.helpers import reference
from tests.helpers.phases import (
    EAGER,
    EVERY_MODEL,
    LONGEST_PHASE,
    NEVER,
    finals,
    finals_of,
    kept_by_captions,
    text,
    trimmed,
)
from tests.helpers.scripted import ScriptedTrack, Spoken
from tests.helpers.starter import bare, errors, quiet, recording, starter, transcripts

OpenModel = Callable[..., FrameBundle]

SHORT = "commonvoice-002307"
"""This puts me in a peculiar hole."""


@pytest.mark.parametrize("phase", range(0, LONGEST_PHASE + 1, 20))
def test_speech_may_begin_at_any_moment(phase: int) -> None:
    """Milliseconds of a quiet room before the first sound of the first word."""
    words = text(finals(starter(), np.concatenate([quiet(phase / 1_000), trimmed(SHORT), quiet(0.9)]))).split()
    assert (words[0], words[-1]) == ("this", "hole")


@pytest.mark.parametrize(("model", "decoder"), EVERY_MODEL)
def test_a_streaming_model_keeps_its_first_and_last_word_wherever_speech_begins(
    model: str, decoder: str, open_model: OpenModel
) -> None:
    """What the model hears at a phase stands in the captions from its first word to its last."""
    for phase in range(0, LONGEST_PHASE + 1, 240):
        assert kept_by_captions(open_model(model), decoder, "a1_short.flac", phase) == (True, True), phase


@pytest.mark.parametrize("tail", range(0, 701, 50))
def test_the_sound_may_end_at_any_moment_after_the_last_word(tail: int) -> None:
    ended = finals(starter(), np.concatenate([quiet(0.5), trimmed("commonvoice-000306"), quiet(tail / 1_000)]))
    assert text(ended).endswith("to the bank")


@pytest.mark.parametrize("pause", [1.3, 1.6, 2.6])
def test_an_utterance_right_after_an_endpoint_is_whole(pause: float) -> None:
    """Resetting a model at an endpoint is how the first word of the next utterance gets lost."""
    said = trimmed(SHORT)
    ended = finals(starter(), np.concatenate([quiet(0.5), said, quiet(pause), said, quiet(pause), said]))
    assert [bare(final.text) for final in ended] == [transcripts()[SHORT]] * 3


def test_eager_endpoints_lose_no_word_of_the_starter() -> None:
    sound = np.concatenate([part for name in (SHORT, "commonvoice-000306") for part in (quiet(0.6), recording(name))])
    soon = Guidance(steadiness=Steadiness.RESPONSIVE)  # an utterance can end where words have settled
    eager, whole = finals(starter(), sound, EAGER, guidance=soon), finals(starter(), sound, NEVER)
    assert len(eager) > 4
    assert len(whole) == 1
    assert text(eager) == text(whole)
    assert errors(f"{transcripts()[SHORT]} {transcripts()['commonvoice-000306']}", text(eager)) <= 1


@pytest.mark.parametrize(("model", "decoder"), EVERY_MODEL)
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
@settings(max_examples=60)
def test_a_long_utterance_is_never_cut_inside_a_word(longest: float, gap: float, pieces: int) -> None:
    """However its pieces fall: the cut comes after the last word that is complete."""
    words = [["\u2581" + "abcdefgh"[k % 8], *"xyz"[: pieces - 1]] for k in range(24)]
    script = [Spoken(piece, 0.5 + gap * k) for k, piece in enumerate(piece for word in words for piece in word)]
    rules = EndpointRules(long_utterance=longest, longest_utterance=longest)
    sound = [np.zeros(4_000, np.float32)] * int(4 * (script[-1].at + 2))
    ended = finals_of(Stream(ScriptedTrack(script), rules), sound)
    assert [word.text for final in ended for word in final.words] == ["".join(word)[1:] for word in words]


@given(cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=6))
@settings(max_examples=8)
@pytest.mark.parametrize(("model", "decoder"), [("ctc-sherpa-80ms", "ctc"), ("tdt-nemo-80ms", "transducer")])
def test_feeding_in_any_sizes_gives_the_same_utterances(
    model: str, decoder: str, cuts: list[int], open_model: OpenModel
) -> None:
    """When a word was first shown may differ: a last word is foreseen only where no sound waits behind it."""
    bundle, sound = open_model(model), reference.recording("a1_short.flac")
    parts, at = [], 0
    while at < len(sound):
        parts.append(sound[at : at + cuts[len(parts) % len(cuts)]])
        at += len(parts[-1])
    cut = finals_of(Recognizer(bundle, decoder, EAGER).stream(), parts)
    assert [when_shown_aside(final) for final in cut] == [
        when_shown_aside(final) for final in finals(bundle, sound, EAGER, decoder)
    ]


def when_shown_aside(final: Final) -> Final:
    return replace(final, words=tuple(replace(word, emitted=0.0) for word in final.words))


def test_two_minutes_of_noise_hold_no_word() -> None:
    """Rooms, streets and machines without speech, as recorded and then again at a third of the level."""
    noise = np.concatenate([recording(f"noise-{k}") for k in range(1, 6)])
    sound = np.concatenate([noise, noise / 3])[: 120 * 16_000]
    assert len(sound) == 120 * 16_000
    assert finals(starter(), sound) == []
