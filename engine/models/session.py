"""The only place that creates ONNX Runtime sessions.

`open_graph` turns a file into a `Graph`: tensors bound by position, thread and provider settings made for
many small steps a second, and every way a file can be unusable turned into one sentence that names it.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from engine.errors import ModelFileBroken, ModelFileMissing, ModelMismatch
from engine.models.options import ModelOptions

Array = NDArray[Any]

# Windows has its own way to report, which the environment variable set by this package does not reach.
ort.disable_telemetry_events()

# ONNX Runtime's exceptions share no base class below Exception.
_ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    error
    for name in (
        "EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "ModelRequiresCompilation",
        "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException",
    )
    if isinstance(error := getattr(ort_errors, name, None), type)
)  # fmt: skip

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_NOT_ONNX = ("Protobuf parsing failed", "ORT model verification failed", "No graph was found")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of a graph."""

    name: str
    shape: tuple[int | None, ...]
    """None where the size is free."""
    dtype: str
    """ONNX Runtime's word for the element type: "tensor(float)", "tensor(int64)", ..."""


class Graph:
    """A loaded graph. Immutable; any number of threads may run it at once."""

    def __init__(self, path: Path, session: ort.InferenceSession) -> None:
        self.path = path
        self.inputs = tuple(map(_tensor, session.get_inputs()))
        self.outputs = tuple(map(_tensor, session.get_outputs()))
        self.metadata: Mapping[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        self.provider: str = session.get_providers()[0]
        """The execution provider that really runs it, whatever was asked for."""
        self._session = session
        self._input_names = [tensor.name for tensor in self.inputs]
        self._output_names = [tensor.name for tensor in self.outputs]

    def run(self, *values: Array) -> Sequence[Array]:
        """All outputs, in the graph's order, for `values` given in the graph's input order."""
        feed = dict(zip(self._input_names, values, strict=True))
        try:
            outputs: Sequence[Array] = self._session.run(self._output_names, feed)
        except _ORT_ERRORS as error:
            raise ModelFileBroken(self.path, f"it stops while running ({_gist(error)})") from error
        return outputs

    def expect(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Check the numbers of dimensions, tensor by tensor; ModelMismatch says which one is wrong."""
        for kind, tensors, ranks in (("inputs", self.inputs, inputs), ("outputs", self.outputs, outputs)):
            if len(tensors) != len(ranks):
                raise ModelMismatch(self.path, f"it has {len(tensors)} {kind} where {len(ranks)} are needed")
            for tensor, rank in zip(tensors, ranks, strict=True):
                # A graph may leave an output's shape open altogether; the first run shows it then.
                if tensor.shape and len(tensor.shape) != rank:
                    raise ModelMismatch(
                        self.path,
                        f"{tensor.name} has {len(tensor.shape)} dimensions where {rank} are needed",
                    )

    def static(self, tensor: Tensor, axis: int, meaning: str) -> int:
        """A size that the graph must fix, or ModelMismatch saying what it stands for."""
        size = tensor.shape[axis] if axis < len(tensor.shape) else None
        if size is None:
            raise ModelMismatch(self.path, f"it does not fix {meaning} (axis {axis} of {tensor.name})")
        return size


def open_graph(
    path: Path, options: ModelOptions, needed_for: str, edit: Callable[[bytes], bytes | None] | None = None
) -> Graph:
    """Load an .onnx or .ort file, external data included.

    Args:
        needed_for: what the file does in its model, for the sentence said when it is missing.
        edit: changes the file's content before it is loaded; None from it leaves the file as it is.

    Raises:
        ModelFileMissing: there is no such file.
        ModelFileBroken: it is empty, cut off, no model, or needs weights that are not beside it.
    """
    _check_file(path, needed_for)
    content = (edit(path.read_bytes()) if edit else None) or str(path)
    for providers in _providers(options):
        try:
            session = ort.InferenceSession(content, _session_options(options), providers=providers, enable_fallback=0)
        except _ORT_ERRORS as error:
            if providers != [_CPU]:
                continue
            raise ModelFileBroken(path, _reason(error)) from error
        return Graph(path, session)
    raise AssertionError("the list of providers ends with the CPU")


def _session_options(options: ModelOptions) -> ort.SessionOptions:
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A stream waits most of the time; spinning threads would burn a core while it does.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Faults come back as exceptions; without this ONNX Runtime writes them to stderr as well.
    settings.log_severity_level = 4
    return settings


def _providers(options: ModelOptions) -> list[list[str]]:
    """Lists to try in turn; the CPU comes last and always works."""
    if options.provider == "cpu" or _CUDA not in ort.get_available_providers():
        return [[_CPU]]
    _preload_cuda()
    return [[_CUDA, _CPU], [_CPU]]


@cache
def _preload_cuda() -> None:
    """Make CUDA and cuDNN from pip's packages findable; once a process."""
    if hasattr(ort, "preload_dlls"):
        # It reports what it cannot find with print(); standard output belongs to results.
        with contextlib.redirect_stdout(sys.stderr):
            ort.preload_dlls()


def _check_file(path: Path, needed_for: str) -> None:
    if not path.exists():
        raise ModelFileMissing(path, needed_for)
    if not path.is_file():
        raise ModelFileBroken(path, "it is a folder, not a file")
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ModelFileBroken(path, f"it cannot be read ({error.strerror})") from error
    if not head:
        raise ModelFileBroken(path, "it is empty")
    if head.startswith(b"version https://git-lfs"):
        raise ModelFileBroken(path, "it is only a Git LFS pointer; download the file it stands for")


def _reason(error: Exception) -> str:
    text = str(error)
    if any(sign in text for sign in _NOT_ONNX):
        return "it is no ONNX model, or its download broke off"
    if missing := re.search(r'External data path does not exist: "?([^"\n]+)"?', text):
        return f"its weights file {Path(missing.group(1).strip()).name} is missing"
    if "external" in text.lower():
        return "its weights file is damaged or too short; download it again"
    if "IR version" in text:
        return "it was written for a newer ONNX Runtime than the one installed"
    return f"ONNX Runtime refuses it ({_gist(error)})"


def _gist(error: Exception) -> str:
    """The last, most specific part of ONNX Runtime's message, on one line."""
    line = " ".join(str(error).split())
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    return line if len(line) <= 160 else f"... {line[-156:]}"


def _tensor(argument: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape)
    return Tensor(argument.name, shape, argument.type)
