"""The vocabulary of our own heads: cased, punctuated pieces, and where in the sound each is heard.

python -m training.pieces WORK [--size 512]

Needs training.align's `times.jsonl`; writes `WORK/pieces.model` (SentencePiece).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Protocol

import sentencepiece

from training.errors import TrainingError, run

# one character for one, so that each keeps its frame
PLAIN = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "_": " "}
)


class Timed(Protocol):
    """What is said in each clip, in the symbols of some vocabulary, and when."""

    @property
    def size(self) -> int:
        """Symbols; the blank comes after them."""

    def __contains__(self, clip_id: str) -> bool: ...

    def of(self, clip_id: str) -> tuple[list[int], list[int]]:
        """Ids of the clip's symbols and the frame at which each one's last character is heard."""

    def text(self, ids: list[int]) -> str: ...


class TimedPieces:
    """Every clip's pieces and their frames."""

    def __init__(self, work: Path) -> None:
        model = work / "pieces.model"
        if not model.is_file():
            raise TrainingError(f"{model} does not exist; make it with: python -m training.pieces")
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(model))
        self._times = {r["id"]: (r["text"], r["frames"]) for r in read_times(work)}

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._times

    @property
    def size(self) -> int:
        """Pieces; the blank comes after them."""
        return int(self._model.vocab_size())

    def of(self, clip_id: str) -> tuple[list[int], list[int]]:
        """Ids of the clip's pieces and the frame at which each one's last character is heard."""
        text, frames = self._times[clip_id]
        return timed(self._model, text, frames)

    def text(self, ids: list[int]) -> str:
        return str(self._model.decode(ids))


def timed(model: sentencepiece.SentencePieceProcessor, text: str, frames: list[int]) -> tuple[list[int], list[int]]:
    """Cuts a text into pieces; frames holds one for each character."""
    ids, at, end = [], [], -2  # index in the text of the last character so far; the model puts a space in front
    for piece in model.encode(text.translate(PLAIN), out_type=str):
        end += len(piece)
        ids.append(model.piece_to_id(piece))
        at.append(frames[max(end, 0)])
    return ids, at


def read_times(work: Path) -> list[dict[str, Any]]:
    times = work / "teacher" / "times.jsonl"
    if not times.is_file():
        raise TrainingError(f"{times} does not exist; make it with: python -m training.align")
    return [json.loads(line) for line in times.read_text("utf8").splitlines()]


def make_pieces(texts: list[str], size: int, path: Path) -> None:
    """Trains the vocabulary on some texts."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.translate(PLAIN) for text in texts),
        model_prefix=str(path.with_suffix("")),
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=0.9998,
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    texts = [r["text"] for r in read_times(options.work)]
    make_pieces(texts, options.size, options.work / "pieces.model")
    print(TimedPieces(options.work).size, "pieces from", len(texts), "texts")


if __name__ == "__main__":
    run(main)
