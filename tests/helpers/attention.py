"""A made-up attention model for tests, and sound made for it: each word is a stretch of one constant value.

The model says what an ideal one would of the sound it is given, with two habits of real ones: a word that the end
of the window cuts short is misheard, and one whose beginning lies before the window is missed. It looks at the
frame where a word begins, token by token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.models.attention import Advance, DecoderState, Ids
from engine.models.window_encoder import Reencoder, WindowEncoder
from engine.types import Frames, Samples

HOP = 384
WORDS = 60
"""Word k has the pieces k (which opens it) and, for odd k, its ending."""
ENDING, MISHEARD, BEGIN, END = WORDS, WORDS + 1, WORDS + 2, WORDS + 3
SIZE = WORDS + 4
_LEVEL = 0.01


def say(words: Sequence[tuple[int, float, float]], seconds: float) -> Samples:
    """Sound of words (number, start, end); silence elsewhere."""
    sound = np.zeros(int(seconds * 16_000), np.float32)
    for word, start, end in words:
        sound[int(start * 16_000) : int(end * 16_000)] = (word + 1) * _LEVEL
    return sound


def spoken(words: Sequence[tuple[int, float, float]]) -> list[int]:
    """The tokens of what `say` says."""
    return [token for word, *_ in words for token in ([word, ENDING] if word % 2 else [word])]


class LevelVoice:
    """Voice activity for such sound."""

    def probability(self, block: Samples) -> float:
        return 1.0 if np.abs(block).mean() > _LEVEL / 2 else 0.0


@dataclass(frozen=True)
class LevelModel:
    """An `engine.models.attention.AttentionModel` for such sound."""

    tells_attention: bool = True
    goes_on: bool = True
    surest: float = 12.0
    """Logit of the token that is right; the others have 0."""
    prompt: tuple[int, ...] = (BEGIN,)
    end: int = END
    frame: float = HOP / 16_000
    tokens_per_second: float = 12.0
    shortest: int = 1_600

    @property
    def pieces(self) -> tuple[str, ...]:
        return (*(f"\u2581w{word}" for word in range(WORDS)), "'s", "\u2581hm", "<s>", "</s>")

    def encode(self, samples: Samples) -> Frames:
        return samples[: len(samples) // HOP * HOP : HOP, None]

    def window(self, _before: WindowEncoder | None = None) -> WindowEncoder:
        return Reencoder(self.encode)

    def start(self, frames: Frames) -> DecoderState:
        return DecoderState((frames[None],), (np.zeros((1, 0, 1), np.float32),), batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        frames = state.memory[0]
        past = np.concatenate([state.past[0], tokens[..., None].astype(np.float32)], axis=1)
        script = self._script(frames[0, :, 0])
        count = tokens.shape[1]
        logits = np.zeros((len(tokens), count, SIZE), np.float32)
        attention = np.full((len(tokens), count, frames.shape[1]), 1e-3, np.float32)
        for row in range(len(tokens)):
            for k in range(count):
                place = state.length + k + 1 - len(self.prompt)
                token, frame = script[place] if place < len(script) else (END, frames.shape[1] - 1)
                logits[row, k, token] = self.surest
                attention[row, k, frame] = 1.0
        looked = attention[:, -scored:] if self.tells_attention else None
        return Advance(logits[:, -scored:], looked, DecoderState(state.memory, (past,), 0))

    def _script(self, levels: Samples) -> list[tuple[int, int]]:
        numbers = np.rint(levels / _LEVEL).astype(int) - 1
        script: list[tuple[int, int]] = []
        starts = [t for t in range(1, len(numbers)) if numbers[t] >= 0 and numbers[t] != numbers[t - 1]]
        for start in starts:
            word = int(numbers[start])
            length = next((t for t in range(start, len(numbers)) if numbers[t] != word), len(numbers)) - start
            cut = start + length == len(numbers) and length < 5
            script.append((MISHEARD if cut else word, start))
            if word % 2 and not cut:
                script.append((ENDING, start + length // 2))
        return script
