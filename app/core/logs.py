"""Where the program's log goes: warnings to standard error, everything to a file that stays small.

An error nobody foresaw is written to the file whole and told to the user in one sentence.
"""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from app.core.paths import log_file

LOG_BYTES = 1_000_000

_log = logging.getLogger("caique")


class _ForgivingFile(RotatingFileHandler):
    """A log file whose disk may be full or read-only: then it stops logging instead of complaining each time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        logging.getLogger().removeHandler(self)


def start(verbose: bool) -> None:
    """Begin logging and report unforeseen errors of every thread. `verbose` shows the log on standard error too."""
    screen = logging.StreamHandler()
    screen.setLevel(logging.DEBUG if verbose else logging.WARNING)
    screen.addFilter(lambda record: verbose or record.exc_info is None)
    screen.setFormatter(logging.Formatter("caique: %(message)s"))
    file = _ForgivingFile(log_file())
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[screen, file], force=True)
    sys.excepthook = _report
    threading.excepthook = lambda failure: _report(
        failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback
    )


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.error("unforeseen error", exc_info=(kind, error, trace))
    told = _in_short(kind, error)
    print(f"caique: an error in the program: {told}. Details are in {log_file()}.", file=sys.stderr)


def _in_short(kind: type[BaseException], error: BaseException) -> str:
    """The error in a few words, on one line."""
    text = " ".join(str(error).split())
    return f"{kind.__name__}: {text}" if text else kind.__name__
