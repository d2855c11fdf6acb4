"""Writes what commands print: results to standard output, captions that grow, notices beside them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.core.errors import OutputError
from app.core.ports import SourceKind
from engine.types import Final, Partial, Silence, Update


def write_result(text: str, out: IO[str] | None = None) -> None:
    """Write to standard output and push it through.

    Raises OutputError when it cannot be written; BrokenPipeError passes, as nobody is left to be told.
    """
    try:
        (out or sys.stdout).write(text)
        (out or sys.stdout).flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"The result cannot be written to standard output: {error.strerror}.") from error


class TerminalCaptions:
    """Captions in a terminal: what is settled stays, the tail after it is drawn again and again, dimmed.

    Where standard output is no terminal, each finished utterance is one line. Used by one thread at a time,
    inside a `with` block.
    """

    def __init__(self, labels: Mapping[SourceKind, str], out: Console, notices: Console) -> None:
        """labels: what to put in front of each source's captions; leave a source out for none."""
        self._labels = labels
        self._out = out
        self._notices = out if out.is_terminal and notices.is_terminal else notices
        self._live = Live(console=out, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._open: dict[SourceKind, Partial] = {}

    def __enter__(self) -> TerminalCaptions:
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, source: SourceKind, update: Update) -> None:
        """Draw what the engine said about one source."""
        match update:
            case Partial():
                self._open[source] = update
                self._draw()
            case Final():
                self._open.pop(source, None)
                self._finish(source, update)
            case Silence():
                pass

    def notice(self, sentence: str) -> None:
        """Tell the user something that is no caption."""
        self._notices.print(Text(sentence, style="italic"), soft_wrap=not self._notices.is_terminal)

    def _finish(self, source: SourceKind, final: Final) -> None:
        if not self._out.is_terminal:
            write_result(f"{self._label(source)}{final.text}\n", self._out.file)
            return
        self._draw()
        self._out.print(Text.assemble((self._label(source), "bold"), final.text))

    def _draw(self) -> None:
        if not self._out.is_terminal:
            return
        texts = [self._line(source, partial) for source, partial in self._open.items() if partial.words]
        lines = [line for text in texts for line in text.wrap(self._out, self._out.width)]
        # Only what is on the screen can be drawn again; the newest lines matter.
        self._live.update(Group(*lines[-max(1, self._out.height - 1) :]), refresh=True)

    def _line(self, source: SourceKind, partial: Partial) -> Text:
        settled = " ".join(word.text for word in partial.words[: partial.settled])
        tail = " ".join(word.text for word in partial.words[partial.settled :])
        space = " " if settled and tail else ""
        return Text.assemble((self._label(source), "bold"), settled, space, (tail, "dim"))

    def _label(self, source: SourceKind) -> str:
        label = self._labels.get(source)
        return f"{label}: " if label else ""
