"""Real sound through a real server: what is played is heard whole, devices come and go, and a capture of
system sound never hears a microphone.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pulsectl
import pytest
import soxr
from numpy.typing import NDArray

from app.audio.libpulse import NoServer
from app.audio.pulse_server import PulseServer
from app.audio.pulse_stream import PulseStream
from app.audio.recording import RecordingLost
from app.audio.sources import list_devices, open_sources
from app.core.errors import SourceError
from app.core.ports import AudioChunk, DeviceInfo, Lost, Opened, Source, SourceKind
from tests.helpers.sound import Receiver, check_chunks
from tests.helpers.sound_server import SoundServer, wait_until, write_sound

pytestmark = pytest.mark.sound_server

SINE_MICROPHONE = "sine_input"
PLAYED_RATE = 48_000


class Listener:
    """Starts a source and waits until it hears its device."""

    def __init__(self) -> None:
        self._sources: list[Source] = []

    def __call__(self, spec: str) -> Receiver:
        (source,) = open_sources(spec)
        receiver = Receiver()
        source.start(receiver)
        self._sources.append(source)
        receiver.wait_for_event(Opened)
        return receiver

    def stop(self) -> None:
        for source in self._sources:
            source.stop()


@pytest.fixture
def listen(sound_server: SoundServer) -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.stop()


def noise(seconds: float) -> NDArray[np.float32]:
    """Stereo noise below 1 kHz, different at every moment, so that its place can be found again."""
    slow = np.random.default_rng(7).uniform(-0.5, 0.5, (round(seconds * 2_000), 2))
    return np.clip(soxr.resample(slow, 2_000, PLAYED_RATE), -1, 1).astype(np.float32)


def write_played(folder: Path, sound: NDArray[np.float32]) -> Path:
    """With a pause in front: of a sound that sets in, a monitor misses what its output had mixed before."""
    pause = np.zeros((PLAYED_RATE // 4, 2), np.float32)
    return write_sound(folder / "noise.wav", np.concatenate((pause, sound)))


def place_of(piece: NDArray[np.float32], sound: NDArray[np.float32]) -> tuple[int, float]:
    """Where `piece` begins in `sound`, by cross-correlation, and how like it what is found there is."""
    size = len(sound) + len(piece)
    product = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size))
    place = int(np.argmax(np.fft.irfft(product, size)[: len(sound)]))
    found = sound[place : place + len(piece)]
    if len(found) < len(piece):
        return place, 0.0
    return place, float(np.corrcoef(piece, found)[0, 1])


def check_nothing_lost(played: NDArray[np.float32], heard: NDArray[np.float32]) -> None:
    """Every half second of what was played is in what was heard, each the same distance from its place."""
    mono = soxr.resample(played.mean(axis=1), PLAYED_RATE, 16_000)
    step = 8_000
    places = {}
    for begin in range(0, len(mono) - step + 1, step):
        expected = next(iter(places.values()), None)
        around = heard if expected is None else heard[max(0, begin + expected - 2_000) :][: step + 4_000]
        offset = 0 if expected is None else max(0, begin + expected - 2_000)
        place, likeness = place_of(mono[begin : begin + step], around)
        assert likeness > 0.97, f"second {begin / 16_000}: found only to {likeness:.2f}"
        places[begin] = place + offset - begin
    shifts = np.array(list(places.values()))
    assert np.ptp(shifts) <= 1, f"sound was lost or added: shifts {shifts}"


def test_devices_have_the_servers_names(sound_server: SoundServer) -> None:
    assert list_devices() == [
        DeviceInfo("virtual_mic", "VirtualMicrophone", SourceKind.MICROPHONE, is_default=True),
        DeviceInfo("speakers", "Speakers", SourceKind.SYSTEM, is_default=True),
        DeviceInfo("headphones", "Headphones", SourceKind.SYSTEM, is_default=False),
        DeviceInfo("mic_feed", "MicFeed", SourceKind.SYSTEM, is_default=False),
    ]


def test_a_named_output_is_heard_whole(sound_server: SoundServer, listen: Listener, tmp_path: Path) -> None:
    receiver = listen("HEADPHONES")
    with sound_server.playing(write_played(tmp_path, played := noise(2.0)), "headphones") as player:
        player.wait()
        receiver.wait_for_sound(1.0)
    check_chunks(receiver.of(AudioChunk))
    check_nothing_lost(played, receiver.sound())


@pytest.mark.timeout(300)
def test_a_minute_of_system_sound_and_of_a_microphone_is_heard_whole(
    sound_server: SoundServer, listen: Listener, tmp_path: Path
) -> None:
    system, microphone = listen("system"), listen("mic")
    file = write_played(tmp_path, played := noise(60.0))
    with sound_server.playing(file, "speakers") as first, sound_server.playing(file, "mic_feed") as second:
        first.wait()
        second.wait()
        system.wait_for_sound(1.0)
        microphone.wait_for_sound(1.0)
    for receiver in (system, microphone):
        check_nothing_lost(played, receiver.sound())
        assert not any(chunk.overflowed for chunk in receiver.of(AudioChunk))
        assert len(receiver.told()) == 1


def test_chunks_come_while_the_sound_does(listen: Listener) -> None:
    receiver = listen("system")
    receiver.wait_for_sound(1.0)
    began, count = receiver.times[1], len(receiver.sound())
    receiver.wait_for_sound(2.0)
    assert len(receiver.sound()) - count == pytest.approx(32_000, rel=0.2)
    for time_told, event in zip(receiver.times, receiver.events, strict=True):
        if isinstance(event, AudioChunk):
            assert began - 1 <= event.captured_at <= time_told


@pytest.mark.parametrize("spec", ["system", "mic"])
def test_silence_is_read_as_fast_as_it_passes(listen: Listener, spec: str) -> None:
    """A reader that rests while it is quiet must catch up, or what is said next comes late and then not at all."""
    receiver = listen(spec)
    receiver.wait_for_sound(0.5)
    before, began = len(receiver.sound()), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 5.0, "five seconds have passed", deadline=10.0)
    assert len(receiver.sound()) - before == pytest.approx(16_000 * (time.monotonic() - began), abs=8_000)


def test_a_new_default_output_is_followed(sound_server: SoundServer, listen: Listener, tmp_path: Path) -> None:
    receiver = listen("system")
    sound_server.set_default_output("headphones")
    receiver.wait_for_event(Opened, 2)
    assert receiver.told() == [Opened("Speakers"), Opened("Headphones")]
    before = len(receiver.sound())
    file = write_played(tmp_path, played := noise(1.0))
    with sound_server.playing(file, "headphones") as player:
        player.wait()
        receiver.wait_for_sound(1.0)
    check_nothing_lost(played, receiver.sound()[before:])


def test_a_named_output_is_not_left_for_a_new_default(sound_server: SoundServer, listen: Listener) -> None:
    receiver = listen("speakers")
    sound_server.set_default_output("headphones")
    receiver.wait_for_sound(1.0)
    assert receiver.told() == [Opened("Speakers")]


def test_a_removed_output_is_lost_and_the_next_default_takes_over(sound_server: SoundServer, listen: Listener) -> None:
    receiver = listen("system")
    removed = time.monotonic()
    sound_server.remove_output("speakers")
    lost = receiver.wait_for_event(Lost)
    assert receiver.time_of(lost) - removed < 1.5
    assert lost == Lost("Speakers", "Speakers was disconnected or switched off.")
    assert receiver.wait_for_event(Opened, 2) == Opened("Headphones")


def test_a_named_output_is_waited_for(sound_server: SoundServer, listen: Listener) -> None:
    receiver = listen("headphones")
    sound_server.remove_output("headphones")
    receiver.wait_for_event(Lost)
    sound_server.add_output("headphones")
    assert receiver.wait_for_event(Opened, 2) == Opened("Headphones")
    assert len(receiver.of(Lost)) == 1


@pytest.mark.parametrize("spec", ["system", "mic"])
def test_a_killed_server_is_noticed_and_met_again(sound_server: SoundServer, listen: Listener, spec: str) -> None:
    receiver = listen(spec)
    receiver.wait_for_sound(0.5)
    killed = time.monotonic()
    sound_server.kill()
    lost = receiver.wait_for_event(Lost)
    assert receiver.time_of(lost) - killed < 1.5
    assert lost.reason == "The sound server stopped."
    sound_server.start()
    receiver.wait_for_event(Opened, 2)
    receiver.wait_for_sound(0.5)
    assert len(receiver.of(Lost)) == 1


def test_a_frozen_server_is_noticed_and_does_not_hold_up_the_stop(sound_server: SoundServer, listen: Listener) -> None:
    receiver = listen("system")
    with sound_server.frozen():
        receiver.wait_for_event(Lost)
        began = time.monotonic()
        listen.stop()
        assert time.monotonic() - began < 5
    assert receiver.of(Lost)[0].reason == "Speakers stopped delivering sound."


@pytest.fixture
def sine_microphone(sound_server: SoundServer) -> str:
    """A microphone that is never silent, and the server's first choice for streams without a source."""
    sound_server.control("load-module", "module-sine-source", f"source_name={SINE_MICROPHONE}", "frequency=440")
    sound_server.control("set-default-source", SINE_MICROPHONE)
    return SINE_MICROPHONE


