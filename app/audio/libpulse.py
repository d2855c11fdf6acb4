"""The few functions of libpulse that recording needs, and a connection that never waits for ever.

libpulse runs only inside `Connection.turn`, on the caller's thread, and its state is asked afterwards. The one
callback sets a flag. Names and values are those of pulse/def.h, pulse/sample.h, pulse/stream.h and
pulse/subscribe.h.
"""

from __future__ import annotations

import ctypes
import functools
import time
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_void_p

from app.core.errors import SourceError

ANSWER_TIMEOUT = 2.0
"""Seconds a server may take to answer before it counts as none."""
_CONTEXT_NOAUTOSPAWN = 0x0001
_CONTEXT_READY = 4
_CONTEXT_BROKEN = (5, 6)
_SINKS, _SOURCES, _RECORDINGS, _SERVER = 0x01, 0x02, 0x08, 0x80
_NAME = b"caique"

_OnEvent = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_uint32, c_void_p)


class NoServer(SourceError):
    """No sound server answers."""


class SampleSpec(ctypes.Structure):
    _fields_ = (("format", c_int), ("rate", c_uint32), ("channels", c_uint8))


class ChannelMap(ctypes.Structure):
    _fields_ = (("channels", c_uint8), ("map", c_int * 32))


class BufferAttr(ctypes.Structure):
    _fields_ = tuple((n, c_uint32) for n in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


@functools.cache
def libpulse() -> ctypes.CDLL:
    """libpulse with the signatures used here declared. Raises NoServer where it is not installed."""
    try:
        lib = ctypes.CDLL("libpulse.so.0")
    except OSError as error:
        raise NoServer("The sound server cannot be reached: libpulse is missing, install libpulse0.") from error
    pointer, text = c_void_p, c_char_p
    for name, result, arguments in (
        ("mainloop_new", pointer, ()),
        ("mainloop_free", None, (pointer,)),
        ("mainloop_get_api", pointer, (pointer,)),
        ("mainloop_prepare", c_int, (pointer, c_int)),
        ("mainloop_poll", c_int, (pointer,)),
        ("mainloop_dispatch", c_int, (pointer,)),
        ("context_new", pointer, (pointer, text)),
        ("context_connect", c_int, (pointer, text, c_int, pointer)),
        ("context_get_state", c_int, (pointer,)),
        ("context_disconnect", None, (pointer,)),
        ("context_unref", None, (pointer,)),
        ("context_set_subscribe_callback", None, (pointer, _OnEvent, pointer)),
        ("context_subscribe", pointer, (pointer, c_int, pointer, pointer)),
        ("operation_unref", None, (pointer,)),
        ("proplist_new", pointer, ()),
        ("proplist_sets", c_int, (pointer, text, text)),
        ("proplist_free", None, (pointer,)),
        ("channel_map_init_extend", pointer, (POINTER(ChannelMap), c_uint32, c_int)),
        (
            "stream_new_with_proplist",
            pointer,
            (pointer, text, POINTER(SampleSpec), POINTER(ChannelMap), pointer),
        ),
        ("stream_connect_record", c_int, (pointer, text, POINTER(BufferAttr), c_int)),
        ("stream_get_state", c_int, (pointer,)),
        ("stream_get_device_name", text, (pointer,)),
        ("stream_peek", c_int, (pointer, POINTER(pointer), POINTER(c_size_t))),
        ("stream_drop", c_int, (pointer,)),
        ("stream_disconnect", c_int, (pointer,)),
        ("stream_unref", None, (pointer,)),
    ):
        function = getattr(lib, f"pa_{name}")
        function.restype, function.argtypes = result, arguments
    return lib


class Connection:
    """A connection to the sound server, driven by whoever calls `turn`. Owned by one thread at a time."""

    def __init__(self, timeout: float = ANSWER_TIMEOUT) -> None:
        """Raises NoServer when libpulse is missing or no server answers within `timeout` seconds."""
        self.lib = libpulse()
        self._loop: int | None = self.lib.pa_mainloop_new()
        self.context: int | None = self.lib.pa_context_new(self.lib.pa_mainloop_get_api(self._loop), _NAME)
        self.lib.pa_context_connect(self.context, None, _CONTEXT_NOAUTOSPAWN, None)
        self._on_event = _OnEvent(self._note_event)
        self._changed = True
        deadline = time.monotonic() + timeout
        while not self.ready:
            left = deadline - time.monotonic()
            if self.lib.pa_context_get_state(self.context) in _CONTEXT_BROKEN or left <= 0:
                self.close()
                raise NoServer("No sound server answers: start PipeWire or PulseAudio.")
            self.turn(left)

    @property
    def ready(self) -> bool:
        """False once the server is gone."""
        return bool(self.lib.pa_context_get_state(self.context) == _CONTEXT_READY)

    def watch(self) -> None:
        """From now on the server tells when devices, defaults or recordings change, see `take_changed`."""
        self.lib.pa_context_set_subscribe_callback(self.context, self._on_event, None)
        asked = self.lib.pa_context_subscribe(self.context, _SINKS | _SOURCES | _RECORDINGS | _SERVER, None, None)
        if asked is not None:
            self.lib.pa_operation_unref(asked)

    def take_changed(self) -> bool:
        """Whether something may have changed since the last call; looks at what `turn` has heard, never waits.

        Events only say that something happened (a mere volume change, too): ask again what matters.
        """
        changed, self._changed = self._changed, False
        return changed

    def turn(self, timeout: float) -> bool:
        """Lets libpulse work: waits up to `timeout` seconds for the server and handles one thing that it sent.

        Returns whether there was anything.
        """
        self.lib.pa_mainloop_prepare(self._loop, max(0, int(timeout * 1e6)))
        self.lib.pa_mainloop_poll(self._loop)
        return bool(self.lib.pa_mainloop_dispatch(self._loop) > 0)

    def _note_event(self, _context: object, _kind: int, _index: int, _data: object) -> None:
        self._changed = True

    def close(self) -> None:
        """Harmless when called twice."""
        if self._loop is None:
            return
        self.lib.pa_context_disconnect(self.context)
        self.lib.pa_context_unref(self.context)
        self.lib.pa_mainloop_free(self._loop)
        self._loop = self.context = None
