"""Reads the list of pieces (tokens.txt or vocab.txt) that a frame-synchronous model emits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import ModelFileBroken, ModelFileMissing

WORD_MARK = "\u2581"
"""Stands at the start of every piece that begins a word."""
_BLANKS = ("<blk>", "<blank>")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces by id, without the blank, whose id comes right after them."""

    path: Path
    pieces: tuple[str, ...]
    tokenizer: Path | None
    """The sentencepiece model the pieces come from, where the folder has it."""

    @property
    def blank(self) -> int:
        return len(self.pieces)

    @property
    def cased(self) -> bool:
        return any(piece != piece.lower() for piece in self._plain)

    @property
    def punctuated(self) -> bool:
        return any(mark in piece for piece in self._plain for mark in ".?")

    @property
    def _plain(self) -> list[str]:
        """Pieces that are text, not control symbols such as <unk>."""
        return [piece for piece in self.pieces if not (piece.startswith("<") and piece.endswith(">"))]


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a folder, one "piece id" a line, the blank last.

    Raises:
        ModelFileMissing: neither tokens.txt nor vocab.txt is there.
        ModelFileBroken: a line is no piece with its id, ids have gaps, or the last piece is no blank.
    """
    candidates = [folder / "tokens.txt", folder / "vocab.txt"]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise ModelFileMissing(candidates[0], "the list of pieces that the model's numbers stand for")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileBroken(path, "it is no UTF-8 text") from error
    pieces: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        piece, _, index = line.rstrip().rpartition(" ")
        if not index.isdecimal():
            raise ModelFileBroken(path, f'line {number} is no piece with its number: "{line[:40]}"')
        pieces[int(index)] = piece
    if sorted(pieces) != list(range(len(pieces))) or not pieces:
        raise ModelFileBroken(path, "its numbers do not run from 0 without gaps")
    if pieces[len(pieces) - 1] not in _BLANKS:
        raise ModelFileBroken(path, f'its last piece is "{pieces[len(pieces) - 1]}" where {_BLANKS[0]} belongs')
    tokenizer = folder / "tokenizer.model"
    return Vocabulary(
        path,
        tuple(pieces[index] for index in range(len(pieces) - 1)),
        tokenizer if tokenizer.is_file() else None,
    )
