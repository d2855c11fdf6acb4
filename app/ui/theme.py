"""How captions look: colours and fonts as data, and what is derived from them for controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.core.ports import SourceKind

CAPTION_FONT = "Atkinson Hyperlegible Next"
CONTROL_SIZE = 13
"""Pixels of the letters of controls, at a scale of one."""
LARGEST_CONTROL = 20
CONTROL_SHARE = 0.42
"""Letters of the control strip as a share of those of captions, between the two sizes above."""
_FONT_FILES = ("AtkinsonHyperlegibleNext-Medium.ttf", "AtkinsonHyperlegibleNext-Bold.ttf")
_ICON_SIZES = (20, 40, 60)


@dataclass(frozen=True, slots=True)
class CaptionStyle:
    """One look of the captions. Colours as Qt spells them; text on background has a contrast of 4.5 or more."""

    family: str = CAPTION_FONT
    weight: QFont.Weight = QFont.Weight.Medium
    line_height: float = 1.3
    """Distance of two lines in text sizes."""
    background: str = "#101418"
    opacity: float = 1.0
    text: str = "#ffffff"
    tail: str = "#9fb0c0"
    """Words that may still change."""
    speakers: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {SourceKind.MICROPHONE: "#ffd75e", SourceKind.SYSTEM: "#6fd6f5", SourceKind.FILE: "#9be3ae"}
        )
    )
    control: str = "#c9d3dc"
    """Buttons and words of the control strip."""
    warning: str = "#ffc46b"
    accent: str = "#6fd6f5"
    """Keyboard focus and the level of sound."""
    edge: str = "#39434d"

    @property
    def dark(self) -> bool:
        """Light letters on a dark background."""
        return QColor(self.background).lightness() < 128

    def caption_font(self, size: int) -> QFont:
        font = QFont(self.family)
        font.setPixelSize(size)
        font.setWeight(self.weight)
        return font

    def control_font(self, size: int = CONTROL_SIZE) -> QFont:
        font = QFont(self.family)
        font.setPixelSize(size)
        font.setWeight(QFont.Weight.Medium)
        return font

    def speaker(self, speaker: str) -> str:
        return self.speakers.get(speaker, self.text)


def control_size(text_size: int) -> int:
    """Pixels of the strip's letters beside captions of this size: who needs large captions cannot read small print."""
    return min(max(round(text_size * CONTROL_SHARE), CONTROL_SIZE), LARGEST_CONTROL)


def load_fonts() -> None:
    """Make the bundled fonts known to Qt; where that fails, the system's sans serif serves."""
    for name in _FONT_FILES:
        data = (resources.files("resources") / "fonts" / name).read_bytes()
        QFontDatabase.addApplicationFontFromData(QByteArray(data))
    QFont.insertSubstitution(CAPTION_FONT, "sans-serif")


def icon(name: str, color: str) -> QIcon:
    """One of the bundled outlines, drawn in this colour, sharp at every scale."""
    drawn = QIcon()
    for size in _ICON_SIZES:
        drawn.addPixmap(_picture(name, color, size))
    return drawn


def program_icon() -> QIcon:
    drawn = QIcon()
    for size in (16, 32, 64, 128, 256):
        drawn.addPixmap(_picture("caique", "", size))
    return drawn


def _picture(name: str, color: str, size: int) -> QPixmap:
    source = (resources.files("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", color).encode()))
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


def palette(style: CaptionStyle) -> QPalette:
    """So that menus and dialogs of the program match its captions."""
    result = QPalette(QColor(style.edge), QColor(style.background))
    result.setColor(QPalette.ColorRole.WindowText, QColor(style.text))
    result.setColor(QPalette.ColorRole.Text, QColor(style.text))
    result.setColor(QPalette.ColorRole.ButtonText, QColor(style.text))
    result.setColor(QPalette.ColorRole.Base, QColor(style.background).lighter(130))
    result.setColor(QPalette.ColorRole.ToolTipBase, QColor(style.edge))
    result.setColor(QPalette.ColorRole.ToolTipText, QColor(style.text))
    result.setColor(QPalette.ColorRole.Highlight, QColor(style.accent))
    result.setColor(QPalette.ColorRole.HighlightedText, QColor(style.background))
    result.setColor(QPalette.ColorRole.PlaceholderText, QColor(style.tail))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(style.tail))
    return result


def _between(one: str, other: str) -> QColor:
    """The colour halfway."""
    a, b = QColor(one), QColor(other)
    return QColor((a.red() + b.red()) // 2, (a.green() + b.green()) // 2, (a.blue() + b.blue()) // 2)


def menu_sheet(style: CaptionStyle) -> str:
    """Style sheet of menus: room to hit, the check mark and the pointed-at line plain to see."""
    background = _between(style.edge, style.background).name() if style.dark else style.background
    return f"""
        QMenu {{
            background: {background}; color: {style.text}; border: 1px solid {style.edge};
            padding: 4px; font-size: 14px;
        }}
        QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 4px; min-height: 16px; }}
        QMenu::item:selected {{ background: {style.edge}; }}
        QMenu::item:checked {{ color: {style.accent}; }}
        QMenu::item:disabled {{ color: {style.tail}; }}
        QMenu::separator {{ height: 1px; background: {style.edge}; margin: 4px 8px; }}
        QMenu::icon {{ padding-left: 10px; }}
        QMenu::indicator {{ left: 8px; }}
        QToolTip {{ background: {background}; color: {style.text}; border: 1px solid {style.edge}; padding: 4px; }}
    """


def strip_sheet(style: CaptionStyle) -> str:
    """Style sheet of the control strip and of buttons that lie on captions."""
    return f"""
        QToolButton {{
            color: {style.control}; background: transparent; border: 2px solid transparent;
            border-radius: 6px; padding: 2px;
        }}
        QToolButton:hover, QToolButton:open {{ background: {style.edge}; color: {style.text}; }}
        QToolButton:pressed {{ background: {QColor(style.edge).lighter(130).name()}; }}
        QToolButton:focus {{ border-color: {style.accent}; }}
        QToolButton:disabled {{ color: {_between(style.control, style.background).name()}; }}
        QToolButton::menu-indicator {{ image: none; }}
        QToolButton#source {{ padding-left: 4px; padding-right: 6px; }}
        QToolButton#latest {{ background: {style.edge}; color: {style.text}; padding: 2px 8px 2px 4px; }}
    """


def form_sheet(style: CaptionStyle) -> str:
    """Style sheet of dialogs: fields have an edge that is seen on any background, and the focus is plain to see."""
    return f"""
        QLineEdit {{ border: 1px solid {style.tail}; border-radius: 4px; padding: 5px 7px; }}
        QLineEdit:focus {{ border: 2px solid {style.accent}; padding: 4px 6px; }}
        QTableView {{ border: 1px solid {style.tail}; }}
        QTableView:focus {{ border: 2px solid {style.accent}; }}
        QTableView QLineEdit {{ border-radius: 0; padding: 0 2px; }}
        QPushButton, QComboBox {{ padding: 5px 14px; }}
        QTableView QComboBox {{ padding: 0 2px; }}
        QPushButton:focus, QComboBox:focus {{ border: 2px solid {style.accent}; }}
    """
