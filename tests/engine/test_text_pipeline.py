"""From decoded to shown words: hidden words, capitals, and all steps together, in streams too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.text.casing import capitalised
from engine.text.pipeline import AS_HEARD, NOTHING_LEFT, TextOptions, show
from engine.text.profanity import Profanity, WordList
from engine.types import Final, Partial, Word
from tests.helpers.scripted import ScriptedTrack, Spoken

LISTED = WordList.parse("# comment\ndarn\nheck*  # any ending\n\n")


def said(text: str) -> list[Word]:
    return [Word(word, i, i + 0.5, 0.9, i + 1.0) for i, word in enumerate(text.split())]


def shown(text: str, options: TextOptions) -> str:
    words = said(text)
    return " ".join(word.text for word in show(words, len(words), options, final=True).words)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Profanity.OFF, 'Darn, "hecking" darning Scheck.'),
        (Profanity.MASK, 'D***, "h******" darning Scheck.'),
        (Profanity.DROP, "darning Scheck."),
    ],
)
def test_listed_words_are_hidden_and_only_whole_ones(choice: Profanity, text: str) -> None:
    assert shown('Darn, "hecking" darning Scheck.', TextOptions(profanity=choice, profane=LISTED)) == text


def test_an_utterance_of_dropped_words_still_says_that_something_was_said() -> None:
    assert shown("darn heck", TextOptions(profanity=Profanity.DROP, profane=LISTED)) == NOTHING_LEFT


def test_the_packaged_list_leaves_ordinary_words_alone() -> None:
    text = "the cocktail class in Scunthorpe will assess a shitake dish"
    assert shown(text, TextOptions(profanity=Profanity.DROP)) == text


def test_capitals_open_the_utterance_and_name_the_speaker() -> None:
    options = TextOptions(capitals=True)
    assert shown("what i think is i'm in iowa", options) == "What I think is I'm in iowa"
    assert capitalised('"so', first=True) == '"So'


def test_nothing_is_done_when_nothing_is_asked_for() -> None:
    assert shown("twenty one i darn", AS_HEARD) == "twenty one i darn"


WORDS = ["i", "darn", "heck", "twenty", "one", "hundred", "people", "five", "percent.", "may", "cats", "point"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=30), st.sampled_from(list(Profanity)), st.booleans(), st.booleans())
def test_what_is_settled_stays(heard: list[str], choice: Profanity, numbers: bool, capitals: bool) -> None:
    options = TextOptions(numbers, choice, LISTED, capitals)
    words = said(" ".join(heard))
    end = show(words, len(words), options, final=True)
    for settled in range(len(words) + 1):
        now = show(words, settled, options, final=False)
        assert now.words[: now.settled] == end.words[: now.settled]
        # An utterance may be ended behind its settled words: what was shown of them is what it ends with.
        if now.settled:
            assert show(words[: now.used], now.used, options, final=True).words == now.words[: now.settled]


def test_a_stream_shows_figures_once_the_number_is_over_and_never_cuts_one() -> None:
    said_pieces = [
        "\u2581about",
        "\u2581twenty",
        "\u2581one",
        "\u2581people",
        "\u2581in",
        "\u2581nineteen",
        "\u2581ten",
    ]
    script = [Spoken(piece, 0.5 + 0.4 * i) for i, piece in enumerate(said_pieces)]
    stream = Stream(ScriptedTrack(script, ()), EndpointRules(longest_utterance=1.0), text=TextOptions())
    updates = [update for _ in range(60) for update in stream.push(np.zeros(1_600, np.float32))] + stream.finish()
    assert " ".join(update.text for update in updates if isinstance(update, Final)) == "about 21 people in 1910"
    assert all("20" not in update.text for update in updates if isinstance(update, Partial))
