"""What the user chose, as one typed table, and the file it is kept in.

Adding a setting is one field here with its check in `_CHECKS`. A file that cannot be used never stops the
program: defaults serve, the file is kept aside, and one sentence says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from app.core.errors import SettingsError
from app.core.files import write_atomically

FORMAT = 1
"""Version of the file; a file of another version is kept aside."""

TEXT_SIZES = (14, 16, 18, 20, 22, 24, 28, 32, 36, 42, 48, 56, 64, 72, 84, 96)
"""Caption sizes in pixels at a scale of one."""

LOOKS = ("dark", "black", "yellow", "light", "cream")
"""Colours of captions and of the background behind them."""

OPACITIES = (100, 85, 70)
"""How much of what is behind the window its background hides, percent; with less, captions could not be read."""

MOST_LINES = 500
"""More than any screen has room for at the smallest size of text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the window stands on a screen, in fractions of the screen's usable area."""

    left: float
    bottom: float
    """Lower edge of the window, measured from the top."""
    width: float


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; changed by `dataclasses.replace`."""

    source: str = "mic"
    """"mic", "system", "both", or the id of a device."""
    model: str = ""
    """Folder of a model; empty: the one that comes with the program."""
    decoder: str = ""
    """"ctc", "transducer" or "attention"; empty: the model's own default."""
    latency: int = 0
    """Milliseconds between steps for models that offer a choice; 0: the model's own default."""
    numbers: bool = False
    """English numbers in figures."""
    profanity: str = "off"
    """"off", "mask" or "drop"."""
    steadiness: str = "balanced"
    """"responsive", "balanced" or "steady": words at once, or words that do not change any more."""
    look: str = "dark"
    """One of `LOOKS`."""
    opacity: int = 100
    """One of `OPACITIES`."""
    bold: bool = False
    """Bold letters."""
    text_size: int = 28
    lines: int = 3
    """Lines of captions the window has room for."""
    animate: bool = True
    """Lines roll up in a short movement."""
    keep_last_session: bool = False
    """On closing, the text stays in a file until the next session ends."""
    screen: str = ""
    """Name of the screen the window was last on."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """By name of screen."""


class SettingsFile:
    """Reads and writes the table."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> tuple[Settings, str]:
        """The settings, and a sentence for the user; empty when all is well."""
        try:
            content = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings(), ""
        except (OSError, UnicodeDecodeError) as error:
            return Settings(), self._aside(str(error))
        try:
            values = json.loads(content)
        except (json.JSONDecodeError, RecursionError):
            return Settings(), self._aside("it is not written as JSON")
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            return Settings(), self._aside("it is of no format that this version knows")
        settings, refused = _read(values)
        if refused:
            return settings, f"Some settings in {self.path} are not valid and were reset: {', '.join(refused)}."
        return settings, ""

    def save(self, settings: Settings) -> None:
        """Raises SettingsError with a full sentence when the file cannot be written."""
        values: dict[str, object] = {"format": FORMAT}
        for each in fields(Settings):
            values[each.name] = getattr(settings, each.name)
        values["places"] = {
            name: {"left": place.left, "bottom": place.bottom, "width": place.width}
            for name, place in settings.places.items()
        }
        try:
            write_atomically(self.path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            why = error.strerror or str(error)
            raise SettingsError(f"Settings cannot be kept in {self.path} ({why}); they hold until you quit.") from error

    def _aside(self, why: str) -> str:
        kept = self.path.with_name(self.path.name + ".broken")
        try:
            self.path.replace(kept)
        except OSError:
            return f"The settings in {self.path} cannot be read ({why}); defaults are used."
        return f"The settings could not be read ({why}); defaults are used and the old file is kept as {kept}."


def _read(values: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """Settings from known keys, and the names of those whose value will not do. Other keys are left alone."""
    good: dict[str, object] = {}
    refused: list[str] = []
    for name, check in _CHECKS.items():
        if name not in values:
            continue
        value = check(values[name])
        if value is None:
            refused.append(name)
        else:
            good[name] = value
    return Settings(**good), refused  # type: ignore[arg-type]  # each value passed its own check


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(low: int, high: int) -> Callable[[object], int | None]:
    def check(value: object) -> int | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and low <= value <= high else None  # type: ignore[operator, return-value]

    return check


def _one_of(*allowed: str) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and value in allowed else None


def _places(value: object) -> dict[str, Place] | None:
    if not isinstance(value, dict):
        return None
    places = {}
    for screen, numbers in value.items():
        if not isinstance(numbers, dict):
            return None
        parts = [
            float(part)
            for part in (numbers.get("left"), numbers.get("bottom"), numbers.get("width"))
            if isinstance(part, int | float) and math.isfinite(part)
        ]
        if len(parts) != len(fields(Place)):
            return None
        places[screen] = Place(*parts)
    return places


_CHECKS: dict[str, Callable[[object], object | None]] = {
    "source": _text,
    "model": _text,
    "decoder": _one_of("", "ctc", "transducer", "attention"),
    "latency": _number(0, 10_000),
    "numbers": _switch,
    "profanity": _one_of("off", "mask", "drop"),
    "steadiness": _one_of("responsive", "balanced", "steady"),
    "look": _one_of(*LOOKS),
    "opacity": lambda value: value if value in OPACITIES and not isinstance(value, bool) else None,
    "bold": _switch,
    "text_size": _number(TEXT_SIZES[0], TEXT_SIZES[-1]),
    "lines": _number(1, MOST_LINES),
    "animate": _switch,
    "keep_last_session": _switch,
    "screen": _text,
    "places": _places,
}
