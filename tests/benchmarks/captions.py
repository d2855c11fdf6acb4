"""What live captions of an attention model are worth: errors, delays, cost, and words heard where nobody speaks.

    python -m tests.benchmarks.captions SPEECH NOISE [--model DIR] [--limit N] [--processes N]

SPEECH holds manifest.jsonl, an object a line with "path", "text", "corpus" and "split"; those of the split "dev" are
judged. NOISE holds another, with "path" and "kind" (noise, music, babble, or rir, which is left out).
Everything goes through the streams that users get, 80 ms at a time. The tables go into README.md beside this file
and, for the starter, into the one of the project; with --limit, which is for trying, they are only printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from app.core.catalogue import ModelFiles, find_model
from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle
from engine.models.options import ModelOptions
from engine.stability import Steadiness
from tests.benchmarks.contestants import made
from tests.benchmarks.tables import header, put
from tests.benchmarks.talks import PUSH, Heard, Listener, Said, Shown, Talk, Whole, talk
from tests.benchmarks.word_errors import words_of

HERE = Path(__file__).parent
TALK = 10
"""Recordings in a row."""
STRETCH = 120.0
"""Seconds of noise in a row."""
PAUSES = (0.3, 1.5)
SAME_WORD = 1.5
"""Seconds that a word's place may differ between two decodings; beyond, it is another of the same text."""
BUSY = round(10 * 16_000 / PUSH)
"""Pushes in ten seconds."""

_listener: Listener


@dataclass
class Score:
    """One corpus."""

    words: int = 0
    shown: int = 0
    unstable: int = 0
    streaming: int = 0
    greedy: int = 0
    beam: int = 0
    first: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)

    def add(self, text: Sequence[str], heard: Heard, whole: Whole) -> None:
        """Count the errors of one talk, and how late its words were."""
        shown = [word.text for word in heard.words]
        self.words += len(text)
        self.shown += len(heard.words)
        self.unstable += heard.unstable
        self.streaming += errors(text, shown)
        self.greedy += errors(text, whole.greedy)
        self.beam += errors(text, whole.beam)
        for said, word in same_words(whole.said, heard.words):
            self.first.append(word.first - said.end)
            self.settled.append(word.settled - said.end)

    def row(self, name: str) -> str:
        rates = [f"{100 * wrong / self.words:.1f}" for wrong in (self.streaming, self.greedy, self.beam)]
        wholes = (self.greedy, self.beam)
        more = [f"{100 * (self.streaming / wrong - 1):+.1f} %" if wrong else "-" for wrong in wholes]
        return f"| {' | '.join([name, str(self.words), *rates, *more, *spread(self.first), *spread(self.settled)])} |"


def errors(text: Sequence[str], found: Sequence[str]) -> int:
    """Words wrong, missing or too many."""
    if not found:
        return len(text)
    counts = jiwer.process_words(" ".join(text), " ".join(found))
    return counts.substitutions + counts.deletions + counts.insertions


def same_words(said: Sequence[Said], shown: Sequence[Shown]) -> Iterable[tuple[Said, Shown]]:
    """Words that both decodings have in the same place."""
    if not said or not shown:
        return
    compared = jiwer.process_words(" ".join(word.text for word in said), " ".join(word.text for word in shown))
    for chunk in compared.alignments[0]:
        if chunk.type == "equal":
            spans = (said[chunk.ref_start_idx : chunk.ref_end_idx], shown[chunk.hyp_start_idx : chunk.hyp_end_idx])
            yield from ((a, b) for a, b in zip(*spans, strict=True) if abs(a.start - b.start) <= SAME_WORD)


def spread(delays: Sequence[float]) -> list[str]:
    """Median and 90th percentile."""
    return [f"{value:.2f}" for value in np.percentile(delays, [50, 90])]


