"""A call with loudspeakers: how often the far side is captioned twice, and what becomes of what oneself says.

    python -m tests.benchmarks.calls SPEECH NOISE [--turns N] [--processes N] [--webrtc]

SPEECH and NOISE are folders as for `captions`; of NOISE only the impulse responses (kind "rir") are used. Two people
take turns: the far one alone, the near one alone, both at once. What the microphone hears is made of that, and both
sources go through the session that users get, once as they are and once kept apart. --webrtc does the same with the
echo canceller of WebRTC (AEC3, by `pip install pywebrtc-audio`), given both sounds in perfect time. With --turns, which
is for trying, the table is only printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import jiwer
import numpy as np
import soundfile
import soxr

from app.audio.apart import keep_apart
from app.audio.echo import EchoFilter
from app.core.catalogue import find_model
from app.core.ports import CHUNK_SAMPLES, SourceKind
from engine.models.options import ModelOptions
from engine.recognizer import Recognizer
from engine.types import SAMPLE_RATE, Samples, Word
from tests.benchmarks.contestants import made
from tests.benchmarks.tables import header, put
from tests.benchmarks.word_errors import words_of
from tests.helpers.call import FLOOR, Call, Loudspeakers, captioned, chunks

HERE = Path(__file__).parent
TURNS = 8
"""Of each of the three kinds."""
LOUDNESS = 0.05
"""Root mean square of everybody while they speak, -26 dB; an echo's level is against that."""
GAP = 0.8
"""Seconds between turns."""
JOINS = 0.5
"""Seconds after which the near one interrupts the far one."""

AS_HEARD, APART, WEBRTC = "as heard", "Caique", "WebRTC"


@dataclass(frozen=True)
class Turn:
    """Who speaks from when to when, in seconds, and the near one's words."""

    kind: str
    start: float
    end: float
    near: tuple[str, ...]
    far: tuple[str, ...]


@dataclass(frozen=True)
class Conversation:
    near: Samples
    played: Samples
    turns: tuple[Turn, ...]


@dataclass
class Count:
    """What the microphone's captions are worth."""

    twice: int = 0
    """Words captioned while only the far side speaks, ..."""
    far: int = 0
    """... and how many it says then."""
    alone_wrong: int = 0
    alone: int = 0
    both_wrong: int = 0
    both: int = 0
    lost: int = 0
    """Of the near one's words while both speak, those with nothing in their place."""


ROOMS: dict[str, Loudspeakers | None] = {
    "headphones": None,
    "-6 dB": Loudspeakers(level=-6),
    "-12 dB, a real room, loudspeakers that distort": Loudspeakers(level=-12, drive=6.0),
    "-12 dB, clocks 30 parts in a million apart": Loudspeakers(level=-12, drift=30.0),
    "-12 dB, clocks 100 parts in a million apart": Loudspeakers(level=-12, drift=100.0),
    "-20 dB, 0.3 s late": Loudspeakers(level=-20, delay=0.3),
}
REAL = "-12 dB, a real room, loudspeakers that distort"
"""With the first impulse response of NOISE."""


def conversation(folder: Path, turns: int) -> Conversation:
    """Recordings of the dev split: Common Voice speaks here, VoxForge there."""
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    near, far = (_chosen(entries, corpus, 2 * turns) for corpus in ("commonvoice1", "voxforge"))
    sounds: tuple[list[Samples], list[Samples]] = ([], [])
    told: list[Turn] = []
    at = 0.0

    def say(kind: str, mine: dict[str, str] | None, other: dict[str, str] | None) -> None:
        nonlocal at
        voice = _loud(folder, mine) if mine else _silence(0)
        played = _loud(folder, other) if other else _silence(0)
        voice = np.concatenate((_silence(JOINS if mine and other else 0), voice))
        length = max(len(voice), len(played)) + round(GAP * SAMPLE_RATE)
        for sound, piece in zip(sounds, (voice, played), strict=True):
            sound.append(np.pad(piece, (0, length - len(piece))))
        texts = [words_of(entry["text"]) if entry else () for entry in (mine, other)]
        told.append(Turn(kind, at - GAP / 2, at + length / SAMPLE_RATE - GAP / 2, texts[0], texts[1]))
        at += length / SAMPLE_RATE

    for k in range(turns):
        say("far", None, far[2 * k])
        say("near", near[2 * k], None)
        say("both", near[2 * k + 1], far[2 * k + 1])
    return Conversation(np.concatenate(sounds[0]), np.concatenate(sounds[1]), tuple(told))


def _chosen(entries: Sequence[dict[str, str]], corpus: str, count: int) -> list[dict[str, str]]:
    """Sentences of at least five words, always the same ones."""
    own = [e for e in entries if e["split"] == "dev" and e["corpus"] == corpus and len(words_of(e["text"])) >= 5]
    return random.Random(0).sample(own, count)


