"""Live sound from a PulseAudio or PipeWire server: what the computer plays, or a microphone.

Privacy: what is captioned as system sound is only ever the monitor of the wanted output. The stream is
pinned to it (`pulse_stream`), the server is asked at the start and after every event whether the source
still is that monitor, and when it is not, what came since is thrown away.
"""

from __future__ import annotations

from app.audio.libpulse import NoServer
from app.audio.pulse_server import Endpoint, PulseServer
from app.audio.pulse_stream import PulseStream
from app.audio.recording import Block, DeviceReplaced, RecordingLost
from app.core.errors import SourceError
from app.core.ports import SourceKind


class PulseRecording:
    """An open monitor or microphone; follows the server's default when no device is named."""

    def __init__(self, kind: SourceKind, device: str | None = None) -> None:
        """`device` is the server's name of an output or a microphone; None means the default.

        Raises SourceError when there is no server, no such device, or it cannot be recorded.
        """
        self._kind = kind
        self._wanted = device
        self._replaced = False
        self._stream: PulseStream | None = None
        self._server = PulseServer()
        try:
            self._endpoint = endpoint = self._find()
            self._stream = PulseStream(endpoint.source, endpoint.rate, endpoint.channels, endpoint.description)
            self._verify()
        except RecordingLost as error:
            self.close()
            raise SourceError(f"{self._endpoint.description} cannot be recorded: {error}") from error
        except SourceError:
            self.close()
            raise

    @property
    def device(self) -> str:
        return self._endpoint.description

    @property
    def rate(self) -> int:
        return self._endpoint.rate

    def read(self, timeout: float) -> Block | None:
        if self._replaced or self._stream is None:
            raise DeviceReplaced
        block = self._stream.read(timeout)
        try:
            if self._stream.take_changed():
                self._verify()
        except NoServer as error:
            raise RecordingLost(str(error)) from error
        return block

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._server.close()

    def _find(self) -> Endpoint:
        if self._kind is SourceKind.SYSTEM:
            return self._server.output(self._wanted) if self._wanted else self._server.default_output()
        return self._server.microphone(self._wanted) if self._wanted else self._server.default_microphone()

    def _verify(self) -> None:
        """Raises RecordingLost unless the stream's source still belongs to the device it was opened for.

        When another device has become the default, the sound in hand is still the old device's: it is
        passed on, and the next `read` raises DeviceReplaced.
        """
        try:
            now = self._find()
        except NoServer:
            raise
        except SourceError as error:
            raise RecordingLost(f"{self._endpoint.description} was disconnected or switched off.") from error
        self._replaced = now.id != self._endpoint.id
        if not self._replaced and now.source != self._endpoint.source:
            raise RecordingLost(f"{self._endpoint.description} is recorded through another source now.")
