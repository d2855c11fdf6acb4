"""The file of a word list: read and written whole, and looked at while others may be writing it."""

from __future__ import annotations

import stat
from pathlib import Path

from app.core.errors import WordListError
from app.core.files import write_atomically
from app.core.vocabulary import WordList, parse


def read(path: Path) -> WordList:
    """The list in a file; empty when there is none. Raises WordListError when the file cannot be read."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return WordList()
    except OSError as error:
        raise WordListError(f"The word list {path} cannot be read: {error.strerror or error}.") from error


def write(path: Path, words: WordList) -> None:
    """Replace the file in one step, links and permissions kept. Raises WordListError; the file is then untouched."""
    try:
        place = path.resolve()
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
        write_atomically(place, words.content)
        if mode is not None:
            place.chmod(mode)
    except OSError as error:
        raise WordListError(f"The word list {path} cannot be saved: {error.strerror or error}.") from error


class WatchedList:
    """A list file that may change at any time. `poll` looks at it; nothing runs by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken: Stamp | None = None
        self._last: Stamp | None = None
        self._fresh = True

    def poll(self) -> bool:
        """True if the file has changed since this last said so (the first call always does), and is to be read.

        A file that was put in place of another is whole and is taken at once. One that is being written into, or has
        just gone, may soon be another: it is taken when two calls in a row find it the same.
        """
        before, self._last = self._last, stamp_of(self._path)
        if not self._fresh:
            if self._last == self._taken:
                return False
            if self._last != before and not _replaces(self._last, self._taken):
                return False
        self._fresh, self._taken = False, self._last
        return True

    @property
    def size(self) -> int:
        """Bytes that there were to read."""
        return self._taken[2] if self._taken else 0

    def read(self) -> WordList:
        """The list as it is now, on any thread. Raises WordListError when the file cannot be read."""
        return read(self._path)


Stamp = tuple[int, int, int]
"""What changes when a file does: (file number, time of change, size)."""


def stamp_of(path: Path) -> Stamp | None:
    """None while the file does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _replaces(new: Stamp | None, old: Stamp | None) -> bool:
    return new is not None and (old is None or new[0] != old[0])
