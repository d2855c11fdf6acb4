"""The looks that can be chosen, and the style that follows from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from PySide6.QtGui import QFont

from app.core.ports import SourceKind
from app.core.settings import Settings
from app.ui.theme import CaptionStyle

_ON_PAPER: Mapping[str, str] = MappingProxyType(
    {SourceKind.MICROPHONE: "#7a4d00", SourceKind.SYSTEM: "#005f86", SourceKind.FILE: "#1d6336"}
)
"""Names of speakers on a light background."""

_BESIDE_YELLOW: Mapping[str, str] = MappingProxyType(
    {SourceKind.MICROPHONE: "#ffffff", SourceKind.SYSTEM: "#6fd6f5", SourceKind.FILE: "#9be3ae"}
)

LOOKS: Mapping[str, CaptionStyle] = MappingProxyType(
    {
        "dark": CaptionStyle(),
        "black": CaptionStyle(background="#000000", edge="#4a545e"),
        "yellow": CaptionStyle(
            background="#000000",
            text="#ffe94a",
            tail="#a89b52",
            control="#e6dfae",
            edge="#55502e",
            speakers=_BESIDE_YELLOW,
        ),
        "light": CaptionStyle(
            background="#ffffff",
            text="#101418",
            tail="#5b6873",
            control="#36424d",
            warning="#8f4400",
            accent="#006a96",
            edge="#c2cbd3",
            speakers=_ON_PAPER,
        ),
        "cream": CaptionStyle(
            background="#fbf3e0",
            text="#1c1812",
            tail="#6b6150",
            control="#453d31",
            warning="#8f4400",
            accent="#006a96",
            edge="#d6cab0",
            speakers=_ON_PAPER,
        ),
    }
)
"""By the names that the settings know."""


def style_of(settings: Settings) -> CaptionStyle:
    look = LOOKS[settings.look]
    weight = QFont.Weight.Bold if settings.bold else look.weight
    return replace(look, opacity=settings.opacity / 100, weight=weight)
