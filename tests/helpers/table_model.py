"""A made-up attention model whose every probability is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import log

import numpy as np

from engine.models.attention import Advance, DecoderState, Ids
from engine.models.window_encoder import Reencoder, WindowEncoder
from engine.types import Frames, Samples

BEGIN, END = 4, 5
SIZE = 6
FRAMES = np.zeros((20, 1), np.float32)


@dataclass(frozen=True)
class TableModel:
    """Next-token probabilities by what was said so far; END follows what the table does not have."""

    table: Mapping[tuple[int, ...], Mapping[int, float]]
    calls: list[tuple[int, int]] = field(default_factory=list)
    """(rows, tokens) of each call."""
    pieces: tuple[str, ...] = ("\u2581a", "\u2581b", "\u2581c", "\u2581d", "<s>", "</s>")
    prompt: tuple[int, ...] = (BEGIN,)
    end: int = END
    frame: float = 0.1
    tokens_per_second: float = 2.0
    shortest: int = 0
    tells_attention: bool = True
    goes_on: bool = True

    def encode(self, samples: Samples) -> Frames:
        return FRAMES

    def window(self, _before: WindowEncoder | None = None) -> WindowEncoder:
        return Reencoder(self.encode)

    def start(self, frames: Frames) -> DecoderState:
        return DecoderState((frames[None],), (np.zeros((1, 0, 1), np.float32),), batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        self.calls.append(tokens.shape)
        past = np.concatenate([state.past[0], tokens[..., None].astype(np.float32)], axis=1)
        rows, new = tokens.shape
        logits = np.full((rows, new, SIZE), -30.0, np.float32)
        attention = np.zeros((rows, new, len(FRAMES)), np.float32)
        for row, k in product(range(rows), range(new)):
            said = tuple(int(x) for x in past[row, 1 : state.length + k + 1, 0])
            for token, probability in self.table.get(said, {END: 1.0}).items():
                logits[row, k, token] = log(probability)
            attention[row, k, min(3 * len(said), len(FRAMES) - 1)] = 1.0
        return Advance(logits[:, -scored:], attention[:, -scored:], DecoderState(state.memory, (past,), 0))
