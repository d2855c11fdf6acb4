"""Puts a frame-synchronous bundle together from opened graphs; what all its layouts have in common."""

from __future__ import annotations

from engine.errors import ModelMismatch
from engine.models.buffering import DEFAULT_CONTEXT
from engine.models.encoder_graph import CacheAwareGraph, OfflineGraph
from engine.models.files import ModelFolder, graphs
from engine.models.options import Precision
from engine.models.parts import CtcHead, FrameBundle
from engine.models.session import Graph, open_graph
from engine.models.sizes import WEIGHTS, metadata_int
from engine.models.transducer_nets import TransducerNets, check_nets, exact_frames
from engine.types import SAMPLE_RATE, ModelInfo

_MAX_SYMBOLS = 10
"""NeMo's default bound for greedy decoding."""


def transducer_bundle(
    folder: ModelFolder,
    encoder: CacheAwareGraph | OfflineGraph,
    precision: Precision,
    nets: TransducerNets,
    nets_graphs: tuple[Graph, ...],
) -> FrameBundle:
    """A bundle with a transducer, and with the CTC head where the folder has one.

    Args:
        nets_graphs: the graphs behind `nets`, the one with the joint last.
    """
    joint = nets_graphs[-1]
    _check_declared(folder, encoder)
    extra = check_nets(nets, joint, encoder.width, len(folder.vocabulary.pieces) + 1)
    durations = folder.config.integers("durations") or tuple(range(extra))
    if len(durations) != extra:
        raise ModelMismatch(
            folder.config.path,
            f'"durations" lists {len(durations)} values, {joint.path.name} scores {extra} durations',
        )
    head = _ctc_head(folder, encoder, precision)
    used = (encoder.graph, *nets_graphs, *([head.graph] if head else []))
    family = "hybrid" if head else "tdt" if durations else "rnnt"
    decoders = ("transducer", "ctc") if head else ("transducer",)
    return FrameBundle(
        folder=folder.path,
        info=describe(folder, family, decoders, encoder, precision, used),
        vocabulary=folder.vocabulary,
        encoder=encoder,
        ctc=head,
        transducer=nets,
        durations=durations,
        max_symbols=folder.config.integer("max_tokens_per_step") or _MAX_SYMBOLS,
        joint_frames=exact_frames(nets, joint, encoder.width),
    )


def describe(
    folder: ModelFolder,
    family: str,
    decoders: tuple[str, ...],
    encoder: CacheAwareGraph | OfflineGraph,
    precision: Precision,
    used: tuple[Graph, ...],
) -> ModelInfo:
    """The facts of a model, from its files alone."""
    if isinstance(encoder, CacheAwareGraph):
        # NeMo's chunk contains its look-ahead: all its frames see the whole chunk.
        sizes = encoder.sizes
        chunk, look_ahead = (frames * sizes.hop / SAMPLE_RATE for frames in (sizes.shift, sizes.look_ahead))
    else:
        chunk, look_ahead = DEFAULT_CONTEXT.chunk, DEFAULT_CONTEXT.right
    return ModelInfo(
        name=folder.path.resolve().name,
        family=family,
        decoders=decoders,
        streaming=isinstance(encoder, CacheAwareGraph),
        chunk=chunk,
        look_ahead=look_ahead,
        vocabulary_size=len(folder.vocabulary.pieces),
        precision=encoder.graph.metadata.get(WEIGHTS, precision),
        provider=encoder.graph.provider,
        cased=folder.vocabulary.cased,
        punctuated=folder.vocabulary.punctuated,
        files=(*(graph.path.name for graph in used), folder.vocabulary.path.name),
    )


def _check_declared(folder: ModelFolder, encoder: CacheAwareGraph | OfflineGraph) -> None:
    """Raises ModelMismatch where the vocabulary is not as long as metadata or config.json say.

    The joint alone does not show it: symbols it scores beyond the vocabulary may be TDT durations.
    """
    metadata, pieces = encoder.graph.metadata, len(folder.vocabulary.pieces)
    declared = metadata_int(encoder.graph, "vocab_size") if "vocab_size" in metadata else None
    blank = folder.config.integer("blank_id")
    for size, source in ((declared, encoder.graph.path.name), (blank, folder.config.path.name)):
        if size is not None and size != pieces:
            raise ModelMismatch(
                folder.vocabulary.path, f"it lists {pieces} pieces besides the blank, {source} says {size}"
            )


def _ctc_head(folder: ModelFolder, encoder: CacheAwareGraph | OfflineGraph, precision: Precision) -> CtcHead | None:
    use = "the CTC decoder"
    if named := folder.config.text("ctc_head"):
        graph = open_graph(folder.path / named, folder.options, use)
    elif graphs(folder.path, "ctc_head"):
        graph = folder.open_beside("ctc_head", use, precision)
    else:
        return None
    return CtcHead(graph, encoder.width, folder.vocabulary)