def sources_recorded() -> dict[str, str]:
    """What the server says each stream records: stream name to source name."""
    with pulsectl.Pulse("test", connect=False) as pulse:
        pulse.connect()
        names = {source.index: source.name for source in pulse.source_list()}
        return {output.name: names[output.source] for output in pulse.source_output_list()}


@pytest.fixture
def movable_witness(sound_server: SoundServer) -> Iterator[str]:
    """An ordinary capture of the speakers' monitor, which the server may move as it likes."""
    name = "movable witness"
    with subprocess.Popen(
        ["parec", "--device=speakers.monitor", f"--stream-name={name}"],
        env=os.environ,
        stdout=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: sources_recorded().get(name) == "speakers.monitor", "the witness records")
        yield name
        process.kill()


def test_no_microphone_is_ever_heard_as_system_sound(
    sound_server: SoundServer, listen: Listener, sine_microphone: str, movable_witness: str
) -> None:
    receiver = listen("system")
    assert sources_recorded()["live captions"] == "speakers.monitor"
    receiver.wait_for_sound(0.5)

    for output in ("headphones", "mic_feed", "speakers"):
        sound_server.remove_output(output)
    receiver.wait_for_event(Lost)

    # the danger is real: this server does move a monitor's capture to the microphone
    wait_until(lambda: sources_recorded().get(movable_witness) == sine_microphone, "the witness is moved")
    assert "live captions" not in sources_recorded()

    sound_server.add_output("headset")
    assert receiver.wait_for_event(Opened, 2) == Opened("Headset")
    receiver.wait_for_sound(0.5)
    assert sources_recorded()["live captions"] == "headset.monitor"
    assert not receiver.sound().any()


