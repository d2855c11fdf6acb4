"""Turns a streaming FastConformer graph as NeMo exports it into an equivalent one that costs far less a step.

NeMo's graph keeps the inputs of each attention layer and projects all of them to keys and values again at
every step, works out masks and shapes that never change, and subsamples frames that it throws away. The
rewritten graph has the same inputs and outputs (the attention cache is twice as wide) and gives the same
numbers up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    import onnx

    from engine.models.rewriting.linears import Form


class CannotRewrite(EngineError):
    """The graph is none that can be rewritten; the sentence says why."""


def rewrite(model: onnx.ModelProto, steps: int = 1, form: Form = "fp32") -> onnx.ModelProto:
    """An equivalent graph that takes `steps` steps in a call.

    A call of k steps reads one window over k chunks, window + (k - 1) * shift feature frames, and gives what k
    calls would give one after the other. The metadata says the new sizes, and all of them: exports
    without metadata get it too.

    Args:
        model: NeMo's export of an encoder or of a whole CTC model, as sherpa-onnx and onnx-asr
            publish it, in float32, its external data loaded.
        form: how linear maps are written; int8 is faster on most processors and not the same to the last digit.

    Raises:
        CannotRewrite: it is built in another way.
    """
    # onnx takes 0.2 s to import, and a start of the program with everything prepared never needs it.
    from engine.models.rewriting.nodes import Unrecognised
    from engine.models.rewriting.recognise import recognise
    from engine.models.rewriting.sizes import set_sizes
    from engine.models.rewriting.write import write

    try:
        network, folded = recognise(model, steps)
    except Unrecognised as error:
        raise CannotRewrite(f"The graph is used as it is, because {error}.") from error
    rewritten = write(network, folded, steps, form, model)
    set_sizes(rewritten, model, network, steps)
    return rewritten
