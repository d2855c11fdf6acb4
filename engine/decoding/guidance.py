"""What decides about a search besides the model, and the decoder that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.boosting.boost import Boost
from engine.decoding.beam import BeamOptions
from engine.decoding.boosted_ctc import BoostedCtc
from engine.decoding.boosted_transducer import BoostedTransducer
from engine.decoding.ctc import GreedyCtc
from engine.decoding.ctc_beam import CtcBeam
from engine.decoding.fusion import Fusion, Share
from engine.decoding.guard import Chooser
from engine.decoding.hypothesis import Decoder
from engine.decoding.transducer import GreedyTransducer
from engine.decoding.transducer_beam import TransducerBeam
from engine.errors import UnsupportedDecoder
from engine.language_model import LanguageModel
from engine.language_scores import language_scores
from engine.models.parts import FrameBundle
from engine.models.transducer_nets import TransducerNets
from engine.models.vocabulary import Vocabulary
from engine.scores import ScoreFunction
from engine.stability import STABILITY, Steadiness
from engine.types import Frames

DEFAULT_BEAM = 4
"""Paths kept where a list or a language model takes part."""

ATTENTION_SHARE = 0.35
"""How much of a list's bonus counts in the beam of an attention decoder. It weighs whole readings against each other,
so a phrase needs no more than the log-probability that a reading with it may fall short of one without. Chosen by
trial with Moonshine tiny; see tests/benchmarks/README.md."""


HURRIES = 2
"""In how many steps captions may be made simpler."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """A boost list and a language model, either or none, how widely they may search, and how soon words are shown."""

    boost: Boost | None = None
    language_model: LanguageModel | None = None
    beam: int | None = None
    """Paths kept: 1 is greedy; None leaves it to what guides and to the kind of decoder."""
    hurried: int = 0
    """Captions are behind, from 1 to `HURRIES`: search greedily, and decode a growing window less often, or seldom."""
    steadiness: Steadiness = Steadiness.BALANCED
    alternatives: int = 0
    """Other readings of each utterance that are wanted, at most; they come of a search with more than one path."""

    @property
    def width(self) -> int:
        """Paths kept."""
        if self.hurried:
            return 1
        if self.beam is not None:
            return self.beam
        return DEFAULT_BEAM if self.boost or self.language_model or self.alternatives else 1

    @property
    def branches(self) -> int:
        """Branches of an attention decoder's last pass over a window.

        Unlike frames, windows are searched widely even where nothing guides: measured on three corpora against
        greedy decoding of whole utterances, streaming with one branch makes 7 % more word errors, with four 1 %.
        """
        if self.hurried:
            return 1
        return DEFAULT_BEAM if self.beam is None else self.beam

    @property
    def searches(self) -> bool:
        """True for a beam search. A language model needs one, if only of one path: it scores whole words."""
        return self.width > 1 or self.language_model is not None

    @property
    def beam_options(self) -> BeamOptions:
        """Width and patience of a frame-synchronous beam search."""
        stability = STABILITY[self.steadiness]
        return BeamOptions(size=self.width, patience=stability.patience, loyalty=stability.beam_loyalty)

    def scores(self, pieces: Sequence[str], share: float = 1.0) -> Fusion:
        """All that guides, as one score function over a model's pieces.

        share: how much of the list's bonus counts.
        """
        functions: list[ScoreFunction] = [Share(self.boost, share)] if self.boost else []
        if self.language_model:
            functions.append(language_scores(self.language_model, pieces))
        return Fusion(functions)


def make_decoder(bundle: FrameBundle, name: str, guidance: Guidance) -> Decoder:
    """The decoder for a head of a model: "ctc" or "transducer".

    Raises:
        UnsupportedDecoder: the model has no such head.
    """
    if name == "ctc" and bundle.ctc is not None:
        return _ctc_decoder(bundle.ctc, bundle.vocabulary, guidance)
    if name == "transducer" and bundle.transducer is not None:
        return _transducer_decoder(bundle.transducer, bundle, guidance)
    raise UnsupportedDecoder(bundle.info.name, name, bundle.info.decoders)


def _ctc_decoder(head: Callable[[Frames], Frames], vocabulary: Vocabulary, guidance: Guidance) -> Decoder:
    blank = vocabulary.blank
    if guidance.searches:
        return CtcBeam(head, blank, guidance.scores(vocabulary.pieces), guidance.beam_options)
    if guidance.boost:
        return BoostedCtc(head, blank, Chooser(guidance.boost))
    return GreedyCtc(head, blank)


def _transducer_decoder(nets: TransducerNets, bundle: FrameBundle, guidance: Guidance) -> Decoder:
    limits = (bundle.vocabulary.blank, bundle.durations, bundle.max_symbols)
    if guidance.searches:
        fusion = guidance.scores(bundle.vocabulary.pieces)
        return TransducerBeam(nets, *limits, fusion, guidance.beam_options)
    if guidance.boost:
        return BoostedTransducer(nets, *limits, Chooser(guidance.boost), bundle.joint_frames)
    return GreedyTransducer(nets, *limits, bundle.joint_frames)
