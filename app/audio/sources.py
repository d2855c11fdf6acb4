"""Which sources and devices there are on this computer: the face of `app.audio`.

Linux: the sound server for outputs and, where one answers, for microphones; PortAudio for microphones where
none does (bare ALSA, JACK). On a desktop with a server PortAudio only sees aliases of it ("default",
"pulse"): without the devices' names, without their changes. Windows and macOS: PortAudio for microphones,
WASAPI loopback and a Core Audio tap for what is played.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

from app.audio.apart import keep_apart
from app.audio.live_source import LiveSource
from app.audio.recording import Recording
from app.core.errors import SourceError
from app.core.ports import DeviceInfo, Source, SourceKind

MICROPHONE = "mic"
SYSTEM = "system"
BOTH = "both"

_Opener: TypeAlias = Callable[[], Recording]
_NAMES = {SourceKind.MICROPHONE: "Microphone", SourceKind.SYSTEM: "System sound"}


def open_sources(spec: str) -> list[Source]:
    """Sources for "mic", "system", "both", or the id or name of a device; not started yet.

    Raises SourceError when no device is called `spec`; whether a device can be opened shows in `start`.
    """
    if spec == BOTH:
        system = _source(SourceKind.SYSTEM)
        return keep_apart(_source(SourceKind.MICROPHONE), system, system.hurry)
    if spec in (MICROPHONE, SYSTEM):
        return [_source(SourceKind.MICROPHONE if spec == MICROPHONE else SourceKind.SYSTEM)]
    device = find_device(spec)
    return [_source(device.kind, device)]


def find_device(wanted: str) -> DeviceInfo:
    """The device with this id, else with this name in any case. Raises SourceError with what there is."""
    devices = list_devices()
    for device in devices:
        if device.id == wanted:
            return device
    for device in devices:
        if device.name.casefold() == wanted.casefold():
            return device
    there = "; ".join(device.name for device in devices) or "none at all"
    raise SourceError(f'There is no sound device "{wanted}": choose mic, system, both, or one of these: {there}.')


def list_devices() -> list[DeviceInfo]:
    """Inputs, then outputs, that can be captured from. Raises SourceError when nothing can be asked."""
    if sys.platform == "linux":
        return _linux_devices()
    inputs, problem = _devices_or_problem(_portaudio_microphones)
    outputs, other_problem = _devices_or_problem(_played_outputs)
    if not inputs and not outputs:
        raise SourceError(problem or other_problem or "There is no sound device: connect one.")
    return inputs + outputs


def _linux_devices() -> list[DeviceInfo]:
    from app.audio.libpulse import NoServer
    from app.audio.pulse_server import PulseServer

    try:
        with PulseServer() as server:
            return server.devices()
    except NoServer as no_server:
        inputs, problem = _devices_or_problem(_portaudio_microphones)
        if inputs:
            return inputs
        raise SourceError(f"{no_server} {problem}" if problem else str(no_server)) from no_server


def _devices_or_problem(ask: Callable[[], list[DeviceInfo]]) -> tuple[list[DeviceInfo], str]:
    try:
        return ask(), ""
    except SourceError as error:
        return [], str(error)


def _portaudio_microphones() -> list[DeviceInfo]:
    from app.audio import portaudio

    return portaudio.list_microphones()


def _played_outputs() -> list[DeviceInfo]:
    if sys.platform == "win32":
        from app.audio import wasapi

        return wasapi.list_outputs()
    from app.audio import coreaudio

    return coreaudio.list_outputs()


def _source(kind: SourceKind, device: DeviceInfo | None = None) -> LiveSource:
    return LiveSource(kind, device.name if device else _NAMES[kind], _opener(kind, device.id if device else None))


def _opener(kind: SourceKind, device: str | None) -> _Opener:
    if kind is SourceKind.MICROPHONE:
        return _microphone_opener(device)
    if sys.platform == "win32":
        from app.audio.wasapi import WasapiRecording

        return lambda: WasapiRecording(device)
    if sys.platform == "darwin":
        from app.audio.coreaudio import TapRecording

        return TapRecording
    from app.audio.pulse import PulseRecording

    return lambda: PulseRecording(SourceKind.SYSTEM, device)


def _microphone_opener(device: str | None) -> _Opener:
    """Decided once: a microphone that was read through the server is not sought behind its back later."""
    if sys.platform == "linux":
        from app.audio.libpulse import NoServer
        from app.audio.pulse import PulseRecording
        from app.audio.pulse_server import PulseServer

        try:
            PulseServer().close()
        except NoServer:
            pass
        else:
            return lambda: PulseRecording(SourceKind.MICROPHONE, device)
    from app.audio.portaudio import MicrophoneRecording

    return lambda: MicrophoneRecording(device)
