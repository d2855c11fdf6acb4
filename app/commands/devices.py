"""`caique devices`: what can be captioned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from app.audio.sources import list_devices
from app.commands.output import write_result
from app.core.ports import DeviceInfo, SourceKind

_KINDS = {SourceKind.MICROPHONE: "input", SourceKind.SYSTEM: "output", SourceKind.FILE: "file"}


def run(out: TextIO) -> int:
    """Print one device a line."""
    write_result(table(list_devices()), out)
    return 0


def table(devices: Sequence[DeviceInfo]) -> str:
    """One line each: * for the default, input or output, ID, name."""
    width = max((len(device.id) for device in devices), default=0)
    return "".join(
        f"{'*' if device.is_default else ' '} {_KINDS[device.kind]:<6}  {device.id:<{width}}  {device.name}\n"
        for device in devices
    )
