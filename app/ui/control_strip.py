"""The slim bar under the captions: what is captioned, how loud it is, what the engine does, and the controls.

While nobody points at the window, the controls that are rarely needed make room for quiet; they come back
with the pointer or the keyboard.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction, QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from app.core.ports import SourceKind
from app.ui.actions import SourceMenu, WindowActions
from app.ui.level_meter import LevelMeter
from app.ui.status_label import StatusLabel
from app.ui.status_text import StatusLine
from app.ui.theme import CaptionStyle, control_size, icon, strip_sheet

HEIGHT = 40
"""At least."""
MARGIN = 2
BUTTON = 30
NARROW = 600
"""Below this width the status needs the room of the buttons whose actions are in the menu too."""
WIDEST_NAME = 150
"""Room for a device's name in pixels; the menu and the tooltip show all of it."""
_PICTURES = {"mic": "microphone", "system": "computer", "both": "both"}


class ControlStrip(QWidget):
    def __init__(
        self,
        actions: WindowActions,
        sources: SourceMenu,
        menu: QMenu,
        style: CaptionStyle,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, MARGIN, 0, MARGIN)
        self._row.setSpacing(4)
        self.toggle = self._button(actions.toggle)
        self.source = self._source_button(sources)
        self.meters: dict[SourceKind, LevelMeter] = {}
        self._meter_place = self._row.count()
        self.status = StatusLabel(style, self)
        self._row.addSpacing(6)
        self._row.addWidget(self.status, 1)
        self.latest = self._latest_button(actions.latest)
        self._spare = [self._button(action) for action in (actions.smaller, actions.larger, actions.clear)]
        self.menu = self._menu_button(menu)
        self._close = self._button(actions.close)
        self._quiet = False
        self._spec = ""
        self._named = ""
        self.set_style(style)
        self.set_text_size(0)

    def set_style(self, style: CaptionStyle) -> None:
        """Colours; the actions' pictures are their own matter."""
        self._style = style
        self.setStyleSheet(strip_sheet(style))
        self.status.set_style(style)
        self.menu.setIcon(icon("more", style.control))
        self._show_picture()
        for kind, meter in self.meters.items():
            meter.set_colors(QColor(style.speaker(kind)), QColor(style.edge))

    def set_text_size(self, size: int) -> None:
        """`size`: pixels of the captions' letters; the strip's follow, and it gets as high as two rows of them."""
        font = self._style.control_font(control_size(size))
        for part in (self.status, self.source, self.latest):
            part.setFont(font)
        self._show_name()
        self.setFixedHeight(max(HEIGHT, self.status.sizeHint().height() + 2 * MARGIN))

    def _show_name(self) -> None:
        metrics = self.source.fontMetrics()
        self.source.setText(metrics.elidedText(self._named, Qt.TextElideMode.ElideRight, WIDEST_NAME))

    def _show_picture(self) -> None:
        self.source.setIcon(icon(_PICTURES.get(self._spec, "recording"), self._style.control))

    def set_quiet(self, quiet: bool) -> None:
        """Hide what is rarely needed, keeping its place."""
        self._quiet = quiet
        self._show_buttons()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_buttons()

    def _show_buttons(self) -> None:
        narrow = self.width() < NARROW
        beside = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self.source.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else beside)
        for button in self._spare:
            _keep_place(button, not narrow)
            button.setVisible(not narrow and not self._quiet)
        self._close.setVisible(not self._quiet)

    @Slot(bool)
    def set_following(self, following: bool) -> None:
        """Offer the way back to the newest words while earlier ones are read."""
        self.latest.setVisible(not following)

    def show_status(self, line: StatusLine) -> None:
        self.status.show_line(line)

    def show_source(self, spec: str, name: str) -> None:
        self._spec, self._named = spec, name
        self._show_name()
        self._show_picture()
        self.source.setAccessibleName(self.tr("Source: {name}").format(name=name))
        self.source.setToolTip(self.tr("Source: {name}. Choose what is captioned").format(name=name))

    def show_meters(self, kinds: list[SourceKind]) -> None:
        """One meter for each source that is captured, in this order."""
        for kind in [kind for kind in self.meters if kind not in kinds]:
            meter = self.meters.pop(kind)
            self._row.removeWidget(meter)
            meter.deleteLater()
        for place, kind in enumerate(kinds):
            if kind not in self.meters:
                lit = QColor(self._style.speaker(kind))
                self.meters[kind] = LevelMeter(self._meter_name(kind), lit, QColor(self._style.edge), self)
                self._row.insertWidget(self._meter_place + place, self.meters[kind])

    def _meter_name(self, kind: SourceKind) -> str:
        match kind:
            case SourceKind.MICROPHONE:
                return self.tr("Level of the microphone")
            case SourceKind.SYSTEM:
                return self.tr("Level of the computer's sound")
            case SourceKind.FILE:
                return self.tr("Level of the recording")

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        self._prepare(button, action.text())
        action.changed.connect(lambda: button.setAccessibleName(action.text()))
        return button

    def _source_button(self, sources: SourceMenu) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("source")
        button.setMenu(sources)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._prepare(button, self.tr("Source"))
        button.setMinimumWidth(0)
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return button

    def _latest_button(self, action: QAction) -> QToolButton:
        button = self._button(action)
        button.setObjectName("latest")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        _keep_place(button, False)
        button.hide()
        return button

    def _menu_button(self, menu: QMenu) -> QToolButton:
        button = QToolButton(self)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip(self.tr("More"))
        self._prepare(button, self.tr("More"))
        return button

    def _prepare(self, button: QToolButton, name: str) -> None:
        button.setAccessibleName(name)
        button.setIconSize(QSize(20, 20))
        button.setMinimumSize(BUTTON, BUTTON)
        button.setMaximumHeight(BUTTON)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must not take Space away from the captions
        _keep_place(button, True)
        self._row.addWidget(button)


def _keep_place(button: QToolButton, keep: bool) -> None:
    """Whether the button's room stays empty while it is hidden."""
    policy = button.sizePolicy()
    if policy.retainSizeWhenHidden() != keep:
        policy.setRetainSizeWhenHidden(keep)
        button.setSizePolicy(policy)
