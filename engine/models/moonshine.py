"""Moonshine: its merged decoder, and the encoders that can stand before it.

The merged decoder holds the first call, which makes the cross-attention's keys and values, and all later calls,
which are given them. Known-good tensors: Hugging Face transformers, MoonshineForConditionalGeneration, exported
by Optimum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.errors import ModelFileBroken, ModelMismatch
from engine.models.attention import Advance, AttentionBundle, DecoderState, Ids
from engine.models.options import ModelOptions
from engine.models.ort_attention import reveal_attention
from engine.models.session import Array, Graph, open_graph
from engine.models.tokenizer import read_pieces
from engine.models.window_encoder import WindowEncoder
from engine.types import SAMPLE_RATE, Frames, ModelInfo, Samples

FRAME_SAMPLES = 384
"""Samples from one encoder frame to the next."""
_SHORTEST = 1_600
"""The convolutions in front need 959 samples for two frames; anything under 0.1 s holds no word."""
_TOKENS_PER_SECOND = 6.5
"""Source: Moonshine's model card; above it the decoder repeats itself."""
_BEGIN, _END = "<s>", "</s>"

_ALIGNMENT_HEADS = {
    (6, 8): ((3, 5), (4, 1), (4, 2), (4, 3), (5, 1), (5, 4), (5, 7)),
}
"""Cross-attention heads (layer, head) that follow the speech, by (layers, heads) of the decoder. For tiny: those
of 48 whose peaks stray least from where voice activity begins and ends, over 60 recordings."""


class Encoder(Protocol):
    """From sound to the frames that the decoder attends to."""

    def encode(self, samples: Samples) -> Frames:
        """Frames [T, D] of a whole window."""
        ...

    def window(self) -> WindowEncoder:
        """An encoder for one window of a stream."""
        ...


@dataclass(frozen=True, slots=True)
class Moonshine:
    """An `engine.models.attention.AttentionModel`."""

    encoder: Encoder
    decoder: MoonshineDecoder
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

    def encode(self, samples: Samples) -> Frames:
        """Encoder frames [T, D] of a whole window of at least `shortest` samples."""
        return self.encoder.encode(samples)

    def window(self) -> WindowEncoder:
        """An encoder for one window of a stream."""
        return self.encoder.window()

    def start(self, frames: Frames) -> DecoderState:
        """A decoder that attends to these frames and has seen no token."""
        return self.decoder.start(frames, self.prompt[0])

    def advance(self, state: DecoderState, tokens: Ids) -> Advance:
        """Take in tokens [B, n]."""
        return self.decoder.advance(state, tokens)


class MoonshineDecoder:
    """The merged decoder graph."""

    def __init__(self, path: Path, options: ModelOptions) -> None:
        """Raises ModelError: the file cannot be opened, or is no such decoder."""
        self.tells_attention = False
        self.graph = open_graph(path, options, "the decoder", edit=self._reveal)
        self._empty = _empty_past(self.graph)
        layers, heads = len(self._empty) // 2, self._empty[0].shape[1]
        self._heads = _alignment_heads(layers, heads)
        self._own = [f"{layer}.decoder.{part}" for layer in range(layers) for part in ("key", "value")]
        self._cross = [f"{layer}.encoder.{part}" for layer in range(layers) for part in ("key", "value")]

    def start(self, frames: Frames, begin: int) -> DecoderState:
        """One run of the first branch, for its cross-attention keys and values; what it says is not used."""
        shared = frames[None]
        unseen = [np.zeros((1, e.shape[1], len(frames), e.shape[3]), np.float32) for e in self._empty]
        outputs = self._run(shared, np.array([[begin]]), self._empty, unseen, cached=False)
        memory = tuple(outputs[f"present.{name}"] for name in self._cross)
        return DecoderState((shared, *memory), self._empty, batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids) -> Advance:
        """Take in tokens [B, n]."""
        frames, *memory = state.memory
        outputs = self._run(frames, tokens, state.past, memory, cached=True)
        past = tuple(outputs[f"present.{name}"] for name in self._own)
        attention = None
        if self.tells_attention:
            attention = np.mean([outputs[f"present.{layer}.encoder.key"][:, head] for layer, head in self._heads], 0)
        return Advance(outputs["logits"], attention, DecoderState(state.memory, past, batch_axis=0))

    def _reveal(self, content: bytes) -> bytes | None:
        edited = reveal_attention(content)
        self.tells_attention = edited is not None
        return edited

    def _run(
        self, frames: Array, tokens: Ids, own: Sequence[Array], cross: Sequence[Array], *, cached: bool
    ) -> dict[str, Array]:
        feed: dict[str, Array] = {
            "input_ids": tokens.astype(np.int64),
            "encoder_hidden_states": frames,
            # The graph keeps every 384th value of a mask that is as long as the sound.
            "encoder_attention_mask": np.ones((len(frames), frames.shape[1] * FRAME_SAMPLES), np.int64),
            "use_cache_branch": np.array([cached]),
        }
        for names, values in ((self._own, own), (self._cross, cross)):
            feed.update((f"past_key_values.{name}", value) for name, value in zip(names, values, strict=True))
        results = self.graph.run(*(feed[tensor.name] for tensor in self.graph.inputs))
        return {tensor.name: value for tensor, value in zip(self.graph.outputs, results, strict=True)}


