"""How captions are to be written and how steady, followed while they run: the user's choice, and the user's list."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core import paths
from app.core.settings import Settings
from app.core.text_choice import TextChoice
from app.core.word_file import Stamp, stamp_of
from engine.stability import Steadiness
from engine.text.pipeline import TextOptions
from engine.text.profanity import Profanity


@dataclass(frozen=True, slots=True)
class MannerChoice:
    """What was asked for."""

    text: TextChoice = field(default_factory=TextChoice)
    steadiness: Steadiness = Steadiness.BALANCED

    @classmethod
    def of(cls, settings: Settings) -> MannerChoice:
        text = TextChoice(settings.numbers, Profanity(settings.profanity))
        return cls(text, Steadiness(settings.steadiness))


@dataclass(frozen=True, slots=True)
class Manner:
    """What streams are given."""

    text: TextOptions
    steadiness: Steadiness


class MannerWatch:
    """`choose` may be called on any thread; `poll` is for the thread that owns the streams."""

    def __init__(self, choice: MannerChoice) -> None:
        self._choice = choice
        self._given: tuple[MannerChoice, Stamp | None] | None = None

    def choose(self, choice: MannerChoice) -> None:
        self._choice = choice

    def poll(self) -> Manner | None:
        """The manner when it is new or has changed, else None.

        Raises WordListError once when the user's list of words to hide cannot be read; then the old manner goes on.
        """
        choice = self._choice
        hides = choice.text.profanity is not Profanity.OFF
        now = choice, stamp_of(paths.profanity_file()) if hides else None
        if now == self._given:
            return None
        self._given = now
        return Manner(choice.text.options(), choice.steadiness)
