"""How much sound a model without caches is given at each step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BufferContext:
    """Seconds of sound around the chunk whose frames a step decodes."""

    left: float
    chunk: float
    right: float


DEFAULT_CONTEXT = BufferContext(left=8.0, chunk=0.96, right=0.96)
"""Words come 1 to 2 s late; each second is encoded about ten times. NeMo's own buffered script takes
10, 2 and 2 s, which is too late for captions."""
