"""What a track needs of an attention encoder-decoder, whatever its family: encode a window, extend a transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.models.parts import Bundle
from engine.models.session import Array
from engine.models.window_encoder import WindowEncoder
from engine.types import Frames, Samples

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DecoderState:
    """What a decoder carries from token to token."""

    memory: tuple[Array, ...]
    """What it attends to: made once a window, and shared by all rows of a beam; 1 on axis 0."""
    past: tuple[Array, ...]
    """Its own keys and values (or hidden states); tokens on axis -2."""
    batch_axis: int
    """The axis of `past` that holds the rows of a beam."""

    @property
    def length(self) -> int:
        """How many tokens it has taken in."""
        return int(self.past[0].shape[-2])

    def cut(self, length: int) -> DecoderState:
        """As it was after its first `length` tokens."""
        return replace(self, past=tuple(array[..., :length, :] for array in self.past))

    def pick(self, rows: Sequence[int]) -> DecoderState:
        """The state of a beam that goes on from these rows of this one."""
        return replace(self, past=tuple(array.take(rows, axis=self.batch_axis) for array in self.past))

    def memory_of(self, rows: int) -> tuple[Array, ...]:
        """The memory once for each row of a beam, for graphs that cannot share it."""
        return tuple(array.repeat(rows, axis=0) for array in self.memory) if rows > 1 else self.memory


@dataclass(frozen=True, slots=True)
class Advance:
    """What a decoder says after the last of the tokens it was given, as many as were to be scored."""

    logits: NDArray[np.float32]
    """[B, scored, V]: scores of the token that follows each of them."""
    attention: NDArray[np.float32] | None
    """[B, scored, T]: where in the window it looked for that following token; None where the graph does not tell."""
    state: DecoderState


class AttentionModel(Protocol):
    """An opened attention encoder-decoder. Immutable; serves any number of streams."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """The vocabulary by id; U+2581 opens a word."""
        ...

    @property
    def prompt(self) -> tuple[int, ...]:
        """What every transcript begins with: start, task and language tokens."""
        ...

    @property
    def end(self) -> int:
        """The token that ends a transcript."""
        ...

    @property
    def frame(self) -> float:
        """Seconds from one encoder frame to the next."""
        ...

    @property
    def tokens_per_second(self) -> float:
        """More than this is no speech but a loop."""
        ...

    @property
    def shortest(self) -> int:
        """Samples that a window needs at least."""
        ...

    @property
    def tells_attention(self) -> bool:
        """Whether `Advance.attention` is there."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether several tokens may be taken in at any state, and not only at the first."""
        ...

    def encode(self, samples: Samples) -> Frames:
        """What the decoder attends to in a whole window, [T, D]: encoder frames, or what is made of each of them."""
        ...

    def window(self, before: WindowEncoder | None = None, /) -> WindowEncoder:
        """An encoder for one window of a stream; its frames are such as `encode` gives.

        Args:
            before: that of an earlier window in which somebody spoke; what it knows of room and voice may be of use.
        """
        ...

    def start(self, frames: Frames) -> DecoderState:
        """A decoder that attends to these frames and has seen no token, not even the prompt."""
        ...

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """Take in tokens [B, n], and score what follows the last `scored` of them.

        Several at once (n > 1) only from a state of length 0, unless the model `goes_on`.
        """
        ...


@dataclass(frozen=True, slots=True)
class AttentionBundle(Bundle):
    """A model that is decoded window by window."""

    model: AttentionModel