def _loud(folder: Path, entry: dict[str, str]) -> Samples:
    """A recording at the loudness of all."""
    sound, rate = soundfile.read(folder / entry["path"], dtype="float32", always_2d=True)
    mono: Samples = soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)
    power = np.mean(mono[: len(mono) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    return (mono * LOUDNESS / np.sqrt(power[power > power.max() / 100].mean())).astype(np.float32)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


class _Deaf:
    """Captions nothing: what is played is captioned as ever, and not once more for each room."""

    encoder = None

    def hear(self, samples: Samples) -> None: ...

    def step(self) -> list[object]:
        return []

    def finish(self) -> list[object]:
        return []


def measure(task: tuple[str, str, Loudspeakers | None, Conversation]) -> tuple[str, str, Count, float]:
    """One room, one way. Also returns the processor seconds that a second of call costs the filter."""
    room, way, speakers, talk = task
    files = find_model(None)
    recognizer = Recognizer.load(files.folder, ModelOptions(borrowed=files.borrowed))
    noise = np.random.default_rng(1).normal(0, FLOOR, len(talk.near)).astype(np.float32)
    heard = speakers.heard(talk.near, talk.played) if speakers else talk.near + noise
    cost = 0.0
    if way == WEBRTC:
        heard = _webrtc(heard, talk.played)
    elif way == APART:
        cost = _cost(heard, talk.played)
    call = Call(chunks(heard, speakers.drift if speakers else 0.0), chunks(talk.played))
    sources = [call.microphone, call.system]
    streams = iter((recognizer.stream(), _Deaf()))
    words = captioned(keep_apart(*sources) if way == APART else sources, lambda: next(streams))
    return room, way, count(words[SourceKind.MICROPHONE], talk.turns), cost


def _cost(heard: Samples, played: Samples) -> float:
    echo, began, length = EchoFilter(), time.process_time(), min(len(heard), len(played))
    for start in range(0, length - CHUNK_SAMPLES, CHUNK_SAMPLES):
        echo.clean(heard[start : start + CHUNK_SAMPLES], played[start : start + CHUNK_SAMPLES])
    return (time.process_time() - began) * SAMPLE_RATE / length


def _webrtc(heard: Samples, played: Samples) -> Samples:
    from pywebrtc_audio import EchoCanceller

    length = min(len(heard), len(played)) // CHUNK_SAMPLES * CHUNK_SAMPLES
    cleaned: Samples = EchoCanceller(sample_rate=SAMPLE_RATE).process(heard[:length], played[:length])
    return cleaned


def count(words: Sequence[Word], turns: Sequence[Turn]) -> Count:
    """Compare turn by turn; a word belongs to the turn in which its middle lies."""
    counts = Count()
    for turn in turns:
        found = [
            text
            for word in words
            if turn.start <= (word.start + word.end) / 2 < turn.end
            for text in words_of(word.text)
        ]
        if turn.kind == "far":
            counts.twice += len(found)
            counts.far += len(turn.far)
            continue
        compared = jiwer.process_words(" ".join(turn.near), " ".join(found))
        wrong = compared.substitutions + compared.deletions + compared.insertions
        if turn.kind == "near":
            counts.alone_wrong += wrong
            counts.alone += len(turn.near)
        else:
            counts.both_wrong += wrong
            counts.both += len(turn.near)
            counts.lost += compared.deletions
    return counts


def row(room: str, way: str, counts: Count, cost: float) -> str:
    alone, both = 100 * counts.alone_wrong / counts.alone, 100 * counts.both_wrong / counts.both
    cells = [room, way, f"{counts.twice} of {counts.far}", f"{alone:.1f}", f"{both:.1f}", f"{counts.lost}"]
    return f"| {' | '.join([*cells, f'{cost:.4f}' if cost else '-'])} |"


def _rooms(noise: Path) -> dict[str, Loudspeakers | None]:
    entries = [json.loads(line) for line in (noise / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    path = next(noise / entry["path"] for entry in entries if entry["kind"] == "rir")
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    impulse = soxr.resample(sound[:, 0], rate, SAMPLE_RATE)
    impulse = impulse[max(0, int(np.abs(impulse).argmax()) - 16) :]
    return {
        room: replace(speakers, impulse=impulse) if speakers and room == REAL else speakers
        for room, speakers in ROOMS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("noise", type=Path)
    parser.add_argument("--turns", type=int)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--webrtc", action="store_true")
    args = parser.parse_args()
    talk = conversation(args.speech, args.turns or TURNS)
    ways = [AS_HEARD, APART, *([WEBRTC] if args.webrtc else [])]
    tasks = [(room, way, speakers, talk) for room, speakers in _rooms(args.noise).items() for way in ways]
    columns = (
        "echo", "microphone's captions", "far words captioned twice", "near words wrong, alone, %",
        "near words wrong, both speak, %", "of these missing, words", "filter, CPU s per s",
    )  # fmt: skip
    rows = [header(columns)]
    with ProcessPoolExecutor(args.processes, multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(measure, tasks):
            rows.append(row(*result))
            print(rows[-1], flush=True)
    seconds = len(talk.near) / SAMPLE_RATE
    words = sum(len(turn.near) for turn in talk.turns if turn.kind == "both")
    begin = f"{seconds / 60:.1f} minutes; {words} near words where both speak. {made()}"
    if args.turns is None:
        put(HERE / "README.md", "calls", "\n".join([begin, "", *rows]))


if __name__ == "__main__":
    main()
