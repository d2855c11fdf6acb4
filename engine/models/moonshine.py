"""Moonshine: its decoder, and the encoders that can stand before it.

Known-good tensors: Hugging Face transformers, MoonshineForConditionalGeneration, exported by Optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.errors import ModelFileBroken, ModelMismatch
from engine.models.attention import Advance, AttentionBundle, DecoderState, Ids
from engine.models.moonshine_decoder import FRAME_SAMPLES, Decoder
from engine.models.session import Graph
from engine.models.tokenizer import read_pieces
from engine.models.window_encoder import WindowEncoder
from engine.types import SAMPLE_RATE, Frames, ModelInfo, Samples

_SHORTEST = 1_600
"""The convolutions in front need 959 samples for two frames; anything under 0.1 s holds no word."""
_TOKENS_PER_SECOND = 6.5
"""Source: Moonshine's model card; above it the decoder repeats itself."""
_BEGIN, _END = "<s>", "</s>"


class Encoder(Protocol):
    """From sound to encoder frames."""

    def window(self, attended: Callable[[Frames], Frames], before: WindowEncoder | None, /) -> WindowEncoder:
        """An encoder for one window of a stream, which gives what `attended` makes of its frames, each by itself.

        Args:
            before: as in `engine.models.attention.AttentionModel.window`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Moonshine:
    """An `engine.models.attention.AttentionModel`."""

    encoder: Encoder
    decoder: Decoder
    pieces: tuple[str, ...]
    prompt: tuple[int, ...]
    end: int
    frame: float = FRAME_SAMPLES / SAMPLE_RATE
    tokens_per_second: float = _TOKENS_PER_SECOND
    shortest: int = _SHORTEST

    @property
    def tells_attention(self) -> bool:
        """Whether the decoder's file lets it tell."""
        return self.decoder.tells_attention

    @property
    def goes_on(self) -> bool:
        """Whether the decoder takes in several tokens at any state."""
        return self.decoder.goes_on

    def encode(self, samples: Samples) -> Frames:
        """What the decoder attends to in a whole window of at least `shortest` samples."""
        window = self.window()
        window.extend(samples)
        return window.frames(len(samples))

    def window(self, before: WindowEncoder | None = None) -> WindowEncoder:
        """An encoder for one window of a stream."""
        return self.encoder.window(self.decoder.attended, before)

    def start(self, frames: Frames) -> DecoderState:
        """A decoder that attends to these frames and has seen no token."""
        return self.decoder.start(frames)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """Take in tokens [B, n]."""
        return self.decoder.advance(state, tokens, scored)


def assemble(
    encoder: Encoder,
    encoder_graph: Graph,
    width: int | None,
    decoder: Decoder,
    chunk: int = 0,
    look_ahead: int = 0,
) -> AttentionBundle:
    """A bundle of opened graphs and the tokenizer beside the decoder; the encoder's folder is the model's.

    Args:
        width: numbers in a frame of the encoder; None where its graph leaves it open.
        chunk: samples that a streaming encoder takes in a step, 0 for one that encodes windows.
        look_ahead: samples that it hears after them.

    Raises:
        ModelError: the tokenizer is missing or broken, or the parts do not fit each other.
    """
    folder = encoder_graph.path.parent
    tokenizer, pieces = read_pieces(decoder.path.parent)
    if None not in (decoder.width, width) and decoder.width != width:
        raise ModelMismatch(
            decoder.path, f"it takes encoder frames of {decoder.width} numbers, the encoder gives {width}"
        )
    if decoder.scored not in (None, len(pieces)):
        raise ModelMismatch(tokenizer, f"it lists {len(pieces)} pieces, {decoder.path.name} scores {decoder.scored}")
    for mark in (_BEGIN, _END):
        if mark not in pieces:
            raise ModelFileBroken(tokenizer, f"it has no {mark}")
    model = Moonshine(encoder, decoder, pieces, prompt=(pieces.index(_BEGIN),), end=pieces.index(_END))
    text = [piece for piece in pieces if not piece.startswith("<")]
    info = ModelInfo(
        name=f"Moonshine {folder.resolve().name}",
        family="attention",
        decoders=("attention",),
        streaming=chunk > 0,
        chunk=chunk / SAMPLE_RATE,
        look_ahead=look_ahead / SAMPLE_RATE,
        vocabulary_size=len(pieces),
        precision="int8" if _is_quantised(encoder_graph.path) else "fp32",
        provider=encoder_graph.provider,
        cased=any(piece != piece.lower() for piece in text),
        punctuated=any(mark in piece for piece in text for mark in ".?"),
        files=(encoder_graph.path.name, decoder.path.name, tokenizer.name),
    )
    return AttentionBundle(folder=folder, info=info, model=model)


def _is_quantised(path: Path) -> bool:
    content = path.read_bytes()
    return any(kind in content for kind in (b"MatMulInteger", b"DynamicQuantizeMatMul", b"MatMulNBits"))
