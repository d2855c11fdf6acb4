"""A call with loudspeakers through the whole session: the far side once, from the computer; oneself always."""

from __future__ import annotations

import numpy as np
import pytest

from app.audio.apart import keep_apart
from app.core.ports import SourceKind
from engine.recognizer import Recognizer
from engine.types import Samples, Word
from tests.helpers.call import Call, Loudspeakers, captioned, chunks
from tests.helpers.starter import errors, quiet, recording, starter_folder, transcripts

FAR = ("commonvoice-000803", "commonvoice-001062")
NEAR = ("commonvoice-001316", "commonvoice-003852")
SPELLING = 2
"""Words wrong where the model writes "every one" for "everyone"."""
OVERLAP = 1.0
"""Seconds that the far side has spoken its second sentence when the near one joins in."""


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(starter_folder())


class Talk:
    """The far side speaks, then the near one, then both at once."""

    def __init__(self) -> None:
        pause = quiet(1.0)
        first, second = (recording(name) for name in FAR)
        alone, joined = (recording(name) for name in NEAR)
        still = np.zeros_like
        begin = np.zeros(round(OVERLAP * 16_000), np.float32)
        rest = np.zeros(max(len(begin) + len(joined) - len(second), 0), np.float32)
        silence = np.zeros(max(len(second) - len(begin) - len(joined), 0), np.float32)
        self.near = np.concatenate([still(first), pause, alone, pause, begin, joined, silence, pause])
        self.played = np.concatenate([first, still(pause), still(alone), still(pause), second, rest, still(pause)])
        self.alone = len(first) / 16_000, (len(first) + 2 * len(pause) + len(alone)) / 16_000
        """Seconds in which only the near side speaks."""


def text(words: list[Word], span: tuple[float, float]) -> str:
    return " ".join(word.text for word in words if span[0] <= (word.start + word.end) / 2 < span[1])


def hear(recognizer: Recognizer, heard: Samples, played: Samples, apart: bool) -> dict[SourceKind, list[Word]]:
    call = Call(chunks(heard), chunks(played))
    sources = [call.microphone, call.system]
    return captioned(keep_apart(*sources) if apart else sources, recognizer.stream)


def test_the_far_side_is_captioned_once_and_oneself_always(recognizer: Recognizer) -> None:
    talk = Talk()
    heard = Loudspeakers(level=-6).heard(talk.near, talk.played)
    words = hear(recognizer, heard, talk.played, apart=True)
    before, after = (0.0, talk.alone[0]), (talk.alone[1], 1e9)
    mine, others = words[SourceKind.MICROPHONE], words[SourceKind.SYSTEM]
    assert text(mine, before) == ""
    assert errors(transcripts()[NEAR[0]], text(mine, talk.alone)) <= 1
    assert errors(transcripts()[NEAR[1]], text(mine, after)) <= SPELLING
    assert errors(" ".join(transcripts()[name] for name in FAR), text(others, (0.0, 1e9))) <= 2
    # Without it the far side stands there twice, and where both speak their words mix.
    words = hear(recognizer, heard, talk.played, apart=False)
    assert errors(transcripts()[FAR[0]], text(words[SourceKind.MICROPHONE], before)) <= 4
    assert errors(transcripts()[NEAR[1]], text(words[SourceKind.MICROPHONE], after)) > SPELLING


def test_with_headphones_captions_are_as_good_as_those_of_the_microphone_alone(recognizer: Recognizer) -> None:
    talk = Talk()
    heard = talk.near + np.random.default_rng(1).normal(0, 5e-4, len(talk.near)).astype(np.float32)
    with_call = hear(recognizer, heard, talk.played, apart=True)[SourceKind.MICROPHONE]
    alone = hear(recognizer, heard, talk.played, apart=False)[SourceKind.MICROPHONE]
    said = " ".join(transcripts()[name] for name in NEAR)
    wrong = errors(said, text(alone, (0.0, 1e9)))
    assert wrong < len(said.split()) / 4
    assert errors(said, text(with_call, (0.0, 1e9))) <= wrong + SPELLING
