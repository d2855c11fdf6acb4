"""What guides the search for words on the command line: a word list, a language model, a width, a mode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.core import word_file
from app.core.errors import WordListError
from app.core.word_verdict import complaints
from engine.decoding.guidance import Guidance
from engine.language_model import load_language_model
from engine.recognizer import Recognizer, Stream
from engine.stability import Steadiness


@dataclass(frozen=True, slots=True)
class Guide:
    """The files that were named, not read yet."""

    words: Path | None = None
    language_model: Path | None = None
    beam: int | None = None
    steadiness: Steadiness = Steadiness.BALANCED
    alternatives: int = 0

    def guidance(self) -> Guidance:
        """Without the word list, which needs a loaded model. Raises EngineError for a broken language model."""
        model = load_language_model(self.language_model) if self.language_model else None
        return Guidance(
            language_model=model, beam=self.beam, steadiness=self.steadiness, alternatives=self.alternatives
        )


class GuidedModel:
    """A loaded model whose streams all follow the same files, read once."""

    def __init__(self, recognizer: Recognizer, guide: Guide) -> None:
        """Raises WordListError when the list is not there or cannot be read, EngineError for the language model."""
        self._recognizer = recognizer
        self._guidance = guide.guidance()
        self.sentences: tuple[str, ...] = ()
        """What is wrong with single lines of the list."""
        if guide.words:
            if not guide.words.exists():
                raise WordListError(f"There is no word list {guide.words}.")
            words = word_file.read(guide.words)
            boost = recognizer.compile(words.phrases)
            self.sentences = complaints(words, boost.report)
            self._guidance = replace(self._guidance, boost=boost)

    def stream(self) -> Stream:
        return self._recognizer.stream(self._guidance)
