"""Boosting through the public face: lists that change while a stream runs, what is shown, settled and never heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pytest

from engine.boosting.boost import Boost
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces
from engine.decoding.guidance import Guidance
from engine.endpoint import EndpointRules
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer, Stream
from engine.text.pipeline import TextOptions
from engine.types import BoostPhrase, Final, Partial, Samples, Update
from tests.helpers import starter
from tests.helpers.reference import recording
from tests.helpers.scripted import ScriptedTrack, Spoken

STEP = 1_280


def heard(stream: Stream, samples: Samples, cut: int = STEP) -> list[Update]:
    updates: list[Update] = []
    for start in range(0, len(samples), cut):
        updates += stream.push(samples[start : start + cut])
    return updates


def text(updates: Sequence[Update]) -> str:
    return " ".join(update.text for update in updates if isinstance(update, Final))


PIECES = ["▁the", "▁g", "▁p", "▁u", "▁cluster", "▁is", "▁new", "▁york", ".", "▁"]


def boosted(*phrases: str) -> Boost:
    return compile_boost([BoostPhrase(phrase) for phrase in phrases], Pieces([*PIECES, *ascii_lowercase]))


def scripted(script: Sequence[tuple[str, float]], boost: Boost | None) -> Stream:
    track = ScriptedTrack([Spoken(piece, at) for piece, at in script])
    return Stream(track, EndpointRules(), Guidance(boost=boost))


SILENCE = np.zeros(STEP, np.float32)


def test_entries_are_shown_as_typed_and_keep_the_times_of_their_words() -> None:
    stream = scripted([("▁the", 0.2), ("▁g", 0.5), ("▁p", 0.7), ("▁u", 0.9), ("▁cluster", 1.2)], boosted("GPU Cluster"))
    updates = heard(stream, np.tile(SILENCE, 20)) + stream.finish()
    final = updates[-1]
    assert isinstance(final, Final)
    assert [(word.text, word.start) for word in final.words] == [("the", 0.2), ("GPU", 0.5), ("Cluster", 1.2)]
    assert [token.text for token in final.tokens] == ["▁the", "▁g", "▁p", "▁u", "▁cluster"]


def test_words_of_a_match_in_progress_are_not_settled_and_settled_words_never_change() -> None:
    stream = scripted(
        [("▁the", 0.2), ("▁new", 0.5), ("▁is", 0.8), ("▁new", 1.1), ("▁york", 1.4), ("▁is", 1.8), ("▁", 2.0)],
        boosted("New York"),
    )
    settled: list[str] = []
    for update in heard(stream, np.tile(SILENCE, 26)):
        assert isinstance(update, Partial)
        now = [word.text for word in update.words[: update.settled]]
        assert now[: len(settled)] == settled
        settled = now
    assert settled == ["the", "new", "is", "New", "York"]


def test_a_new_list_spells_what_is_not_settled_and_leaves_what_is() -> None:
    script = [("▁new", 0.2), ("▁york", 0.5), ("▁is", 0.8), ("▁new", 1.1), ("▁york", 1.4), ("▁is", 1.8)]
    stream = scripted(script, None)
    before = heard(stream, np.tile(SILENCE, 14))
    assert isinstance(before[-1], Partial) and before[-1].text == "new york is new"
    stream.set_boost(boosted("New York"))
    after = heard(stream, np.tile(SILENCE, 16)) + stream.finish()
    assert text(after) == "new york is New York is"


def test_an_utterance_that_ends_with_an_entry_shows_it_as_typed() -> None:
    stream = scripted([("▁new", 0.2), ("▁york", 0.5)], boosted("New York"))
    updates = heard(stream, np.tile(SILENCE, 100))
    assert text(updates) == "New York"


def test_figures_are_written_for_numbers_and_not_for_names_that_hold_some() -> None:
    words = ["twenty", "one", "pilots", "played", "twenty", "one", "songs"]
    pieces = [f"\u2581{word}" for word in words]
    boost = compile_boost([BoostPhrase("Twenty One Pilots")], Pieces([*pieces, "\u2581", *ascii_lowercase]))
    track = ScriptedTrack([Spoken(piece, 0.2 + 0.3 * i) for i, piece in enumerate(pieces)])
    stream = Stream(track, EndpointRules(), Guidance(boost=boost), TextOptions(numbers=True))
    settled: list[str] = []
    for update in heard(stream, np.tile(SILENCE, 40)):
        if isinstance(update, Partial):
            now = [word.text for word in update.words[: update.settled]]
            assert now[: len(settled)] == settled
            settled = now
    assert text(stream.finish()) == "Twenty One Pilots played 21 songs"


# The reference models are small; this recording begins with "captions appear as you speak", and none of them
# hears the first word. See tests/data/reference/README.md.
SAID = "a2_three.flac"
GREEDY, BEAM = Guidance(beam=1), Guidance(beam=4)


@pytest.fixture(scope="module")
def load(models: Path) -> Callable[..., Recognizer]:
    def load(name: str, decoder: str | None = None) -> Recognizer:
        return Recognizer.load(models / name, ModelOptions(decoder=decoder))

    return load


def under(recognizer: Recognizer, guidance: Guidance, *phrases: BoostPhrase) -> Stream:
    boost = recognizer.compile(phrases) if phrases else None
    return recognizer.stream(Guidance(boost=boost, beam=guidance.beam))


def transcript(stream: Stream, name: str, cut: int = STEP) -> str:
    return text(heard(stream, recording(name), cut) + stream.finish())


@pytest.mark.parametrize(
    ("model", "guidance", "strength"),
    [
        ("ctc-sherpa-80ms", BEAM, 4.0),
        ("rnnt-nemo-160ms", GREEDY, 2.0),
        ("rnnt-nemo-160ms", BEAM, 2.0),
        ("tdt-nemo-80ms", BEAM, 2.0),
    ],
)
def test_a_model_hears_a_boosted_word_it_missed(
    load: Callable[..., Recognizer], model: str, guidance: Guidance, strength: float
) -> None:
    recognizer = load(model)
    assert "captions" not in transcript(under(recognizer, guidance), SAID)
    found = transcript(under(recognizer, guidance, BoostPhrase("CAPTIONS", strength)), SAID)
    assert found.split().index("CAPTIONS") <= 1


MODELS = [
    ("ctc-sherpa-80ms", None),
    ("rnnt-sherpa-80ms", None),
    ("tdt-nemo-80ms", None),
    ("hybrid-nemo-560ms", "ctc"),
]


@pytest.mark.parametrize("guidance", [GREEDY, BEAM])
@pytest.mark.parametrize(("model", "decoder"), MODELS)
def test_the_cut_of_the_sound_changes_nothing(
    load: Callable[..., Recognizer], model: str, decoder: str | None, guidance: Guidance
) -> None:
    recognizer = load(model, decoder)
    phrases = [BoostPhrase("captions"), BoostPhrase("Meeting Room"), BoostPhrase("seven")]
    expected = transcript(under(recognizer, guidance, *phrases), SAID)
    assert transcript(under(recognizer, guidance, *phrases), SAID, cut=7_777) == expected


@pytest.mark.parametrize(("model", "decoder"), MODELS)
def test_a_list_of_words_that_are_not_said_changes_nothing_when_greedy(
    load: Callable[..., Recognizer], model: str, decoder: str | None
) -> None:
    recognizer = load(model, decoder)
    plain = transcript(under(recognizer, GREEDY), SAID)
    assert transcript(under(recognizer, GREEDY, BoostPhrase("Xylophonist"), BoostPhrase("Zzyzx")), SAID) == plain


@pytest.mark.parametrize("guidance", [GREEDY, BEAM])
@pytest.mark.parametrize(("model", "decoder"), MODELS)
def test_no_entry_is_heard_in_silence_and_noise(
    load: Callable[..., Recognizer], model: str, decoder: str | None, guidance: Guidance
) -> None:
    recognizer = load(model, decoder)
    names = [BoostPhrase(f"{a}{b}ton") for a in ("Ash", "Bel", "Car", "Den") for b in ("a", "e", "ing", "s", "wor")]
    quiet = np.concatenate([np.zeros(5 * 16_000, np.float32), recording("a4_noise.flac")])
    found = text(heard(under(recognizer, guidance, *names), quiet))
    assert not any(name.text in found for name in names)


@pytest.mark.parametrize(
    ("model", "guidance", "strength"),
    [("ctc-sherpa-80ms", BEAM, 4.0), ("rnnt-nemo-160ms", BEAM, 2.0), ("tdt-nemo-80ms", BEAM, 2.0)],
)
def test_a_phrase_added_while_a_stream_runs_is_honoured_from_the_next_step(
    load: Callable[..., Recognizer], model: str, guidance: Guidance, strength: float
) -> None:
    recognizer = load(model)
    stream = under(recognizer, guidance)
    said = recording(SAID)
    first = heard(stream, np.concatenate([said, np.zeros(8 * STEP, np.float32)]))
    stream.set_boost(recognizer.compile([BoostPhrase("CAPTIONS", strength)]))
    second = heard(stream, said) + stream.finish()
    assert "CAPTIONS" not in text(first)
    assert "CAPTIONS" in text(second)


@pytest.mark.parametrize("guidance", [GREEDY, BEAM, Guidance()])
def test_an_attention_model_honours_a_phrase_that_is_added_while_its_stream_runs(guidance: Guidance) -> None:
    recognizer = Recognizer(starter.starter(), None, EndpointRules())
    stream = under(recognizer, guidance)
    said = np.concatenate([starter.recording("commonvoice-003309"), starter.quiet(1.0)])
    first = heard(stream, said)
    stream.set_boost(recognizer.compile([BoostPhrase("Alkemist", 2.0, ("alchemist",))]))
    second = heard(stream, said) + stream.finish()
    assert "alchemist" in text(first)
    assert "Alkemist" in text(second) and "alchemist" not in text(second)


@pytest.mark.parametrize("model", ["ctc-sherpa-80ms", "tdt-nemo-80ms"])
def test_a_hurried_stream_decodes_greedily(load: Callable[..., Recognizer], model: str) -> None:
    recognizer = load(model)
    stream = under(recognizer, BEAM)
    stream.hurry(1)
    assert transcript(stream, SAID) == transcript(under(recognizer, GREEDY), SAID)
    stream = under(recognizer, BEAM)
    stream.hurry(1)
    stream.hurry(0)
    assert transcript(stream, SAID) == transcript(under(recognizer, BEAM), SAID)


def test_the_same_sound_at_other_phases_gives_the_same_hits(load: Callable[..., Recognizer]) -> None:
    recognizer = load("ctc-sherpa-560ms")
    said = recording("a1_short.flac")
    hits = 0
    for shift in range(0, 560, 80):
        stream = under(recognizer, BEAM, BoostPhrase("Lazy Dog"))
        moved = np.concatenate([np.zeros(shift * 16, np.float32), said])
        hits += "Lazy Dog" in text(heard(stream, moved) + stream.finish())
    assert hits == 7
