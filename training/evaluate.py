"""Sixth step: what a model is worth through the program's own engine, as live sound, on recordings new to it.

python -m training.evaluate SPEECH NOISE [--models fast fast@144 accurate DIR ...] [--leave-out IDS.json] [--write CARD]

SPEECH and NOISE hold the same manifests as for training.prepare; recordings of the split "dev" are judged, ten in a row
with pauses, 80 ms at a time. Word and character errors are counted without case and punctuation. A word is shown so
long after its end; the end is where the packaged Moonshine, given the whole recording, stops looking at it. With
--leave-out, texts that training knows in other voices are told apart. With --write, the tables take the place of those
in the model's card.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
import soundfile as sf

from app.core.catalogue import ACCURATE, FAST, find_model, starter_folder
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.types import Final
from tests.benchmarks.captions import PAUSES, TALK, noise_table, same_words, speaking, spread, stretches
from tests.benchmarks.contestants import machine
from tests.benchmarks.tables import header, put
from tests.benchmarks.talks import Heard, Listener, Said, Talk, talk
from training.errors import run
from training.score import CharacterErrors, WordErrors, Writing

Hear = Callable[[np.ndarray], str]
"""Sound, float32 [N], to text."""
HOUR = 3_600.0
COMPARED = 600.0
"""Seconds at the beginning and at the end of the hour."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One of the dev split."""

    path: Path
    text: str
    corpus: str
    known: bool
    """Training knows its text, in another voice."""


@dataclass(slots=True)
class Judged:
    """Sums over a set."""

    words: WordErrors = field(default_factory=WordErrors)
    characters: CharacterErrors = field(default_factory=CharacterErrors)
    writing: Writing = field(default_factory=Writing)
    delays: list[float] = field(default_factory=list)
    """Seconds from the end of a word until it was shown."""

    def add(self, spoken: Talk, heard: Heard, said: Sequence[Said]) -> None:
        reference, text = " ".join(spoken.texts), " ".join(heard.text)
        for count in (self.words, self.characters, self.writing):
            count.add(reference, text)
        self.delays += [shown.first - word.end for word, shown in same_words(said, heard.words)]

    def row(self, model: str, name: str) -> str:
        marks, capitals = self.writing.marks, self.writing.capitals
        cells = [
            f"{self.words.percent:.1f}",
            f"{self.characters.percent:.1f}",
            f"{marks.f1:.2f}" if marks.wanted else "-",
            f"{capitals.f1:.2f}" if capitals.wanted else "-",
            *(spread(self.delays) if self.delays else "--"),
        ]
        return f"| {' | '.join([model, name, str(self.words.reference_words), *cells])} |"


def through_engine(folder: Path) -> Hear:
    """The words that the program shows in the end."""
    recognizer = Recognizer.load(folder)

    def hear(sound: np.ndarray) -> str:
        stream = recognizer.stream()
        updates = stream.push(sound) + stream.finish()
        return " ".join(u.text for u in updates if isinstance(u, Final))

    return hear


def recordings(speech: Path, known: set[str], limit: int | None) -> list[Recording]:
    """Those to judge on, corpus by corpus, at most `limit` of each."""
    found: dict[str, list[Recording]] = {}
    for line in (speech / "manifest.jsonl").read_text("utf8").splitlines():
        entry = json.loads(line)
        if entry["split"] == "dev":
            one = Recording(speech / entry["path"], entry["text"], entry["corpus"], entry["id"] in known)
            found.setdefault(one.corpus, []).append(one)
    return [one for corpus in sorted(found) for one in found[corpus][:limit]]


def talks(judged: Sequence[Recording]) -> Iterator[tuple[bool, Talk]]:
    """Recordings of one kind in a row, and whether training knows their texts."""
    for corpus, known in sorted({(one.corpus, one.known) for one in judged}):
        entries = [(one.path, one.text) for one in judged if (one.corpus, one.known) == (corpus, known)]
        for at in range(0, len(entries), TALK):
            yield known, talk(corpus, entries[at : at + TALK], PAUSES, seed=at)


def listener(model: str) -> Listener:
    """A model that comes with the program, by its name, or of a folder; with a delay where it offers several."""
    name, _, latency = model.partition("@")
    files = find_model(Path(name))
    delay = int(latency) if latency else None
    return Listener(files.folder, ModelOptions(latency=delay, borrowed=files.borrowed))


