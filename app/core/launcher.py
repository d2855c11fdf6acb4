"""Starting without a terminal, on Linux: entries in the applications menu, and among what starts at login.

The files are those of freedesktop.org's Desktop Entry and Desktop Application Autostart specifications.
"""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

from app.core import paths
from app.core.errors import LauncherError
from app.core.files import write_atomically

_ENTRY = """\
[Desktop Entry]
Type=Application
Name=Caique
GenericName=Live captions
Comment=Captions of what is said or played, made on this computer
Exec={command}
Icon={icon}
Terminal=false
Categories=Utility;Accessibility;AudioVideo;
Keywords=captions;subtitles;speech;deaf;hearing;
StartupWMClass=caique
"""
_QUOTED = re.compile(r'["`$\\]')


def program() -> Path | None:
    """The program as a file that starts it from anywhere; None where there is no such file or no such menu.

    GLib finds no program with a "%" in its path, whether or not it is doubled as the specification asks.
    """
    script = Path(sys.executable).with_name("caique")
    return script if sys.platform == "linux" and script.is_file() and "%" not in str(script) else None


def in_menu() -> Path:
    return paths.shared_data_folder() / "applications" / "caique.desktop"


def at_login() -> Path:
    return paths.shared_config_folder() / "autostart" / "caique.desktop"


def put(entry: Path, command: Path) -> None:
    """Write the entry, one of the two above, for this program. Raises LauncherError."""
    icon = resources.files("resources") / "icons" / "caique.svg"
    try:
        write_atomically(entry, _ENTRY.format(command=quoted(command), icon=_string(str(icon))))
    except OSError as error:
        raise LauncherError(f"{entry} cannot be written ({error.strerror or error}).") from error


def take_away(entry: Path) -> None:
    """Raises LauncherError."""
    try:
        entry.unlink(missing_ok=True)
    except OSError as error:
        raise LauncherError(f"{entry} cannot be removed ({error.strerror or error}).") from error


def quoted(command: Path) -> str:
    """A program's path as the value of Exec: quoted for the command line, then once more as a string of the file."""
    argument = _QUOTED.sub(lambda found: f"\\{found[0]}", str(command))
    return _string(f'"{argument}"')


def _string(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
