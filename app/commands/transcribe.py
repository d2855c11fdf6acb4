"""`caique transcribe`: recordings through the streaming captions, as fast as the computer can."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.audio import sound_file
from app.commands.output import write_result
from app.core import models
from app.core.catalogue import demo_recording
from app.core.channel import CaptionStream
from app.core.errors import AppError, OutputError, SourceError, UsageError
from app.core.guide import Guide, GuidedModel
from app.core.ports import AudioChunk
from app.core.text_choice import TextChoice
from app.core.transcript.formats import WRITERS, Transcript
from engine.errors import EngineError
from engine.types import SAMPLE_RATE, Final, Samples

DEMO = "demo"
_CHUNKS_AT_ONCE = 64
"""About five seconds."""
LONG_RECORDING = 30.0
"""Seconds from which on a recording gets a progress bar."""


class Model(Protocol):
    """What transcribing asks of `engine.recognizer.Recognizer`."""

    def stream(self) -> CaptionStream: ...


def run(
    files: Sequence[str],
    folder: Path | None,
    decoder: str | None,
    latency: int | None,
    form: str,
    guide: Guide,
    text: TextChoice,
) -> int:
    """Transcribe every file with one loaded model; 1 when one of them could not be."""
    if len(files) > 1 and form in ("srt", "vtt"):
        raise UsageError(f"A {form} file holds one recording; give one FILE at a time, or use --format json.")
    model = GuidedModel(models.load(folder, decoder, latency, text), guide)
    for sentence in model.sentences:
        print(f"caique: {guide.words}: {sentence}", file=sys.stderr)
    return transcribe(files, model, form, sys.stdout)


def transcribe(files: Sequence[str], model: Model, form: str, out: TextIO) -> int:
    """Write the transcript of each file to `out`; a file that cannot be read is named on standard error.

    Plain text of several files begins each with a line of its name; a file of which nothing was heard has none.
    """
    code = 0
    titles = _Titles(wanted=form == "txt" and len(files) > 1)
    for file in files:
        titles.begin(file)
        try:
            _transcribe_file(file, model.stream(), form, out, titles)
        except OutputError:
            raise  # would be the same for every file
        except (EngineError, AppError) as error:
            print(f"caique: {_naming(file, str(error))}", file=sys.stderr)
            code = 1
    return code


class _Titles:
    """The line above the text of each of several files, written with the first of that text."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._due = ""
        self._gap = ""

    def begin(self, file: str) -> None:
        if self._wanted:
            self._due = f"==> {file} <==\n"

    def take(self) -> str:
        """What stands before the next text."""
        if not self._due:
            return ""
        title, self._due, self._gap = self._gap + self._due, "", "\n"
        return title


def _transcribe_file(file: str, stream: CaptionStream, form: str, out: TextIO, titles: _Titles) -> None:
    """Plain text is written as utterances end, the other formats when all is known.

    Of a file that breaks off, what could be heard is written before its SourceError goes on.
    """
    said: list[Final] = []
    heard = 0
    spoken = False

    def write() -> None:
        nonlocal spoken
        spoken = spoken or any(final.words for final in said)
        text = WRITERS[form](Transcript(file, heard / SAMPLE_RATE, tuple(said)))
        write_result(titles.take() + text, out)
        said.clear()

    with ExitStack() as stack:
        path = stack.enter_context(demo_recording()) if file == DEMO and not Path(file).exists() else Path(file)
        chunks = stack.enter_context(_progress(path, hidden=form == "txt" and out.isatty()))
        damage: SourceError | None = None
        try:
            for samples in _pieces(chunks):
                heard += len(samples)
                said += _finals(stream.push(samples))
                if form == "txt" and said:
                    write()
        except SourceError as error:
            damage = error
        if heard:
            said += _finals(stream.finish())
        if said or not damage:
            write()
        if damage:
            raise damage
        if not spoken:
            print(f"caique: {file}: no speech was heard in it.", file=sys.stderr)


def _pieces(chunks: Iterable[AudioChunk]) -> Iterator[Samples]:
    """The sound in pieces of some seconds, so that models may take several steps at once.

    Of a file that breaks off, the last piece comes before its SourceError.
    """
    waiting: list[Samples] = []
    try:
        for chunk in chunks:
            waiting.append(chunk.samples)
            if len(waiting) == _CHUNKS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting = []
    except SourceError:
        if waiting:
            yield np.concatenate(waiting)
        raise
    if waiting:
        yield np.concatenate(waiting)


def _finals(updates: Iterable[object]) -> Iterator[Final]:
    return (update for update in updates if isinstance(update, Final))


@contextmanager
def _progress(path: Path, *, hidden: bool) -> Iterator[Iterable[AudioChunk]]:
    """The chunks of a recording; taking them moves a bar on standard error if that is a terminal."""
    screen = Console(stderr=True)
    chunks, duration = sound_file.read_chunks(path), sound_file.duration(path)
    if hidden or not screen.is_terminal or (duration is not None and duration < LONG_RECORDING):
        yield chunks
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(path.name, total=duration)

        def counted() -> Iterator[AudioChunk]:
            for chunk in chunks:
                yield chunk
                progress.advance(task, len(chunk.samples) / SAMPLE_RATE)

        yield counted()


def _naming(file: str, sentence: str) -> str:
    return sentence if file in sentence else f"{file}: {sentence}"
