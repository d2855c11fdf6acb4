"""What is played and what the microphone hears are brought together by when they came, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.audio.apart import keep_apart
from app.core.ports import AudioChunk, Ended, Lost, Opened, Source, SourceEvent, SourceKind
from engine.types import SAMPLE_RATE, Samples
from tests.helpers.call import BEGAN, Call, Loudspeakers, chunks
from tests.helpers.sound import Receiver, check_chunks
from tests.helpers.starter import recording

SPEAKERS = Loudspeakers(level=-6, delay=0.05)
LEARNED = slice(3 * SAMPLE_RATE, None)


@pytest.fixture(scope="module")
def played() -> Samples:
    names = ("commonvoice-000803", "commonvoice-001062", "commonvoice-001316")
    return np.concatenate([recording(name) for name in names])[: 8 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def echo(played: Samples) -> Samples:
    return SPEAKERS.heard(np.zeros_like(played), played)


class Hand:
    """A source that delivers what the test hands it."""

    def __init__(self, kind: SourceKind) -> None:
        self.kind = kind
        self.name = "by hand"

    def start(self, deliver: Receiver) -> None:
        self.deliver = deliver

    def stop(self) -> None:
        """There is no thread to stop."""


class ByHand:
    """Two sources, kept apart, and what comes of them."""

    def __init__(self) -> None:
        self._hands = Hand(SourceKind.MICROPHONE), Hand(SourceKind.SYSTEM)
        self.hurried = 0
        self.microphone, self.system = keep_apart(*self._hands, self._hurry)
        self.heard, self.played = Receiver(), Receiver()
        self.microphone.start(self.heard)
        self.system.start(self.played)

    def hear(self, *events: SourceEvent) -> None:
        for event in events:
            self._hands[0].deliver(event)

    def _hurry(self) -> None:
        self.hurried += 1

    def play(self, *events: SourceEvent) -> None:
        for event in events:
            self._hands[1].deliver(event)


def captured(heard: Sequence[AudioChunk], played: Sequence[AudioChunk]) -> tuple[Receiver, Receiver]:
    """What both sources of a call deliver once they are kept apart."""
    call = Call(heard, played)
    receivers = Receiver(), Receiver()
    sources: list[Source] = keep_apart(call.microphone, call.system)
    for source, receiver in zip(sources, receivers, strict=True):
        source.start(receiver)
    for receiver in receivers:
        receiver.wait_for_event(Ended)
    for source in sources:
        source.stop()
    return receivers


def left(receiver: Receiver, echo: Samples) -> float:
    """How much of the echo is left, in dB, once the room is learned."""
    after = receiver.sound()
    assert len(after) == len(echo)
    return float(10 * np.log10(np.mean(after[LEARNED] ** 2) / np.mean(echo[LEARNED] ** 2)))


def test_the_echo_goes_and_what_is_played_stays(played: Samples, echo: Samples) -> None:
    microphone, system = captured(chunks(echo), chunks(played))
    assert left(microphone, echo) < -20
    assert np.array_equal(system.sound(), played)
    check_chunks(microphone.of(AudioChunk))
    assert microphone.told() == system.told() == [Opened("made up"), Ended()]


def test_levels_are_those_of_the_microphone(played: Samples, echo: Samples) -> None:
    microphone, _ = captured(chunks(echo), chunks(played))
    assert [c.level for c in microphone.of(AudioChunk)] == [c.level for c in chunks(echo)]


def test_chunks_that_are_read_late_are_of_their_own_time(played: Samples, echo: Samples) -> None:
    waits = np.random.default_rng(0).uniform(0, 0.07, 200)
    microphone, _ = captured(chunks(echo, late=lambda n: waits[2 * n % 200]), chunks(played, late=lambda n: waits[n]))
    assert left(microphone, echo) < -20


def test_sources_need_not_begin_together(played: Samples, echo: Samples) -> None:
    later = 20 * 1_280
    began = [replace(c, start_sample=c.start_sample - later) for c in chunks(played)[20:]]
    microphone, _ = captured(chunks(echo), began)
    after = microphone.sound()
    assert np.mean(after[4 * SAMPLE_RATE :] ** 2) < np.mean(echo[4 * SAMPLE_RATE :] ** 2) / 100


def test_sound_that_was_lost_on_the_way_moves_the_rest(played: Samples, echo: Samples) -> None:
    """The output's sound misses 0.32 s after one second; what follows is the sound of a later time."""
    whole = chunks(played)
    after = [replace(c, start_sample=c.start_sample - 4 * 1_280) for c in whole[16:]]
    microphone, _ = captured(chunks(echo), [*whole[:12], replace(after[0], overflowed=True), *after[1:]])
    after_it = slice(4 * SAMPLE_RATE, None)
    assert np.mean(microphone.sound()[after_it] ** 2) < np.mean(echo[after_it] ** 2) / 100


def test_the_microphone_waits_for_what_was_played_at_the_same_time(played: Samples, echo: Samples) -> None:
    call, heard, out = ByHand(), chunks(echo), chunks(played)
    call.play(out[0])
    call.hear(heard[0])
    call.play(out[1])
    before, hurried = len(call.heard.of(AudioChunk)), call.hurried
    call.hear(heard[1])
    assert len(call.heard.of(AudioChunk)) == before
    assert call.hurried == hurried + 1
    call.play(out[2])
    assert len(call.heard.of(AudioChunk)) == before + 1


@pytest.mark.parametrize("loss", [Lost("Speakers", "They are gone."), Ended()], ids=["lost", "ended"])
def test_nothing_is_waited_for_that_will_not_come(played: Samples, echo: Samples, loss: SourceEvent) -> None:
    call, heard, out = ByHand(), chunks(echo), chunks(played)
    call.play(*out[:3])
    call.hear(*heard[:5])
    call.play(loss)
    assert len(call.heard.of(AudioChunk)) == 5
    call.hear(heard[5])
    assert len(call.heard.of(AudioChunk)) == 6


def test_an_output_that_delivers_nothing_while_it_is_silent_holds_nothing_up(echo: Samples) -> None:
    call = ByHand()
    call.play(*chunks(np.zeros(3 * 1_280, np.float32)))
    call.hear(*chunks(echo)[:40])
    waiting = 40 - len(call.heard.of(AudioChunk))
    assert waiting * 0.08 <= 0.2


def test_without_any_system_sound_the_microphone_is_passed_on_as_it_is(echo: Samples) -> None:
    call = ByHand()
    call.hear(*chunks(echo)[:40])
    assert np.array_equal(call.heard.sound(), echo[: 40 * 1_280])


def test_what_waits_is_delivered_before_a_loss_is_told_and_when_it_stops(played: Samples, echo: Samples) -> None:
    call, heard = ByHand(), chunks(echo)
    call.play(*chunks(played)[:2])
    call.hear(*heard[:4], Lost("Desk", "It is gone."))
    assert [type(event) for event in call.heard.events] == [AudioChunk] * 4 + [Lost]
    call.hear(Opened("Desk"), heard[4])
    call.microphone.stop()
    assert len(call.heard.of(AudioChunk)) == 5


def test_times_are_those_of_the_sound(played: Samples, echo: Samples) -> None:
    microphone, _ = captured(chunks(echo), chunks(played))
    times = [chunk.captured_at - BEGAN for chunk in microphone.of(AudioChunk)]
    assert times == pytest.approx([(n + 1) * 0.08 for n in range(len(times))])