def speech_rows(
    model: str, spoken: Sequence[tuple[bool, Talk]], heard: Sequence[Heard], said: Sequence[Sequence[Said]]
) -> list[str]:
    """A row for each corpus, for its texts that are new to training where some are not, and for all."""
    mixed = {one.name for known, one in spoken if known}
    sets: dict[str, Judged] = {}
    for (known, one), stream, words in zip(spoken, heard, said, strict=True):
        names = [one.name, "all"]
        if not known and one.name in mixed:
            names.insert(1, f"{one.name}, new texts")
        for name in names:
            sets.setdefault(name, Judged()).add(one, stream, words)
    sets["all"] = sets.pop("all")  # last
    return [judged.row(model, name) for name, judged in sets.items()]


def hour(judged: Sequence[Recording]) -> tuple[Talk, int]:
    """Joined recordings of about an hour whose last ten minutes are its first ten again, and how many these are."""
    shuffled = random.Random(7).sample(list(judged), len(judged))
    seconds = [sf.info(str(one.path)).duration + sum(PAUSES) / 2 for one in shuffled]
    compared = max(1, sum(at < COMPARED for at in accumulate(seconds)))
    between: list[int] = []
    while sum(seconds[:compared]) * 2 + sum(seconds[i] for i in between) < HOUR:
        between += range(len(shuffled)) if len(shuffled) == compared else range(compared, len(shuffled))
    order = [*range(compared), *between, *range(compared)]
    return talk("hour", [(shuffled[i].path, shuffled[i].text) for i in order], PAUSES, seed=7), compared


def hour_row(model: str, ears: Listener, judged: Sequence[Recording]) -> str:
    spoken, compared = hour(judged)
    heard = ears.hear(spoken)
    starts = [
        0.0,
        *accumulate(q + sf.info(str(p)).duration for q, p in zip(spoken.pauses, spoken.recordings, strict=False)),
    ]
    first, last = WordErrors(), WordErrors()
    for errors, texts, begin, end in (
        (first, spoken.texts[:compared], 0.0, starts[compared]),
        (last, spoken.texts[-compared:], starts[-compared - 1], float("inf")),
    ):
        errors.add(" ".join(texts), " ".join(w.text for w in heard.words if begin <= w.start < end))
    minutes = heard.seconds / 60
    return f"| {model} | {minutes:.0f} | {first.percent:.1f} | {last.percent:.1f} | {speaking([heard]):.3f} |"


def tables(options: argparse.Namespace) -> str:
    known = set(json.loads(options.leave_out.read_text("utf8"))) if options.leave_out else set()
    judged = recordings(options.speech, known, options.limit)
    spoken = list(talks(judged))
    teacher = listener(str(starter_folder()))
    said = [teacher.decode_whole(one).said for _, one in spoken]
    speech, cost, noise, joined = [], [], [], []
    for model in options.models:
        ears = listener(model)
        heard = [ears.hear(one) for _, one in spoken]
        speech += speech_rows(model, spoken, heard, said)
        cost.append(f"| {model} | {speaking(heard):.3f} |")
        quiet = [
            ears.hear(one) for one in [Talk("silence", (), (), (120.0,)), *stretches(options.noise, options.limit)]
        ]
        head, *rows = noise_table(quiet)
        noise += ["", f"{model}:", "", head, *rows]
        if options.limit is None:
            joined.append(hour_row(model, ears, judged))
    columns = (
        "model", "set", "words", "word errors, %", "character errors, %", "F1 of , . ?", "F1 of capitals",
        "shown after, s", "90th percentile",
    )  # fmt: skip
    parts = [
        f"Machine: {machine()}.", "", header(columns), *speech, "",
        header(("model", "CPU s per s of talk")), *cost, *noise,
    ]  # fmt: skip
    if joined:
        hour_columns = ("model", "minutes joined", "errors in the first ten, %", "in the last ten, %", "CPU s per s")
        parts += ["", header(hour_columns), *joined]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("noise", type=Path)
    parser.add_argument(
        "--models",
        nargs="+",
        default=[FAST, f"{FAST}@144", ACCURATE],
        metavar="MODEL",
        help="fast, accurate or a folder, and @ms for a delay",
    )
    parser.add_argument("--leave-out", type=Path, help="JSON list of ids whose texts training knows in other voices")
    parser.add_argument("--limit", type=int, help="recordings of a corpus and stretches of a kind of noise, for trying")
    parser.add_argument("--write", type=Path, help="document between whose marks the tables go")
    options = parser.parse_args()
    text = tables(options)
    print(text)
    if options.write:
        put(options.write, "evaluate", text)


if __name__ == "__main__":
    run(main)
