"""Layout: Canary, encoder and decoder with vocab.txt (and config.json), as onnx-asr publishes NeMo's AED models.

Signature (onnx-asr, models/nemo.py): encoder (features [B, bins, T], lengths) -> (embeddings [B, T', D], mask);
decoder (input_ids [B, n], embeddings, mask, decoder_mems [layers, B, t, D]) -> (logits, hidden states, which are
the next decoder_mems). The graph does not tell where its cross-attention looks. Not yet run on published weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ModelFileBroken, ModelMismatch
from engine.features import LogMel, normalize
from engine.models.attention import Advance, AttentionBundle, DecoderState, Ids
from engine.models.config import Config
from engine.models.files import graphs
from engine.models.options import ModelOptions, Precision
from engine.models.session import Array, Graph, open_graph
from engine.models.sizes import feature_bins
from engine.models.window_encoder import Reencoder, WindowEncoder
from engine.types import SAMPLE_RATE, Frames, ModelInfo, Samples

_FRAME_SECONDS = 0.08
"""FastConformer keeps every eighth of the 10 ms features."""
_END = "<|endoftext|>"
_SHORTEST = 1_600
_TOKENS_PER_SECOND = 12.5
"""One for each encoder frame of 80 ms: NeMo sets no bound by rate, and speech has half of it."""


@dataclass(frozen=True, slots=True)
class Canary:
    """An `engine.models.attention.AttentionModel` made of Canary's two graphs."""

    encoder: Graph
    decoder: Graph
    bins: int
    pieces: tuple[str, ...]
    prompt: tuple[int, ...]
    end: int
    _empty: Array
    frame: float = _FRAME_SECONDS
    tokens_per_second: float = _TOKENS_PER_SECOND
    shortest: int = _SHORTEST
    tells_attention: bool = False
    goes_on: bool = False

    def encode(self, samples: Samples) -> Frames:
        """Encoder frames [T, D] of a whole window; features are normalised over it, as in training."""
        mel = LogMel(self.bins)
        features = normalize(np.concatenate([mel.push(samples), mel.finish()]), "per_feature")
        embeddings, mask = self.encoder.run(np.ascontiguousarray(features.T[None]), np.array([len(features)], np.int64))
        frames: Frames = embeddings[0][mask[0] != 0]
        return frames

    def window(self, _before: WindowEncoder | None = None) -> WindowEncoder:
        """An encoder for one window of a stream: all of it each time."""
        return Reencoder(self.encode)

    def start(self, frames: Frames) -> DecoderState:
        """A decoder that has seen no token."""
        mask = np.ones((1, len(frames)), np.int64)
        return DecoderState((frames[None], mask), (self._empty,), batch_axis=1)

    def advance(self, state: DecoderState, tokens: Ids, scored: int) -> Advance:
        """Take in tokens [B, n]; n > 1 only at the start, where NeMo's causal mask fits them."""
        logits, hidden = self.decoder.run(tokens.astype(np.int64), *state.memory_of(len(tokens)), *state.past)
        return Advance(logits[:, -scored:], None, DecoderState(state.memory, (hidden,), batch_axis=1))


def matches(folder: Path) -> bool:
    """A decoder without a joiner, and NeMo's list of pieces."""
    has = {role: bool(graphs(folder, role)) for role in ("encoder", "decoder", "joiner")}
    return has["encoder"] and has["decoder"] and not has["joiner"] and (folder / "vocab.txt").is_file()


def load(path: Path, options: ModelOptions) -> AttentionBundle:
    """Open the folder; raises ModelError for whatever is wrong with it.

    The spoken language is English unless config.json has another `language`, such as "de".
    """
    config = Config.read(path)
    file, precision = _choose(path, "encoder", options.precision)
    encoder = open_graph(file, options, "the encoder")
    encoder.expect((3, 1), (3, 2))
    decoder = open_graph(_choose(path, "decoder", precision)[0], options, "the decoder")
    decoder.expect((2, 3, 2, 4), (3, 4))
    memory = decoder.inputs[3]
    layers, width = decoder.static(memory, 0, "the number of layers"), decoder.static(memory, 3, "its width")
    vocabulary = path / "vocab.txt"
    pieces = _read_pieces(vocabulary)
    prompt = tuple(_id(pieces, mark, vocabulary) for mark in _prompt(config.text("language") or "en"))
    model = Canary(
        encoder=encoder,
        decoder=decoder,
        bins=feature_bins(encoder, config),
        pieces=pieces,
        prompt=prompt,
        end=_id(pieces, _END, vocabulary),
        _empty=np.zeros((layers, 1, 0, width), np.float32),
    )
    _try(model, vocabulary)
    return AttentionBundle(folder=path, info=_describe(path, model, precision), model=model)


def _choose(folder: Path, role: str, wanted: Precision) -> tuple[Path, Precision]:
    found = graphs(folder, role)
    precision: Precision = wanted if wanted in found else "fp32" if "fp32" in found else "int8"
    return found[precision], precision


def _read_pieces(path: Path) -> tuple[str, ...]:
    """One "piece id" a line; raises ModelFileBroken for anything else."""
    pieces: dict[int, str] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            piece, _, number = line.rpartition(" ")
            pieces[int(number)] = piece
    except ValueError as error:  # covers undecodable text as well
        raise ModelFileBroken(path, "it is no list of pieces with their numbers") from error
    if sorted(pieces) != list(range(len(pieces))) or not pieces:
        raise ModelFileBroken(path, "its numbers do not run from 0 without gaps")
    return tuple(pieces[number] for number in range(len(pieces)))


def _prompt(language: str) -> tuple[str, ...]:
    """Transcribe this language with punctuation, and neither written numbers, times nor speakers."""
    task = ("<|pnc|>", "<|noitn|>", "<|notimestamp|>", "<|nodiarize|>")
    spoken = f"<|{language}|>"
    return ("<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>", spoken, spoken, *task)


def _id(pieces: tuple[str, ...], mark: str, path: Path) -> int:
    if mark not in pieces:
        raise ModelFileBroken(path, f"it has no {mark}")
    return pieces.index(mark)


def _try(model: Canary, vocabulary: Path) -> None:
    """Decode the prompt over half a second of silence: sizes that do not fit show here, not in mid-sentence."""
    frames = model.encode(np.zeros(SAMPLE_RATE // 2, np.float32))
    step = model.advance(model.start(frames), np.array([model.prompt], np.int64), len(model.prompt))
    if step.logits.shape[1] != len(model.prompt):
        raise ModelMismatch(model.decoder.path, "it does not score every token that it is given")
    if step.logits.shape[2] != len(model.pieces):
        raise ModelMismatch(
            vocabulary,
            f"it lists {len(model.pieces)} pieces, {model.decoder.path.name} scores {step.logits.shape[2]}",
        )


def _describe(folder: Path, model: Canary, precision: Precision) -> ModelInfo:
    text = [piece for piece in model.pieces if not piece.startswith("<")]
    return ModelInfo(
        name=folder.resolve().name,
        family="attention",
        decoders=("attention",),
        streaming=False,
        chunk=0.0,
        look_ahead=0.0,
        vocabulary_size=len(model.pieces),
        precision=precision,
        provider=model.encoder.provider,
        cased=any(piece != piece.lower() for piece in text),
        punctuated=any(mark in piece for piece in text for mark in ".?"),
        files=(model.encoder.path.name, model.decoder.path.name, "vocab.txt"),
    )
