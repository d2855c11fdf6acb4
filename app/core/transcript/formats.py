"""Writes the transcript of a recording as plain text, JSON or subtitles. Text in, text out; no files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from app.core.transcript.subtitles import Speech, cues, srt, vtt
from engine.types import Final, Word


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was said in one recording."""

    file: str
    """As the user named it."""
    duration: float
    """Seconds of audio."""
    utterances: tuple[Final, ...]

    @property
    def text(self) -> str:
        return " ".join(utterance.text for utterance in self.utterances if utterance.words)


def to_txt(transcript: Transcript) -> str:
    """One utterance a line."""
    return "".join(f"{utterance.text}\n" for utterance in transcript.utterances if utterance.words)


def to_json(transcript: Transcript) -> str:
    """One object on one line; all times in seconds of audio."""
    record = {
        "file": transcript.file,
        "text": transcript.text,
        "duration": round(transcript.duration, 3),
        "utterances": [_utterance(utterance) for utterance in transcript.utterances if utterance.words],
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def to_srt(transcript: Transcript) -> str:
    return srt(cues(_speeches(transcript)))


def to_vtt(transcript: Transcript) -> str:
    return vtt(cues(_speeches(transcript)))


WRITERS: dict[str, Callable[[Transcript], str]] = {"txt": to_txt, "json": to_json, "srt": to_srt, "vtt": to_vtt}
"""Format name -> writer."""


def _speeches(transcript: Transcript) -> list[Speech]:
    return [Speech(utterance.words) for utterance in transcript.utterances if utterance.words]


def _utterance(utterance: Final) -> dict[str, object]:
    record: dict[str, object] = {
        "start": round(utterance.start, 3),
        "end": round(utterance.end, 3),
        "text": utterance.text,
        "words": [{**_word(word), "emitted": round(word.emitted, 3)} for word in utterance.words],
        "tokens": [{"id": token.id, "text": token.text, "time": round(token.time, 3)} for token in utterance.tokens],
    }
    if utterance.alternatives:
        record["alternatives"] = [
            {"text": other.text, "cost": round(other.cost, 3), "words": [_word(word) for word in other.words]}
            for other in utterance.alternatives
        ]
    return record


def _word(word: Word) -> dict[str, object]:
    return {
        "text": word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }
