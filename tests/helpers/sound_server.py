"""A private PulseAudio for tests: own folder, own sockets, virtual devices; can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

DEADLINE = 20.0
"""Seconds after which a fact that should have come true never will, also on a slow machine."""

_VIRTUAL_MICROPHONE = (
    "module-remap-source source_name=virtual_mic master=mic_feed.monitor remix=no"
    " source_properties=device.description=VirtualMicrophone"
)


def available() -> bool:
    """Whether the programs of PulseAudio are installed."""
    return all(shutil.which(program) for program in ("pulseaudio", "pactl", "paplay"))


def wait_until(fact: Callable[[], bool], what: str, deadline: float = DEADLINE) -> None:
    """Returns when `fact()` holds; fails naming `what` when it does not in time."""
    end = time.monotonic() + deadline
    while not fact():
        if time.monotonic() > end:
            pytest.fail(f"did not happen within {deadline:.0f} s: {what}")
        time.sleep(0.01)


class SoundServer:
    """Outputs "speakers" (the default) and "headphones"; a microphone "virtual_mic" hears "mic_feed".

    Programs started by the test process find it through the environment, see `environment`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "state").mkdir(parents=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PULSE_SERVER": f"unix:{self._folder}/native",
            "PULSE_RUNTIME_PATH": str(self._folder),
            "PULSE_STATE_PATH": str(self._folder / "state"),
            "PULSE_COOKIE": str(self._folder / "cookie"),
        }

    def start(self) -> None:
        """Returns when the server answers."""
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={self._folder}/native",
            # as desktops load them: what moves streams when devices go, and what remembers where they were
            "module-stream-restore",
            "module-rescue-streams",
            self._output("speakers"),
            self._output("headphones"),
            self._output("mic_feed"),
            _VIRTUAL_MICROPHONE,
        ]
        self._process = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"),
                *("--realtime=no", "--high-priority=no", "--disable-shm=yes", "--log-level=error"),
                *(part for module in modules for part in ("-L", module)),
            ],
            env=os.environ | self.environment | {"HOME": str(self._folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: self._pactl("info").returncode == 0, "the private sound server answers")
        self.set_default_output("speakers")
        self.control("set-default-source", "virtual_mic")

    def kill(self) -> None:
        """As a crash does it: without a word to anyone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "native").unlink()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The server hangs for as long as the block lasts: it neither answers nor goes away."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def control(self, *command: str) -> str:
        """What `pactl` answers to a command."""
        answer = self._pactl(*command)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def set_default_output(self, name: str) -> None:
        self.control("set-default-sink", name)

    def add_output(self, name: str) -> str:
        """The number to remove it by."""
        return self.control("load-module", *self._output(name).split())

    def remove_output(self, name: str) -> None:
        """As when a device is unplugged."""
        for line in self.control("list", "short", "modules").splitlines():
            if f"sink_name={name} " in line:
                self.control("unload-module", line.split()[0])

    @contextlib.contextmanager
    def playing(self, file: Path, output: str) -> Iterator[subprocess.Popen[bytes]]:
        """A program that plays `file`, for as long as the block lasts or the file, whichever is shorter."""
        player = subprocess.Popen(
            ["paplay", f"--device={output}", str(file)],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield player
        finally:
            player.kill()
            player.wait()

    @staticmethod
    def _output(name: str) -> str:
        return (
            f"module-null-sink sink_name={name} rate=48000 channels=2 format=s16le"
            f" sink_properties=device.description={name.title().replace('_', '')}"
        )

    def _pactl(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pactl", *command],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def write_sound(path: Path, samples: NDArray[np.float32], rate: int = 48_000) -> Path:
    """A 16-bit WAV file that `SoundServer.playing` can play."""
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    """A running private server that everything in this test process and its children talks to."""
    if not available():
        pytest.skip("PulseAudio is not installed: sudo apt install pulseaudio pulseaudio-utils")
    server = SoundServer(tmp_path / "pulse")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.kill()
