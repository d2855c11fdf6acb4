"""How the user wants words written: numbers in figures or not, and what becomes of profane words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core import paths
from app.core.errors import WordListError
from app.core.files import write_atomically
from engine.text.pipeline import TextOptions
from engine.text.profanity import Profanity, WordList, packaged_text


@dataclass(frozen=True, slots=True)
class TextChoice:
    """What was asked for; the list of words is not read yet."""

    numbers: bool = False
    """Off by default: the starter writes the numbers that it wants in figures so itself."""
    profanity: Profanity = Profanity.OFF

    def options(self) -> TextOptions:
        """Reads the user's own list of profane words, or the program's where there is none.

        Raises WordListError when the user's list cannot be read.
        """
        own = paths.profanity_file()
        if self.profanity is Profanity.OFF or not own.exists():
            return TextOptions(self.numbers, self.profanity)
        try:
            listed = WordList.parse(own.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise WordListError(f"The list of words to hide, {own}, cannot be read: {error}.") from error
        return TextOptions(self.numbers, self.profanity, listed)


DEFAULT_TEXT = TextChoice()


def own_profanity_list() -> Path:
    """The user's own list of words to hide, begun with the program's where there is none.

    Raises WordListError when it cannot be written.
    """
    own = paths.profanity_file()
    if not own.exists():
        try:
            write_atomically(own, packaged_text())
        except OSError as error:
            raise WordListError(f"The list of words to hide, {own}, cannot be written: {error.strerror}.") from error
    return own