def talks(folder: Path, limit: int | None) -> list[Talk]:
    """The recordings of the dev split, corpus by corpus."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for entry in _manifest(folder):
        if entry["split"] == "dev":
            found.setdefault(entry["corpus"], []).append((folder / entry["path"], entry["text"]))
    return [
        talk(corpus, entries[:limit][start : start + TALK], PAUSES, seed=start)
        for corpus, entries in found.items()
        for start in range(0, len(entries[:limit]), TALK)
    ]


def stretches(folder: Path, limit: int | None) -> list[Talk]:
    """The noise, kind by kind, about two minutes at a time; recordings follow each other at once."""
    found: dict[str, list[list[Path]]] = {}
    left = 0.0
    for entry in sorted(_manifest(folder), key=lambda entry: entry["kind"]):
        kind, path = entry["kind"], folder / entry["path"]
        if kind == "rir":
            continue
        rows = found.setdefault(kind, [])
        if not rows or left <= 0:
            rows.append([])
            left = STRETCH
        rows[-1].append(path)
        left -= soundfile.info(path).duration
    return [talk(kind, [(p, "") for p in row], (0.0, 0.0), 0) for kind, rows in found.items() for row in rows[:limit]]


def _manifest(folder: Path) -> Iterable[dict[str, str]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return map(json.loads, lines)


def speech_table(spoken: Sequence[Talk], heard: Sequence[Heard], whole: Sequence[Whole]) -> tuple[list[str], Score]:
    """Errors and delays, by corpus and in all."""
    scores: dict[str, Score] = {}
    every = Score()
    for one, stream, offline in zip(spoken, heard, whole, strict=True):
        text = [word for line in one.texts for word in words_of(line)]
        for score in (scores.setdefault(one.name, Score()), every):
            score.add(text, stream, offline)
    columns = (
        "corpus", "words", "errors streaming, %", "whole, greedy, %", "whole, beam 4, %", "more than greedy",
        "more than beam 4", "shown after, s", "90th percentile", "settled after, s", "90th percentile",
    )  # fmt: skip
    rows = [*(score.row(name) for name, score in scores.items()), every.row("all")]
    return [header(columns), *rows], every


def modes_table(
    spoken: Sequence[Talk], heard: Mapping[Steadiness, Sequence[Heard]], whole: Sequence[Whole]
) -> list[str]:
    """What the modes of steadiness trade."""
    rows = []
    for mode, streams in heard.items():
        every = speech_table(spoken, streams, whole)[1]
        rates = f"{100 * every.streaming / every.words:.1f} | {100 * every.unstable / every.shown:.1f}"
        delays = " | ".join([*spread(every.first), *spread(every.settled)])
        rows.append(f"| {mode} | {rates} | {delays} | {speaking(streams):.3f} |")
    columns = (
        "mode", "errors, %", "unstable partial words, %", "shown after, s", "90th percentile", "settled after, s",
        "90th percentile", "CPU s per s",
    )  # fmt: skip
    return [header(columns), *rows]


def cost_table(heard: Sequence[Heard], silence: Heard) -> list[str]:
    """Processor time and memory."""
    longest = max(max(one.pushes) for one in heard)
    busiest = max(
        float(np.convolve(one.pushes, np.ones(BUSY)).max()) / 10 for one in heard if len(one.pushes) >= BUSY
    )  # fmt: skip
    rows = [
        f"| CPU seconds a second, talks with pauses of {PAUSES[0]} to {PAUSES[1]} s | {speaking(heard):.3f} |",
        f"| the same, busiest ten seconds | {busiest:.3f} |",
        f"| the same, a minute of quiet room | {sum(silence.pushes) / silence.seconds:.3f} |",
        f"| longest push of 80 ms, CPU ms | {1000 * longest:.0f} |",
        f"| 99th percentile of pushes, CPU ms | {1000 * np.percentile(_pushes(heard), 99):.0f} |",
        f"| most memory a process held, model, Python and libraries included, MB | {max(h.memory for h in heard)} |",
    ]
    return [header(("what it costs", "")), *rows]


def speaking(heard: Sequence[Heard]) -> float:
    """CPU seconds a second of talk."""
    return sum(_pushes(heard)) / sum(one.seconds for one in heard)


def noise_table(heard: Sequence[Heard]) -> list[str]:
    """Words where nobody speaks to the microphone."""
    rows = []
    for kind in dict.fromkeys(one.name for one in heard):
        own = [one for one in heard if one.name == kind]
        words, withdrawn = sum(len(one.words) for one in own), sum(one.withdrawn for one in own)
        clean = sum(not one.words and not one.withdrawn for one in own)
        cost, seconds = sum(_pushes(own)), sum(one.seconds for one in own)
        rows.append(
            f"| {kind} | {seconds / 60:.1f} | {words} | {withdrawn} | {clean} of {len(own)} | {cost / seconds:.3f} |"
        )
    columns = ("kind", "minutes", "words", "shown and withdrawn", "two-minute stretches without any", "CPU s per s")
    return [header(columns), *rows]


def short_table(every: Score, speech: Sequence[Heard], silence: Heard, noise: Sequence[Heard]) -> list[str]:
    """What a user wants to know."""
    first, settled = spread(every.first), spread(every.settled)
    bare = [one for one in noise if one.name != "babble"]
    minutes, words = sum(one.seconds for one in bare) / 60, sum(len(one.words) for one in bare)
    rates = [f"{100 * wrong / every.words:.1f} %" for wrong in (every.streaming, every.greedy, every.beam)]
    quiet = sum(silence.pushes) / silence.seconds
    return [
        header(("live captions with the starter", "")),
        f"| word errors, live | {rates[0]} |",
        f"| the same model given each recording in one piece (greedy; beam of 4) | {rates[1]}; {rates[2]} |",
        f"| a word is shown after its end (median; 90 % of words) | {first[0]} s; {first[1]} s |",
        f"| and can no longer change | {settled[0]} s; {settled[1]} s |",
        f"| share of one processor core while somebody speaks; in silence | {speaking(speech):.0%}; {quiet:.1%} |",
        f"| words heard in {minutes:.0f} minutes of noise and music | {words} |",
    ]


def _pushes(heard: Sequence[Heard]) -> list[float]:
    return [seconds for one in heard for seconds in one.pushes]


def _open(files: ModelFiles) -> None:
    global _listener  # noqa: PLW0603 - one a process
    _listener = Listener(files.folder, ModelOptions(borrowed=files.borrowed))


def _hear(talk: Talk, mode: Steadiness = Steadiness.BALANCED) -> Heard:
    return _listener.hear(talk, mode)


def _decode_whole(talk: Talk) -> Whole:
    return _listener.decode_whole(talk)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("noise", type=Path)
    parser.add_argument("--model", type=Path, help="accurate, fast or a folder")
    parser.add_argument("--limit", type=int, help="recordings of a corpus, and stretches of a kind of noise")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    files = find_model(args.model)
    bundle = open_bundle(files.folder, ModelOptions(borrowed=files.borrowed))
    if not isinstance(bundle, AttentionBundle) or not bundle.model.tells_attention:
        parser.error(f"{files.folder}: word ends come from a decoder that tells where it looks; this has none")
    spoken, noises = talks(args.speech, args.limit), stretches(args.noise, args.limit)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, context, _open, (files,)) as pool:
        # In this order, so that the memory of streams is theirs alone.
        speech = list(pool.map(_hear, spoken))
        silence = pool.submit(_hear, Talk("silence", (), (), (60.0,))).result()
        noise = list(pool.map(_hear, noises))
        modes = {
            mode: speech if mode is Steadiness.BALANCED else list(pool.map(partial(_hear, mode=mode), spoken))
            for mode in Steadiness
        }
        whole = list(pool.map(_decode_whole, spoken))
    table, score = speech_table(spoken, speech, whole)
    begin = f"{bundle.info.name}. {made()}"
    steady = modes_table(spoken, modes, whole)
    full = "\n".join([begin, "", *table, "", *steady, "", *cost_table(speech, silence), "", *noise_table(noise)])
    short = "\n".join(short_table(score, speech, silence, noise))
    print(f"{full}\n\n{short}")
    if args.limit is None and args.model:
        put(HERE / "README.md", "captions of another model", full)
    elif args.limit is None:
        put(HERE / "README.md", "captions", full)
        put(HERE.parents[1] / "README.md", "captions", short)


if __name__ == "__main__":
    main()
