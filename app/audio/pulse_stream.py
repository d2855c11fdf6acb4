"""One record stream of a PulseAudio or PipeWire server, pinned to one source; through libpulse.

A stream of its own, where `parec` would be shorter, because only the library's flag DONT_MOVE makes the
server end a monitor capture whose output disappears instead of moving it to another source, which may be
the microphone (module-rescue-streams does). The source is compared once more before any data is taken.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import byref, c_size_t, c_void_p

import numpy as np

from app.audio.libpulse import ANSWER_TIMEOUT, BufferAttr, ChannelMap, Connection, SampleSpec
from app.audio.recording import Block, RecordingLost
from engine.types import Samples

_STREAM_READY = 2
_STREAM_BROKEN = (3, 4)
_NO_REMAP_CHANNELS = 0x0010
_NO_REMIX_CHANNELS = 0x0020
_DONT_MOVE = 0x0200
_ADJUST_LATENCY = 0x2000
_FLAGS = _DONT_MOVE | _ADJUST_LATENCY | _NO_REMAP_CHANNELS | _NO_REMIX_CHANNELS
_SAMPLE_FLOAT32LE = 5
_CHANNEL_MAP_DEFAULT = 0
_ANY = 0xFFFFFFFF
_FRAGMENT_SECONDS = 0.02
"""How much the server sends at a time. It also bounds what is missed where a program starts to play: the
server mixes that into the piece its output is about to play, which the monitor has already handed out."""
_BUFFER_SECONDS = 10.0
"""How much the server keeps for a reader that is held up (it grants 4 MB at most); what is beyond is lost."""
_MOST_BYTES = 4 * 1024 * 1024
_NAME = b"live captions"
_PROPERTIES = {
    # PipeWire's words for the same promise: no other device instead, whatever happens to this one.
    b"node.dont-reconnect": b"true",
    b"node.dont-fallback": b"true",
}


class PulseStream:
    """Reads `source` and nothing else. Owned by one thread at a time."""

    def __init__(
        self, source: str, rate: int, channels: int, device: str, *, buffer_seconds: float = _BUFFER_SECONDS
    ) -> None:
        """Opens the stream at the source's own rate and channel count; `device` is what the user calls it.

        Raises NoServer when the server does not answer, RecordingLost when it does not give the source.
        """
        self._source = source
        self._device = device
        self._channels = channels
        self._stream: int | None = None
        frame_bytes = channels * np.float32().itemsize
        self._buffer_bytes = min(_MOST_BYTES, int(rate * buffer_seconds) * frame_bytes)
        self._buffer_seconds = self._buffer_bytes / (rate * frame_bytes)
        self._overflowed = False
        self._connection = Connection()
        self._lib = self._connection.lib
        try:
            self._connection.watch()
            self._record(rate)
        except RecordingLost:
            self.close()
            raise
        self._read_at = time.monotonic()

    def read(self, timeout: float) -> Block | None:
        """All frames that have come, float32 [N, channels]; None after `timeout` seconds without any.

        Raises RecordingLost when the stream ended or records anything but its source.
        """
        began = time.monotonic()
        self._overflowed |= began - self._read_at > self._buffer_seconds
        while True:
            self._connection.turn(began + timeout - time.monotonic())
            while self._connection.turn(0.0):
                pass  # a turn takes in one piece, and a reader that came late finds several
            self._check()
            block = self._take()
            self._read_at = time.monotonic()
            if block is not None or self._read_at - began >= timeout:
                return block

    def take_changed(self) -> bool:
        """Whether the server told of a change of devices since the last call, before or with the sound read."""
        return self._connection.take_changed()

    def close(self) -> None:
        """Harmless when called twice."""
        if self._stream is not None:
            self._lib.pa_stream_disconnect(self._stream)
            self._lib.pa_stream_unref(self._stream)
            self._stream = None
        self._connection.close()

    def _record(self, rate: int) -> None:
        lib, channels = self._lib, self._channels
        layout = ChannelMap()
        lib.pa_channel_map_init_extend(byref(layout), channels, _CHANNEL_MAP_DEFAULT)
        properties = lib.pa_proplist_new()
        for key, value in _PROPERTIES.items():
            lib.pa_proplist_sets(properties, key, value)
        spec = SampleSpec(_SAMPLE_FLOAT32LE, rate, channels)
        self._stream = lib.pa_stream_new_with_proplist(
            self._connection.context, _NAME, byref(spec), byref(layout), properties
        )
        lib.pa_proplist_free(properties)
        if self._stream is None:
            raise RecordingLost(f"{self._device} has {channels} channels at {rate} Hz, which cannot be read.")
        fragment = int(rate * _FRAGMENT_SECONDS) * channels * np.float32().itemsize
        buffers = BufferAttr(self._buffer_bytes, _ANY, _ANY, _ANY, fragment)
        lib.pa_stream_connect_record(self._stream, self._source.encode(), byref(buffers), _FLAGS)
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while (state := lib.pa_stream_get_state(self._stream)) != _STREAM_READY:
            left = deadline - time.monotonic()
            if state in _STREAM_BROKEN or left <= 0:
                raise RecordingLost(f"The sound server does not let {self._device} be recorded.")
            self._connection.turn(left)
        self._check()

    def _check(self) -> None:
        """The server tells of a move before it sends what the new source hears, on the same connection."""
        if not self._connection.ready:
            raise RecordingLost("The sound server stopped.")
        if self._lib.pa_stream_get_state(self._stream) != _STREAM_READY:
            raise RecordingLost(f"{self._device} was disconnected or switched off.")
        if self._lib.pa_stream_get_device_name(self._stream) != self._source.encode():
            raise RecordingLost(f"The sound server moved the recording of {self._device} to another device.")

    def _take(self) -> Block | None:
        pieces: list[Samples] = []
        data, size = c_void_p(), c_size_t()
        while self._lib.pa_stream_peek(self._stream, byref(data), byref(size)) == 0 and size.value:
            if data.value is None:  # a hole: the server says that something is missing here
                self._overflowed = True
                pieces.append(np.zeros(size.value // np.float32().itemsize, np.float32))
            else:
                pieces.append(np.frombuffer(ctypes.string_at(data.value, size.value), np.dtype("<f4")))
            self._lib.pa_stream_drop(self._stream)
        if not pieces:
            return None
        overflowed, self._overflowed = self._overflowed, False
        return Block(np.concatenate(pieces).reshape(-1, self._channels), time.monotonic(), overflowed)
