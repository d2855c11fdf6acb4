"""Runs Moonshine's decoder: written anew where its file is understood, or the merged graph as published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.errors import ModelMismatch
from engine.models import decoder_layers
from engine.models.attention import Advance, DecoderState, Ids
from engine.models.moonshine_network import Network, Unrecognised, recognise
from engine.models.options import ModelOptions
from engine.models.session import Array, Graph, open_graph
from engine.types import Frames

FRAME_SAMPLES = 384
"""Samples from one encoder frame to the next."""
_ROLE = "the decoder"

_ALIGNMENT_HEADS = {
    (6, 8): ((3, 5), (4, 1), (4, 2), (4, 3), (5, 1), (5, 4), (5, 7)),
}
"""Cross-attention heads (layer, head) that follow the speech, by (layers, heads) of the decoder. For tiny: those
of 48 whose peaks stray least from where voice activity begins and ends, over 60 recordings."""


class Decoder(Protocol):
    """From encoder frames and tokens to scores of the next token."""

    path: Path
    width: int | None
    """Numbers in an encoder frame; None where the file leaves it open."""
    scored: int | None
    """How many tokens it scores; None where the file leaves it open."""
    tells_attention: bool
    goes_on: bool
    """As in `engine.models.attention.AttentionModel`."""

    def attended(self, frames: Frames) -> Frames:
        """What the decoder attends to, a row a frame, made of encoder frames [T, D], each by itself."""
        ...

    def start(self, rows: Frames) -> DecoderState:
        """A decoder that attends to these rows and has seen no token."""
        ...

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """As `engine.models.attention.AttentionModel.advance`."""
        ...


def open_decoder(path: Path, layers: Path | None, options: ModelOptions) -> Decoder:
    """The decoder, with the layers of a file of their own or of one beside it, if there is one, in place of its own.

    Raises ModelError: a file cannot be opened, or is no such decoder or belongs to another.
    """
    beside = path.with_name(decoder_layers.FILE)
    learned = layers or (beside if beside.is_file() else None)
    network = None
    if path.is_file():
        with suppress(Unrecognised):
            network = recognise(path.read_bytes())
    if network is not None:
        return WrittenDecoder(path, decoder_layers.adapted(network, learned) if learned else network, options)
    if learned is not None and path.is_file():
        raise ModelMismatch(learned, f"{path.name} is not the decoder whose layers it holds")
    return MergedDecoder(path, options)


class WrittenDecoder:
    """A decoder whose graphs are written here (`engine.models.moonshine_graph`)."""

    tells_attention = True
    goes_on = True

    def __init__(self, path: Path, network: Network, options: ModelOptions) -> None:
        # onnx takes a while to import; models without such a decoder do without.
        from engine.models.moonshine_graph import write

        self.path = path
        self.width: int | None
        self.scored: int | None
        self.width, self.scored = network.memory.weight.shape[0], network.logits.weight.shape[1]
        graphs = write(network, _alignment_heads(len(network.layers), network.heads))
        self._memory = open_graph(path, options, _ROLE, edit=lambda _: graphs.memory)
        self._tokens = open_graph(path, options, _ROLE, edit=lambda _: graphs.tokens)
        self._sizes = 2 * len(network.layers), network.heads, network.head
        self._empty = (np.zeros((1, network.heads, 0, network.head), np.float32),) * self._sizes[0]

    def attended(self, frames: Frames) -> Frames:
        """Keys and values of the cross-attention [T, layers * 2 * heads * head]."""
        rows: Frames = self._memory.run(frames)[0]
        return rows

    def start(self, rows: Frames) -> DecoderState:
        """A decoder that attends to these rows and has seen no token."""
        by_head = rows.reshape(len(rows), *self._sizes).transpose(1, 2, 0, 3)
        return DecoderState(tuple(np.ascontiguousarray(by_head)[:, None]), self._empty, batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """Take in tokens [B, n]; all rows of a beam attend to one memory."""
        logits, looked, *past = self._tokens.run(
            tokens.astype(np.int64), np.array([scored], np.int64), *state.past, *state.memory
        )
        return Advance(logits, looked, DecoderState(state.memory, tuple(past), batch_axis=0))


class MergedDecoder:
    """The merged graph as published: a branch for the first call, which makes the cross-attention's keys and values,
    and one for all later calls, which are given them. It does not tell where it looks.
    """

    tells_attention = False
    goes_on = False

    def __init__(self, path: Path, options: ModelOptions) -> None:
        self._graph = open_graph(path, options, _ROLE)
        self._empty = _empty_past(self._graph)
        layers = len(self._empty) // 2
        self._own = [f"{layer}.decoder.{part}" for layer in range(layers) for part in ("key", "value")]
        self._cross = [f"{layer}.encoder.{part}" for layer in range(layers) for part in ("key", "value")]
        self.path = path
        self.width = next(tensor.shape[-1] for tensor in self._graph.inputs if tensor.name == "encoder_hidden_states")
        self.scored = next((tensor.shape[-1] for tensor in self._graph.outputs if tensor.name == "logits"), None)

    def attended(self, frames: Frames) -> Frames:
        """The frames themselves: keys and values are made of all at once."""
        return frames

    def start(self, rows: Frames) -> DecoderState:
        """One run of the first branch, for its cross-attention keys and values; what it says is not used."""
        shared = rows[None]
        unseen = [np.zeros((1, e.shape[1], len(rows), e.shape[3]), np.float32) for e in self._empty]
        outputs = self._run(shared, np.array([[0]]), self._empty, unseen, cached=False)
        memory = tuple(outputs[f"present.{name}"] for name in self._cross)
        return DecoderState((shared, *memory), self._empty, batch_axis=0)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """Take in tokens [B, n]."""
        frames, *memory = state.memory_of(len(tokens))
        outputs = self._run(frames, tokens, state.past, memory, cached=True)
        past = tuple(outputs[f"present.{name}"] for name in self._own)
        return Advance(outputs["logits"][:, -scored:], None, DecoderState(state.memory, past, batch_axis=0))

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
        results = self._graph.run(*(feed[tensor.name] for tensor in self._graph.inputs))
        return {tensor.name: value for tensor, value in zip(self._graph.outputs, results, strict=True)}


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