def assemble(
    folder: Path,
    encoder: Encoder,
    encoder_graph: Graph,
    width: int | None,
    decoder: MoonshineDecoder,
    chunk: int = 0,
    look_ahead: int = 0,
) -> AttentionBundle:
    """A bundle of opened graphs and the folder's tokenizer.

    Args:
        width: numbers in a frame of the encoder; None where its graph leaves it open.
        chunk: samples that a streaming encoder takes in a step, 0 for one that encodes windows.
        look_ahead: samples that it hears after them.

    Raises:
        ModelError: the tokenizer is missing or broken, or the parts do not fit each other.
    """
    tokenizer, pieces = read_pieces(folder)
    takes = next(tensor.shape[-1] for tensor in decoder.graph.inputs if tensor.name == "encoder_hidden_states")
    if None not in (takes, width) and takes != width:
        raise ModelMismatch(
            decoder.graph.path, f"it takes encoder frames of {takes} numbers, the encoder gives {width}"
        )
    scored = next((tensor.shape[-1] for tensor in decoder.graph.outputs if tensor.name == "logits"), None)
    if scored is not None and scored != len(pieces):
        raise ModelMismatch(tokenizer, f"it lists {len(pieces)} pieces, {decoder.graph.path.name} scores {scored}")
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
        files=(encoder_graph.path.name, decoder.graph.path.name, tokenizer.name),
    )
    return AttentionBundle(folder=folder, info=info, model=model)


def _is_quantised(path: Path) -> bool:
    content = path.read_bytes()
    return b"MatMulInteger" in content or b"DynamicQuantizeMatMul" in content


def _empty_past(decoder: Graph) -> tuple[Array, ...]:
    """Keys and values of no tokens, [1, heads, 0, D], layer by layer; ModelMismatch when the inputs are others."""
    shapes = {tensor.name: tensor for tensor in decoder.inputs}
    layers = sum(bool(re.fullmatch(r"past_key_values\.\d+\.decoder\.key", name)) for name in shapes)
    wanted = {"input_ids", "encoder_hidden_states", "use_cache_branch"} | {
        f"past_key_values.{layer}.{kind}.{part}"
        for layer in range(layers)
        for kind in ("decoder", "encoder")
        for part in ("key", "value")
    }
    if not layers or wanted - set(shapes) or set(shapes) - wanted - {"encoder_attention_mask"}:
        raise ModelMismatch(decoder.path, "its inputs are not those of a merged Moonshine decoder")
    key = shapes["past_key_values.0.decoder.key"]
    heads, size = decoder.static(key, 1, "the number of heads"), decoder.static(key, 3, "the size of a head")
    return tuple(np.zeros((1, heads, 0, size), np.float32) for _ in range(2 * layers))


def _alignment_heads(layers: int, heads: int) -> tuple[tuple[int, int], ...]:
    """Known heads, or else all of the upper half of the layers, as Whisper's word times take them by default."""
    every = tuple((layer, head) for layer in range(layers // 2, layers) for head in range(heads))
    return _ALIGNMENT_HEADS.get((layers, heads), every)
