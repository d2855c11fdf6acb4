"""What a streaming FastConformer is made of: weights and sizes, apart from any graph that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.models.sizes import MOST_FRAMES

Weights: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """x @ weight + bias."""

    weight: Weights
    """float32 [inputs, outputs]."""
    bias: Weights | None


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Layer normalisation over the last axis."""

    scale: Weights
    bias: Weights
    epsilon: float


@dataclass(frozen=True, slots=True, eq=False)
class FeedForward:
    norm: Norm
    widen: Linear
    narrow: Linear
    share: float
    """What the branch is scaled by before it is added to the residual stream; 0.5 in conformers."""


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """Self-attention with relative positions, as in Transformer-XL."""

    norm: Norm
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    content_bias: Weights
    """float32 [heads, width of a head]: pos_bias_u."""
    position_bias: Weights
    """float32 [heads, width of a head]: pos_bias_v."""
    positions: Weights
    """float32 [d_model, d_model]: projects the encodings of relative positions."""
    scale: float
    """What scores are divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    norm: Norm
    gate: Linear
    """To twice the width; the second half gates the first."""
    depthwise: Weights
    """float32 [d_model, taps]."""
    depthwise_bias: Weights | None
    inner_norm: Norm | None
    """None where a batch normalisation has been folded into the depthwise weights."""
    out: Linear


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    first: FeedForward
    attention: Attention
    convolution: Convolution
    second: FeedForward
    norm: Norm


@dataclass(frozen=True, slots=True, eq=False)
class Conv2d:
    """A 3 x 3 convolution with stride 2 (`groups` of 1 or all channels), or a 1 x 1 one."""

    weight: Weights
    bias: Weights | None
    stride: int
    groups: int
    rectified: bool
    """Whether a ReLU follows."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A cache-aware streaming encoder, perhaps with its CTC head."""

    convolutions: tuple[Conv2d, ...]
    """The subsampling, causal in time."""
    projection: Linear
    """From channels x mel bins to d_model."""
    input_scale: float
    layers: tuple[Layer, ...]
    head: Linear | None
    """The CTC head; None in the encoder of a transducer."""
    bins: int
    chunk: int
    """Encoder frames a step gives."""
    cache: int
    """Encoder frames of left context."""
    window: int
    """Feature frames a step reads."""

    @property
    def width(self) -> int:
        return len(self.layers[0].norm.scale)

    @property
    def heads(self) -> int:
        return len(self.layers[0].attention.content_bias)

    @property
    def context(self) -> int:
        """Frames of left context the convolutions keep."""
        return int(self.layers[0].convolution.depthwise.shape[1]) - 1

    @property
    def most_steps(self) -> int:
        """How many a call of the rewritten graph takes."""
        return max(MOST_FRAMES // self.chunk, 1)

    @property
    def subsampling(self) -> int:
        """Feature frames to one encoder frame."""
        factor = 1
        for convolution in self.convolutions:
            factor *= convolution.stride
        return factor
