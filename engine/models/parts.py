"""What an opened model folder consists of: the values that layouts make and tracks use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ModelMismatch
from engine.models.encoder_graph import CacheAwareGraph, OfflineGraph
from engine.models.session import Graph
from engine.models.transducer_nets import TransducerNets
from engine.models.vocabulary import Vocabulary
from engine.types import Frames, ModelInfo


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened model folder of any layout. Immutable; serves any number of streams."""

    folder: Path
    info: ModelInfo


@dataclass(frozen=True, slots=True)
class FrameBundle(Bundle):
    """A model that is decoded frame by frame: an encoder with a CTC head, a transducer, or both."""

    vocabulary: Vocabulary
    encoder: CacheAwareGraph | OfflineGraph
    ctc: Callable[[Frames], Frames] | None
    """Encoder frames [T, width] to log-probabilities [T, pieces + blank]."""
    transducer: TransducerNets | None
    durations: tuple[int, ...]
    """Encoder frames a TDT model may skip, by output index; empty for RNN-T."""
    max_symbols: int
    """Bound on the symbols a transducer may emit at one frame."""
    joint_frames: int = 1
    """Frames that a call of the joint may take and give each what it gives alone."""


class CtcHead:
    """ctc_head.onnx: the CTC half of a hybrid, on top of an encoder that others share."""

    def __init__(self, graph: Graph, width: int, vocabulary: Vocabulary) -> None:
        graph.expect((3,), (3,))
        self.graph = graph
        takes = graph.inputs[0].shape[1]
        if takes not in (None, width):
            raise ModelMismatch(graph.path, f"it takes encoder frames of {takes} numbers, the encoder gives {width}")
        check_vocabulary(vocabulary, graph.outputs[0].shape[2], graph.path)

    def __call__(self, frames: Frames) -> Frames:
        """Encoder frames [T, width] to log-probabilities [T, pieces + blank]."""
        scores: Frames = self.graph.run(frames.T[None])[0][0]
        return scores


def already_scored(frames: Frames) -> Frames:
    """The head of a whole CTC graph, whose encoder gives log-probabilities itself."""
    return frames


def check_vocabulary(vocabulary: Vocabulary, outputs: int | None, graph: Path) -> None:
    """Raises ModelMismatch when a graph scores another number of symbols than the vocabulary lists."""
    if outputs is not None and outputs != len(vocabulary.pieces) + 1:
        raise ModelMismatch(
            vocabulary.path,
            f"it lists {len(vocabulary.pieces)} pieces and a blank, {graph.name} scores {outputs} symbols",
        )
