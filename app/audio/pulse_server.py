"""What a PulseAudio or PipeWire server has to record from: its outputs' monitors and its microphones.

Only the server knows monitors: PortAudio sees them neither on PipeWire nor, by name, on PulseAudio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.audio.libpulse import Connection, NoServer
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, SourceKind

_NOT_A_MONITOR = 0xFFFFFFFF
"""PA_INVALID_INDEX: what `monitor_of_sink` says of a source that is a real input."""


class NoSuchDevice(SourceError):
    """The server has no such output or microphone."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something to record: a microphone, or the monitor of an output."""

    id: str
    """The server's name of the microphone or of the output."""
    description: str
    """The name the user knows it by."""
    source: str
    """The server's name of what is recorded: the microphone itself, or the output's monitor."""
    rate: int
    channels: int


class PulseServer:
    """A control connection: lists devices. Used by one thread at a time."""

    def __init__(self) -> None:
        """Raises NoServer."""
        Connection().close()  # pulsectl would wait for ever for a server that hangs
        import pulsectl

        self._errors: tuple[type[Exception], ...] = (pulsectl.PulseError, pulsectl.PulseDisconnected)
        self._pulse = pulsectl.Pulse("caique", connect=False)
        try:
            self._pulse.connect()
        except self._errors as error:
            self.close()
            raise NoServer("The sound server stopped.") from error

    def close(self) -> None:
        self._pulse.close()

    def __enter__(self) -> PulseServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def default_output(self) -> Endpoint:
        """The monitor of the output that programs play to by default.

        Raises NoServer or NoSuchDevice. The name `@DEFAULT_MONITOR@` is never used for this: PipeWire
        took it for a microphone.
        """
        name = self._ask(self._pulse.server_info).default_sink_name
        if not name:
            raise NoSuchDevice("There is no sound output to caption: connect speakers or headphones.")
        return self.output(name)

    def output(self, name: str) -> Endpoint:
        """The monitor of one output. Raises NoServer or NoSuchDevice."""
        sinks = {sink.name: sink for sink in self._ask(self._pulse.sink_list)}
        if name not in sinks:
            raise NoSuchDevice(f"The sound output {name} is not there: connect it or choose another.")
        sink = sinks[name]
        for source in self._ask(self._pulse.source_list):
            if source.name == sink.monitor_source_name and source.monitor_of_sink == sink.index:
                return _endpoint(sink.name, sink.description, source)
        raise NoSuchDevice(f"What {sink.description} plays cannot be recorded: it has no monitor.")

    def default_microphone(self) -> Endpoint:
        """The default input, unless that is a monitor. Raises NoServer or NoSuchDevice."""
        name = self._ask(self._pulse.server_info).default_source_name
        microphones = self._microphones()
        if name in microphones:
            return microphones[name]
        if microphones:  # the default is a monitor; that is never taken for a microphone
            return next(iter(microphones.values()))
        raise NoSuchDevice("There is no microphone: connect one.")

    def microphone(self, name: str) -> Endpoint:
        """One input. Raises NoServer or NoSuchDevice."""
        microphones = self._microphones()
        if name not in microphones:
            raise NoSuchDevice(f"The microphone {name} is not there: connect it or choose another.")
        return microphones[name]

    def devices(self) -> list[DeviceInfo]:
        """Microphones, then outputs, as the server names them. Raises NoServer."""
        info = self._ask(self._pulse.server_info)
        inputs = [
            DeviceInfo(m.id, m.description, SourceKind.MICROPHONE, m.id == info.default_source_name)
            for m in self._microphones().values()
        ]
        outputs = [
            DeviceInfo(sink.name, sink.description, SourceKind.SYSTEM, sink.name == info.default_sink_name)
            for sink in self._ask(self._pulse.sink_list)
        ]
        return inputs + outputs

    def _microphones(self) -> dict[str, Endpoint]:
        return {
            source.name: _endpoint(source.name, source.description, source)
            for source in self._ask(self._pulse.source_list)
            if source.monitor_of_sink == _NOT_A_MONITOR
        }

    def _ask(self, question: Any, *arguments: object) -> Any:
        """pulsectl's answer; it is untyped, hence Any."""
        try:
            answer = question(*arguments)
        except self._errors as error:
            raise NoServer("The sound server stopped.") from error
        if not self._pulse.connected:
            raise NoServer("The sound server stopped.")
        return answer


def _endpoint(identity: str, description: str, source: Any) -> Endpoint:
    return Endpoint(
        id=identity,
        description=description or identity,
        source=source.name,
        rate=source.sample_spec.rate,
        channels=source.sample_spec.channels,
    )
