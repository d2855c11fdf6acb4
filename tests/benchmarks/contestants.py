"""Ways to caption a stream with one model, each loaded in a process of its own and fed slice by slice."""

from __future__ import annotations

import multiprocessing
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from engine.types import Samples


class Contestant(Protocol):
    """One loaded way."""

    inside: float
    """Processor seconds spent inside `session.run` so far; 0 where it cannot be told apart."""

    def feed(self, samples: Samples) -> None:
        """Take in the next slice of sound and caption it."""
        ...


@dataclass(frozen=True)
class Slice:
    """What a slice of sound cost, in processor seconds."""

    total: float
    inside: float


class Raw:
    """The published graph in a bare session loop: its cost is what is inside."""

    def __init__(self, folder: Path, bins: int) -> None:
        from engine.features import LogMel
        from engine.models.bundle import open_bundle
        from engine.models.encoder_graph import CacheAwareGraph
        from engine.models.options import ModelOptions
        from engine.models.parts import FrameBundle

        bundle = open_bundle(folder, ModelOptions(precision="fp32"))
        assert isinstance(bundle, FrameBundle)
        assert isinstance(bundle.encoder, CacheAwareGraph)
        self._encoder = bundle.encoder
        self._state = bundle.encoder.start()
        self._features = LogMel(bundle.encoder.bins)
        self._waiting = np.zeros((0, bundle.encoder.bins), np.float32)
        self.inside = 0.0

    def feed(self, samples: Samples) -> None:
        sizes = self._encoder.sizes
        self._waiting = np.concatenate((self._waiting, self._features.push(samples)))
        while len(self._waiting) >= sizes.window:
            began = time.process_time()
            _, self._state = self._encoder.step(self._waiting[None, : sizes.window], self._state)
            self.inside += time.process_time() - began
            self._waiting = self._waiting[sizes.shift :]


class Sherpa:
    """sherpa-onnx's recogniser on the same files."""

    inside = 0.0

    def __init__(self, folder: Path, bins: int) -> None:
        import sherpa_onnx

        self._recognizer = sherpa_onnx.OnlineRecognizer.from_nemo_ctc(
            model=str(folder / "model.onnx"), tokens=str(folder / "tokens.txt"), num_threads=1, feature_dim=bins
        )
        self._stream = self._recognizer.create_stream()

    def feed(self, samples: Samples) -> None:
        self._stream.accept_waveform(16_000, samples)
        while self._recognizer.is_ready(self._stream):
            self._recognizer.decode_stream(self._stream)
        self._recognizer.get_result(self._stream)


class Ours:
    """Caique's recogniser: sound in, captions out."""

    def __init__(self, folder: Path, bins: int) -> None:
        from engine.models.session import Graph
        from engine.recognizer import Recognizer

        self._stream = Recognizer.load(folder).stream()
        self.inside = 0.0
        run = Graph.run

        def timed(graph: Graph, *values: np.ndarray) -> object:  # type: ignore[type-arg]
            began = time.process_time()
            outputs = run(graph, *values)
            self.inside += time.process_time() - began
            return outputs

        Graph.run = timed  # type: ignore[method-assign, assignment]

    def feed(self, samples: Samples) -> None:
        # As a sound card gives it.
        for start in range(0, len(samples), 1_600):
            self._stream.push(samples[start : start + 1_600])


KINDS: dict[str, Callable[[Path, int], Contestant]] = {"raw": Raw, "sherpa": Sherpa, "ours": Ours}


class Process:
    """A contestant in its own process, so that memory and processor time are its alone."""

    def __init__(self, kind: str, folder: Path, bins: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, kind, folder, bins), daemon=True)
        self._process.start()
        self.load_seconds, self._empty = self._pipe.recv()

    def feed(self, samples: Samples) -> Slice:
        self._pipe.send(samples)
        total, inside = self._pipe.recv()
        return Slice(total, inside)

    def end(self) -> int:
        """Stop it; returns the megabytes it holds beyond an interpreter with its libraries."""
        self._pipe.send(None)
        held = round(self._pipe.recv() - self._empty)
        self._process.join()
        return held


def _serve(pipe: Connection, kind: str, folder: Path, bins: int) -> None:
    import onnxruntime  # noqa: F401 - counted as part of the empty interpreter
    import sherpa_onnx  # noqa: F401

    import engine.recognizer  # noqa: F401

    empty, began = resident(), time.process_time()
    contestant = KINDS[kind](folder, bins)
    pipe.send((time.process_time() - began, empty))
    while (samples := pipe.recv()) is not None:
        began, inside = time.process_time(), contestant.inside
        contestant.feed(samples)
        pipe.send((time.process_time() - began, contestant.inside - inside))
    pipe.send(resident())


def resident() -> float:
    """Megabytes of memory this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def shared_cost(folder: Path, streams: int, steps: int) -> float | None:
    """What a step costs in a call of so many streams and steps, against one alone; None where it may not share one."""
    from engine.models.bundle import open_bundle
    from engine.models.encoder_graph import CacheAwareGraph, EncoderState
    from engine.models.parts import FrameBundle

    bundle = open_bundle(folder)
    assert isinstance(bundle, FrameBundle)
    encoder = bundle.encoder
    assert isinstance(encoder, CacheAwareGraph)
    steps = min(steps, encoder.exact_steps)
    if streams * steps == 1 or (streams > 1 and not encoder.shares_calls):
        return None
    generator, sizes = np.random.default_rng(0), encoder.sizes

    def call(state: EncoderState, count: int, steps: int) -> tuple[float, EncoderState]:
        window = sizes.window + (steps - 1) * sizes.shift
        windows = generator.normal(-8, 3, (count, window, encoder.bins)).astype(np.float32)
        began = time.process_time()
        _, state = encoder.step(windows, state)
        return time.process_time() - began, state

    single, several = encoder.start(), encoder.start(streams)
    ratios = []
    for _ in range(12):
        alone, single = call(single, 1, 1)
        together, several = call(several, streams, steps)
        ratios.append(together / (streams * steps) / alone)
    return float(np.median(ratios[2:]))


def made(*others: str) -> str:
    """On what and with what, as the tables begin: onnxruntime, whichever of its packages is installed, and others."""
    versions = [f"onnxruntime {onnxruntime.__version__}", *(f"{other} {metadata.version(other)}" for other in others)]
    return f"Machine: {machine()}, {platform.system()}; {', '.join(versions)}."


def machine() -> str:
    """The processor, as the table names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    wide = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if name in flags]
    kind = f"family {facts.get('cpu family')}, model {facts.get('model')}"
    return f"{facts.get('model name', 'unknown processor')} ({kind}; {', '.join(wide)})"
