"""Reads the vocabulary of attention models: tokenizer.bin (Moonshine) or tokenizer.json (Hugging Face)."""

from __future__ import annotations

import json
from pathlib import Path

from engine.errors import ModelFileBroken, ModelFileMissing


def read_pieces(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The file it was found in, and the pieces by id.

    Raises:
        ModelFileMissing: neither tokenizer.bin nor tokenizer.json is there.
        ModelFileBroken: the one that is there is none of its kind.
    """
    for name, read in (("tokenizer.bin", _from_bin), ("tokenizer.json", _from_json)):
        path = folder / name
        if path.is_file():
            try:
                return path, read(path.read_bytes())
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise ModelFileBroken(path, "it is no tokenizer file, or its download broke off") from error
    raise ModelFileMissing(folder / "tokenizer.bin", "the list of pieces that the model's numbers stand for")


def _from_bin(raw: bytes) -> tuple[str, ...]:
    """For each id its length, in one byte or, with the top bit set, two (7 bits each), then so many bytes."""
    pieces: list[str] = []
    at = 0
    while at < len(raw):
        size = raw[at]
        at += 1
        if size >= 128:
            size = raw[at] * 128 + size - 128
            at += 1
        if at + size > len(raw):
            raise ValueError(at)
        pieces.append(_spelled(raw[at : at + size]))
        at += size
    return tuple(pieces)


def _spelled(piece: bytes) -> str:
    """A piece as text; a lone byte of a longer character is spelled as SentencePiece does, <0xE2>."""
    return f"<0x{piece[0]:02X}>" if len(piece) == 1 and piece[0] >= 128 else piece.decode()


def _from_json(raw: bytes) -> tuple[str, ...]:
    content = json.loads(raw)
    ids: dict[str, int] = dict(content["model"]["vocab"])
    ids.update({token["content"]: token["id"] for token in content["added_tokens"]})
    pieces = {number: piece for piece, number in ids.items()}
    return tuple(pieces.get(number, "<unused>") for number in range(max(pieces) + 1))
