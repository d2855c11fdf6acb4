"""What is done to words, from the user's files to what a stream shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core import paths
from app.core.errors import WordListError
from app.core.text_choice import TextChoice
from engine.endpoint import EndpointRules
from engine.recognizer import Stream
from engine.text.profanity import Profanity
from engine.types import Final
from tests.helpers.scripted import ScriptedTrack, Spoken

SAID = ["\u2581Darn,", "\u2581my", "\u2581broccoli", "\u2581cost", "\u2581twenty", "\u2581one", "\u2581pounds."]


def shown(choice: TextChoice) -> str:
    """What a stream makes of these words under the choice."""
    track = ScriptedTrack([Spoken(piece, 0.5 + 0.3 * i) for i, piece in enumerate(SAID)])
    stream = Stream(track, EndpointRules(), text=choice.options())
    updates = stream.push(np.zeros(64_000, np.float32)) + stream.finish()
    return " ".join(update.text for update in updates if isinstance(update, Final))


def test_a_list_of_ones_own_takes_the_place_of_the_packaged_one_and_is_read_anew() -> None:
    assert shown(TextChoice(profanity=Profanity.MASK)) == "Darn, my broccoli cost twenty one pounds."
    paths.profanity_file().parent.mkdir(parents=True)
    paths.profanity_file().write_text("# not at the table\nbroccol*\n", encoding="utf-8")
    assert shown(TextChoice(profanity=Profanity.MASK)) == "Darn, my b******* cost twenty one pounds."
    paths.profanity_file().write_text("darn\n", encoding="utf-8")
    assert shown(TextChoice(profanity=Profanity.DROP)) == "my broccoli cost twenty one pounds."
    assert shown(TextChoice(profanity=Profanity.OFF)) == "Darn, my broccoli cost twenty one pounds."


def test_a_list_that_is_no_text_is_named() -> None:
    paths.profanity_file().parent.mkdir(parents=True)
    paths.profanity_file().write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WordListError, match=r"profanity\.txt"):
        TextChoice(profanity=Profanity.MASK).options()
    TextChoice(profanity=Profanity.OFF).options()  # not asked for, not read


def test_numbers_are_written_in_figures_only_where_that_is_chosen() -> None:
    assert shown(TextChoice(numbers=True)) == "Darn, my broccoli cost 21 pounds."
    assert shown(replace(TextChoice(numbers=True), numbers=False)) == "Darn, my broccoli cost twenty one pounds."
