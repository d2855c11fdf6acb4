"""What can be read and seen: contrast, icons, and a meter that paints only when it must."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QFontInfo, QPalette
from pytestqt.qtbot import QtBot

from app.core.settings import LOOKS as NAMES
from app.core.settings import OPACITIES, Settings
from app.ui import status_label
from app.ui.level_meter import SEGMENTS, LevelMeter, segments_for
from app.ui.looks import LOOKS, style_of
from app.ui.status_label import StatusLabel
from app.ui.status_text import StatusLine
from app.ui.theme import CAPTION_FONT, CaptionStyle, icon, load_fonts, palette


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in QColor(color).getRgbF()[:3]  # type: ignore[index]  # PySide6's stub says object
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """The ratio that WCAG 2.2 asks for: 4.5 for text, 3 for controls."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_there_is_a_look_for_every_name_in_the_settings() -> None:
    assert tuple(LOOKS) == NAMES


@pytest.mark.parametrize("look", LOOKS)
def test_all_text_can_be_read_on_its_background(look: str) -> None:
    style = style_of(Settings(look=look))
    for color in (style.text, style.tail, style.control, style.warning, *style.speakers.values()):
        assert contrast(color, style.background) >= 4.5, color
    assert contrast(style.accent, style.background) >= 3.0


@pytest.mark.parametrize("look", LOOKS)
def test_settled_words_stand_out_from_the_tail(look: str) -> None:
    style = style_of(Settings(look=look))
    assert contrast(style.text, style.tail) >= 2.0


@pytest.mark.parametrize("opacity", OPACITIES)
def test_captions_can_be_read_before_anything_that_shows_through(opacity: int) -> None:
    style = style_of(Settings(opacity=opacity))
    paper = QColor(style.background)
    mixed = [round(part * style.opacity + 255 * (1 - style.opacity)) for part in paper.getRgb()[:3]]
    assert contrast(style.text, QColor(*mixed).name()) >= 4.5


def test_what_is_pointed_at_can_be_read() -> None:
    for style in LOOKS.values():
        assert contrast(style.text, style.edge) >= 4.5, style


def test_what_cannot_be_used_now_can_still_be_read() -> None:
    colors = palette(CaptionStyle())
    disabled = QPalette.ColorGroup.Disabled
    for paper, text in (
        (QPalette.ColorRole.Button, QPalette.ColorRole.ButtonText),
        (QPalette.ColorRole.Window, QPalette.ColorRole.WindowText),
    ):
        assert contrast(colors.color(disabled, text).name(), colors.color(disabled, paper).name()) >= 3.0


def test_the_bundled_letters_are_used(qtbot: QtBot) -> None:
    load_fonts()
    assert QFontInfo(CaptionStyle().caption_font(28)).family() == CAPTION_FONT


def test_every_icon_can_be_drawn(qtbot: QtBot) -> None:
    names = [file.name for file in (resources.files("resources") / "icons").iterdir() if file.name.endswith(".svg")]
    assert len(names) >= 12
    for name in names:
        image = icon(name.removesuffix(".svg"), "#ffffff").pixmap(40, 40).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(40) for y in range(40)), name


@given(st.floats(0, 1), st.floats(0, 1))
def test_louder_never_shows_less(one: float, other: float) -> None:
    quiet, loud = sorted((one, other))
    assert 0 <= segments_for(quiet) <= segments_for(loud) <= SEGMENTS


def test_the_ends_of_the_meter() -> None:
    assert segments_for(0.0) == 0
    assert segments_for(float("nan")) == 0
    assert segments_for(1.0) == SEGMENTS
    assert segments_for(0.01) == SEGMENTS // 3  # -40 dB of 60


def test_the_meter_falls_gently_and_reports_no_change_twice(qtbot: QtBot) -> None:
    meter = LevelMeter("Level", QColor("white"), QColor("gray"))
    qtbot.addWidget(meter)
    meter.set_level(1.0)
    meter.set_level(0.0)
    assert SEGMENTS - 4 < meter.segments < SEGMENTS
    for _ in range(SEGMENTS):
        meter.set_level(0.0)
    assert meter.segments == 0


def test_trouble_is_announced_when_it_begins(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(status_label, "announce", lambda _widget, sentence: said.append(sentence))
    label = StatusLabel(CaptionStyle())
    qtbot.addWidget(label)
    for text, warning in (
        ("Listening.", False),
        ("Captions are 1.2 s behind.", True),
        ("Captions are 1.4 s behind.", True),
        ("Listening.", False),
        ("USB Headset went away.", True),
    ):
        label.show_line(StatusLine(text, warning))
    assert said == ["Captions are 1.2 s behind.", "USB Headset went away."]


def test_the_status_is_cut_only_when_both_rows_are_full(qtbot: QtBot) -> None:
    load_fonts()
    label = StatusLabel(CaptionStyle())
    qtbot.addWidget(label)
    sentence = "Listening to VirtualMicrophone and Speakers · Moonshine tiny-en · 0.5\u00a0s\u00a0behind"
    label.show_line(StatusLine(sentence))
    for width in range(60, 600):
        label.resize(width, 40)
        rows = label.rows()
        assert len(rows) == 2 or rows == [sentence], width