def test_a_capture_of_system_sound_cannot_be_moved_by_hand(
    sound_server: SoundServer, listen: Listener, sine_microphone: str
) -> None:
    receiver = listen("system")
    with pulsectl.Pulse("test", connect=False) as pulse:
        pulse.connect()
        (ours,) = [output for output in pulse.source_output_list() if output.name == "live captions"]
        microphone = next(source for source in pulse.source_list() if source.name == sine_microphone)
        with pytest.raises(pulsectl.PulseOperationFailed):
            pulse.source_output_move(ours.index, microphone.index)
    receiver.wait_for_sound(0.5)
    assert not receiver.sound().any()


def test_a_stream_that_records_another_source_is_given_up_before_it_is_read(
    sound_server: SoundServer, sine_microphone: str
) -> None:
    """As a server would make it that ignores the wish not to be moved."""
    stream = PulseStream(sine_microphone, 44_100, 1, "Speakers")
    try:
        assert stream.read(5.0) is not None
        stream._source = "speakers.monitor"
        with pytest.raises(RecordingLost, match="moved the recording of Speakers"):
            stream.read(5.0)
    finally:
        stream.close()


def test_sound_that_the_server_could_not_keep_is_marked(sound_server: SoundServer) -> None:
    stream = PulseStream("speakers.monitor", PLAYED_RATE, 2, "Speakers", buffer_seconds=0.5)
    try:
        first = stream.read(5.0)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 3.0, "the reader is held up")
        second, third = stream.read(1.0), stream.read(1.0)
    finally:
        stream.close()
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.overflowed, second.overflowed, third.overflowed) == (False, True, False)
    assert len(second.frames) + len(third.frames) < 2.5 * PLAYED_RATE


def test_a_monitor_is_never_taken_for_a_microphone(sound_server: SoundServer) -> None:
    sound_server.control("set-default-source", "speakers.monitor")
    with PulseServer() as server:
        assert server.default_microphone().source == "virtual_mic"
    for module in sound_server.control("list", "short", "modules").splitlines():
        if "virtual_mic" in module:
            sound_server.control("unload-module", module.split()[0])
    (source,) = open_sources("mic")
    with pytest.raises(SourceError, match="There is no microphone"):
        source.start(print)


def test_an_unknown_device_is_named_with_those_there_are(sound_server: SoundServer) -> None:
    with pytest.raises(SourceError, match=r'no sound device "Bose".*VirtualMicrophone; Speakers'):
        open_sources("Bose")


def test_without_any_server_each_way_in_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    with pytest.raises(NoServer, match="No sound server answers"):
        PulseServer()
    (system,) = open_sources("system")
    with pytest.raises(SourceError, match="No sound server answers"):
        system.start(print)
