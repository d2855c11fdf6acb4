"""Turns a streaming FastConformer graph as NeMo exports it into an equivalent one that costs far less a step.

NeMo's graph keeps the inputs of each attention layer and projects all of them to keys and values again at
every step, works out masks and shapes that never change, and subsamples frames that it throws away. The
rewritten graph has the same inputs and outputs (the attention cache is twice as wide) and gives the same
numbers up to rounding.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ModelError

if TYPE_CHECKING:
    import onnx

    from engine.models.rewriting.linears import Form


_ONE_FILE = 2**26
"""Bytes of weights up to which they are kept inside the graph's file. Beside it they can be mapped, which
saves a session as much memory again, and protobuf itself ends at 2 GiB."""


class CannotRewrite(ModelError):
    """The graph is none that can be rewritten; the sentence says why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{path} cannot be rewritten: {why}.")


def rewrite(original: Path, form: Form = "fp32") -> onnx.ModelProto:
    """An equivalent graph, which may also take several steps in a call.

    A call of k steps reads one window over k chunks, window + (k - 1) * shift feature frames, and gives what k
    calls would give one after the other. The metadata says all sizes: exports without metadata get it too.

    Args:
        original: NeMo's export of an encoder or of a whole CTC model, as sherpa-onnx and onnx-asr
            publish it, in float32.
        form: how linear maps are written; int8 is faster on most processors and not the same to the last digit.

    Raises:
        CannotRewrite: it is built in another way.
    """
    # onnx takes 0.2 s to import, and a start of the program with everything prepared never needs it.
    import onnx
    from google.protobuf.message import DecodeError

    from engine.models.rewriting.metadata import set_metadata
    from engine.models.rewriting.nodes import Unrecognised
    from engine.models.rewriting.recognise import recognise
    from engine.models.rewriting.write import write

    try:
        model = onnx.load(str(original), load_external_data=False)
        network, folded = recognise(model, original.parent)
    except DecodeError as error:
        raise CannotRewrite(original, "it is no ONNX model") from error
    except Unrecognised as error:
        raise CannotRewrite(original, str(error)) from error
    rewritten = write(network, folded, form, model)
    set_metadata(rewritten, model, network, form)
    return rewritten


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph to `path`, its weights into a file beside it where they are too many for one."""
    import onnx

    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) <= _ONE_FILE:
        onnx.save(model, str(path))
    else:
        onnx.save(model, str(path), save_as_external_data=True, location=f"{path.stem}.weights")
