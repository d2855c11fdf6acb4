"""Layout: Moonshine, encoder_model and a merged decoder_model_merged (.ort or .onnx), tokenizer.bin or .json.

Raw sound in, 384 samples an encoder frame. The merged decoder holds the first call, which makes the
cross-attention's keys and values, and all later calls, which are given them. Known-good tensors: Hugging Face
transformers, MoonshineForConditionalGeneration, exported by Optimum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ModelFileBroken, ModelMismatch
from engine.models.attention import Advance, AttentionBundle, DecoderState, Ids
from engine.models.files import graphs
from engine.models.options import ModelOptions
from engine.models.ort_attention import reveal_attention
from engine.models.session import Array, Graph, open_graph
from engine.models.tokenizer import read_pieces
from engine.types import SAMPLE_RATE, Frames, ModelInfo, Samples

_ENCODER, _DECODER = "encoder_model", "decoder_model_merged"
_FRAME_SAMPLES = 384
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


@dataclass(frozen=True, slots=True)
class Moonshine:
    """An `engine.models.attention.AttentionModel` made of Moonshine's two graphs."""

    encoder: Graph
    decoder: Graph
    pieces: tuple[str, ...]
    prompt: tuple[int, ...]
    end: int
    tells_attention: bool
    heads: tuple[tuple[int, int], ...]
    """(layer, head) pairs whose cross-attention is averaged."""
    _empty: tuple[Array, ...]
    frame: float = _FRAME_SAMPLES / SAMPLE_RATE
    tokens_per_second: float = _TOKENS_PER_SECOND
    shortest: int = _SHORTEST

    def encode(self, samples: Samples) -> Frames:
        """Encoder frames [T, D] of a whole window of at least `shortest` samples."""
        frames: Frames = self.encoder.run(samples[None], np.ones((1, len(samples)), np.int64))[0][0]
        return frames

    def start(self, frames: Frames) -> DecoderState:
        """One run of the first branch, for its cross-attention keys and values; what it says is not used."""
        shared = frames[None]
        unseen = [np.zeros((1, e.shape[1], len(frames), e.shape[3]), np.float32) for e in self._empty]
        outputs = self._run(shared, np.array([[self.prompt[0]]]), self._empty, unseen, cached=False)
        memory = tuple(outputs[name] for name in self._names("present", "encoder"))
        return DecoderState((shared, *memory), self._empty, batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids) -> Advance:
        """Take in tokens [B, n]."""
        frames, *memory = state.memory
        outputs = self._run(frames, tokens, state.past, memory, cached=True)
        past = tuple(outputs[name] for name in self._names("present", "decoder"))
        attention = None
        if self.tells_attention:
            attention = np.mean([outputs[f"present.{layer}.encoder.key"][:, head] for layer, head in self.heads], 0)
        return Advance(outputs["logits"], attention, DecoderState(state.memory, past, batch_axis=0))

    def _run(
        self, frames: Array, tokens: Ids, own: tuple[Array, ...], cross: list[Array], *, cached: bool
    ) -> dict[str, Array]:
        feed: dict[str, Array] = {
            "input_ids": tokens.astype(np.int64),
            "encoder_hidden_states": frames,
            # The graph keeps every 384th value of a mask that is as long as the sound.
            "encoder_attention_mask": np.ones((len(frames), frames.shape[1] * _FRAME_SAMPLES), np.int64),
            "use_cache_branch": np.array([cached]),
            **dict(zip(self._names("past_key_values", "decoder"), own, strict=True)),
            **dict(zip(self._names("past_key_values", "encoder"), cross, strict=True)),
        }
        values = self.decoder.run(*(feed[tensor.name] for tensor in self.decoder.inputs))
        return {tensor.name: value for tensor, value in zip(self.decoder.outputs, values, strict=True)}

    def _names(self, prefix: str, kind: str) -> list[str]:
        layers = len(self._empty) // 2
        return [f"{prefix}.{layer}.{kind}.{part}" for layer in range(layers) for part in ("key", "value")]


def matches(folder: Path) -> bool:
    return bool(graphs(folder, _ENCODER)) and bool(graphs(folder, _DECODER))


def load(path: Path, options: ModelOptions) -> AttentionBundle:
    """Open the folder; raises ModelError for whatever is wrong with it."""
    tokenizer, pieces = read_pieces(path)
    encoder = open_graph(_only(path, _ENCODER), options, "the encoder")
    encoder.expect((2, 2), (3,))
    file = _only(path, _DECODER)
    revealed = False

    def reveal(content: bytes) -> bytes | None:
        nonlocal revealed
        edited = reveal_attention(content)
        revealed = edited is not None
        return edited

    decoder = open_graph(file, options, "the decoder", edit=reveal)
    empty = _empty_past(decoder)
    _check(encoder, decoder, tokenizer, pieces)
    model = Moonshine(
        encoder=encoder,
        decoder=decoder,
        pieces=pieces,
        prompt=(pieces.index(_BEGIN),),
        end=pieces.index(_END),
        tells_attention=revealed,
        heads=_alignment_heads(len(empty) // 2, empty[0].shape[1]),
        _empty=empty,
    )
    return AttentionBundle(folder=path, info=_describe(path, model, tokenizer), model=model)


def _only(folder: Path, role: str) -> Path:
    found = graphs(folder, role)
    return found.get("fp32") or found["int8"]


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


def _check(encoder: Graph, decoder: Graph, tokenizer: Path, pieces: tuple[str, ...]) -> None:
    takes = next(tensor.shape[-1] for tensor in decoder.inputs if tensor.name == "encoder_hidden_states")
    gives = encoder.outputs[0].shape[2]
    if None not in (takes, gives) and takes != gives:
        raise ModelMismatch(decoder.path, f"it takes encoder frames of {takes} numbers, the encoder gives {gives}")
    scored = next((tensor.shape[-1] for tensor in decoder.outputs if tensor.name == "logits"), None)
    if scored is not None and scored != len(pieces):
        raise ModelMismatch(tokenizer, f"it lists {len(pieces)} pieces, {decoder.path.name} scores {scored}")
    for mark in (_BEGIN, _END):
        if mark not in pieces:
            raise ModelFileBroken(tokenizer, f"it has no {mark}")


def _alignment_heads(layers: int, heads: int) -> tuple[tuple[int, int], ...]:
    """Known heads, or else all of the upper half of the layers, as Whisper's word times take them by default."""
    every = tuple((layer, head) for layer in range(layers // 2, layers) for head in range(heads))
    return _ALIGNMENT_HEADS.get((layers, heads), every)


def _describe(folder: Path, model: Moonshine, tokenizer: Path) -> ModelInfo:
    files = (model.encoder.path, model.decoder.path, tokenizer)
    content = model.encoder.path.read_bytes()
    quantised = b"MatMulInteger" in content or b"DynamicQuantizeMatMul" in content
    plain = [piece for piece in model.pieces if not piece.startswith("<")]
    return ModelInfo(
        name=f"moonshine-{folder.resolve().name}",
        family="attention",
        decoders=("attention",),
        streaming=False,
        chunk=0.0,
        look_ahead=0.0,
        vocabulary_size=len(model.pieces),
        precision="int8" if quantised else "fp32",
        provider=model.encoder.provider,
        cased=any(piece != piece.lower() for piece in plain),
        punctuated=any(mark in piece for piece in plain for mark in ".?"),
        files=tuple(path.name for path in files),
    )
