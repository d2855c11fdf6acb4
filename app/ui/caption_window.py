"""The overlay: arranges captions and control strip, and connects them with what runs behind."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QContextMenuEvent,
    QEnterEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from app.captions.model import CaptionState
from app.core.activity import Activity, Phase
from app.core.paths import last_session_file
from app.core.ports import SourceKind
from app.core.settings import MOST_LINES, TEXT_SIZES, Settings
from app.ui.actions import LINE_CHOICES, FindDevices, SourceMenu, WindowActions
from app.ui.backdrop import paint_backdrop
from app.ui.caption_view import CaptionView
from app.ui.control_strip import ControlStrip
from app.ui.frame import WindowFrame
from app.ui.full_screen import FullScreen
from app.ui.last_session import LastSession
from app.ui.live_captions import LiveCaptions
from app.ui.look_menu import LookMenu
from app.ui.looks import style_of
from app.ui.manner_menu import DelayMenu, MannerMenu
from app.ui.model_menu import ModelMenu
from app.ui.reading.opener import Reading
from app.ui.settings_keeper import SettingsKeeper
from app.ui.start_menu import StartMenu
from app.ui.status_text import StatusLine, hint, speaker_name, status_line
from app.ui.text_out import TextOut
from app.ui.theme import CaptionStyle, menu_sheet
from app.ui.window_place import WindowPlace

TOP = 12
SIDE = 16
BELOW = 6
GAP = 4
"""Between captions and controls."""
SMALLEST_WIDTH = 420
NOTICE_MS = 8_000
_RUNNING = (Phase.STARTING, Phase.LISTENING)


class CaptionWindow(QWidget):
    """Signals: closed(): the last words are in and the window is gone."""

    closed = Signal()

    def __init__(self, live: LiveCaptions, keeper: SettingsKeeper, find_devices: FindDevices) -> None:
        style = style_of(keeper.settings)
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setWindowTitle(self.tr("Caique captions"))
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self._live = live
        self._keeper = keeper
        self._find_devices = find_devices
        self._notice: StatusLine | None = None
        self._fitted = 0
        self._fitting = False
        self._closing = False
        self._frame = WindowFrame(self)
        self.actions_ = WindowActions(self, style)
        self.sources = SourceMenu(self)
        self.models = ModelMenu(self)
        self.delays = DelayMenu(self)
        self.manner = MannerMenu(self)
        self.looks = LookMenu(self)
        self.start = StartMenu(self)
        self.menu = QMenu(self)
        self.actions_.fill(self.menu, self.sources, self.manner, (self.models, self.delays), self.looks, self.start)
        self.view = CaptionView(style, keeper.settings.text_size, speaker_name, self)
        self.strip = ControlStrip(self.actions_, self.sources, self.menu, style, self)
        self.text_out = TextOut(self, self.view.shown_text, self._everything)
        self.reading = Reading(self, live, self.text_out, speaker_name, [self.actions_.words, self.actions_.help])
        self.last_session = LastSession(last_session_file(), self._everything, self)
        self._arrange()
        self._full = FullScreen(self, self.actions_.full_screen)
        self._place = WindowPlace(self, keeper, lambda: not self._full.active)
        self._notice_timer = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._notice_timer.timeout.connect(self._forget_notice)
        self._connect()
        self._show_style(style)
        self._show_settings(keeper.settings)
        self._show_activity(live.activity)
        self.last_session.begin(keep=keeper.settings.keep_last_session)
        self._place.restore(self._height_for(keeper.settings.lines))
        self._fitted = self.height()
        self.view.setFocus()

    # From outside

    @Slot(str)
    @Slot(str, bool)
    def show_notice(self, sentence: str, warning: bool = True) -> None:
        """Show a remark for a while."""
        self._notice = StatusLine(sentence, warning)
        self._notice_timer.start()
        self._show_status()

    def _forget_notice(self) -> None:
        self._notice = None
        self._show_status()

    def name_source(self, spec: str, name: str) -> None:
        """What a source that is in no list is called."""
        self.strip.show_source(spec, name)

    # Arrangement

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(SIDE, TOP, SIDE, BELOW)
        column.setSpacing(GAP)
        column.addWidget(self.view, 1)
        column.addWidget(self.strip)
        for child in (self.view, self.strip):
            child.setCursor(Qt.CursorShape.ArrowCursor)
        self.setMinimumSize(QSize(SMALLEST_WIDTH, self._height_for(1)))

    def _fit(self, lines: int) -> None:
        """Make room for so many lines, as far as the screen allows."""
        self._fitting = True
        self._place.set_height(self._height_for(lines))
        self._fitting = False
        self._fitted = self.height()

    def _height_for(self, lines: int) -> int:
        return self.view.height_for(lines) + self.strip.height() + TOP + GAP + BELOW

    def _connect(self) -> None:
        live, actions, keeper = self._live, self.actions_, self._keeper
        live.captions_changed.connect(self.view.set_state)
        live.activity_changed.connect(self._show_activity)
        live.level_arrived.connect(self._show_level)
        live.rested.connect(self._on_rested)
        keeper.changed.connect(self._on_settings_changed)
        keeper.trouble.connect(self.show_notice)
        self.start.trouble.connect(self.show_notice)
        self.text_out.told.connect(self.show_notice)
        self.view.following_changed.connect(self.strip.set_following)
        self.view.toggle_requested.connect(live.toggle)
        self.sources.aboutToShow.connect(lambda: self._find_devices(self.sources.show_devices))
        self.sources.triggered.connect(lambda action: self._choose_source(str(action.data())))
        self.models.chosen.connect(lambda folder: keeper.change(model=folder))
        for menu in (self.looks, self.manner):
            menu.chosen.connect(lambda setting, value: keeper.change(**{setting: value}))
        actions.toggle.triggered.connect(live.toggle)
        actions.larger.triggered.connect(lambda: self._step_size(1))
        actions.smaller.triggered.connect(lambda: self._step_size(-1))
        actions.clear.triggered.connect(self._clear)
        actions.latest.triggered.connect(self.view.follow)
        actions.read.triggered.connect(lambda: self.reading.show(self._style, keeper.settings.text_size))
        actions.copy_shown.triggered.connect(self.text_out.copy_shown)
        actions.copy_all.triggered.connect(self.text_out.copy_all)
        actions.save_text.triggered.connect(self.text_out.ask_and_save)
        actions.open_last.triggered.connect(self.last_session.open)
        self.menu.aboutToShow.connect(lambda: actions.open_last.setEnabled(self.last_session.is_there))
        live.captions_changed.connect(self.last_session.on_captions_changed)
        self.last_session.trouble.connect(self.show_notice)
        actions.keep_last.toggled.connect(lambda on: keeper.change(keep_last_session=on))
        actions.animate.toggled.connect(lambda on: keeper.change(animate=on))
        self._full.restored.connect(lambda: self._fit(keeper.settings.lines))
        actions.close.triggered.connect(self.close)
        for number, action in zip(LINE_CHOICES, actions.lines, strict=True):
            action.triggered.connect(lambda _on, lines=number: keeper.change(lines=lines))

    def _everything(self) -> CaptionState:
        return self._live.captions

    # What the user does

    def _step_size(self, step: int) -> None:
        sizes = sorted({*TEXT_SIZES, self._keeper.settings.text_size})
        index = sizes.index(self._keeper.settings.text_size) + step
        self._keeper.change(text_size=sizes[min(max(index, 0), len(sizes) - 1)])

    def _choose_source(self, spec: str) -> None:
        self._keeper.change(source=spec)
        self._live.set_source(spec)
        self.strip.show_source(spec, self.sources.name_of(spec))

    def _clear(self) -> None:
        self._live.clear()
        self.view.clear()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            self._step_size(1 if event.angleDelta().y() > 0 else -1)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu.popup(event.globalPos())

    # What is shown

    @Slot(object, object)
    def _on_settings_changed(self, old: Settings, new: Settings) -> None:
        if style_of(old) != style_of(new):
            self._show_style(style_of(new))
        self._show_settings(new)
        if old.keep_last_session != new.keep_last_session:
            self.last_session.set_keep(new.keep_last_session)
        asked = old.lines != new.lines and self.view.rows != new.lines
        if (asked or old.text_size != new.text_size) and not self._full.active:
            self._fit(new.lines)

    def _show_style(self, style: CaptionStyle) -> None:
        self._style = style
        self.setStyleSheet(menu_sheet(style))
        for part in (self.actions_, self.view, self.strip):
            part.set_style(style)
        self.update()

    def _show_settings(self, settings: Settings) -> None:
        actions = self.actions_
        self.view.set_text_size(settings.text_size)
        self.strip.set_text_size(settings.text_size)
        self.view.animated = settings.animate
        self.setMinimumHeight(self._height_for(1))
        actions.larger.setEnabled(settings.text_size < TEXT_SIZES[-1])
        actions.smaller.setEnabled(settings.text_size > TEXT_SIZES[0])
        actions.show_lines(settings.lines)
        actions.animate.setChecked(settings.animate)
        actions.keep_last.setChecked(settings.keep_last_session)
        self.sources.set_current(settings.source)
        self.models.set_current(settings.model)
        self.manner.show_settings(settings)
        self.looks.show_settings(settings)

    @Slot(object)
    def _show_activity(self, activity: Activity) -> None:
        self.actions_.show_running(activity.phase in _RUNNING)
        self.view.set_hint(hint(activity))
        kinds = [kind for kind in SourceKind if kind in {*activity.devices, *activity.lost, *activity.gone}]
        if kinds:
            self.strip.show_meters(kinds)
        for kind, meter in self.strip.meters.items():
            if kind not in activity.devices:
                meter.reset()
        self._show_status()

    def _show_status(self) -> None:
        self.strip.show_status(status_line(self._live.activity, self._notice))

    @Slot(object, float)
    def _show_level(self, source: SourceKind, level: float) -> None:
        meter = self.strip.meters.get(source)
        if meter is not None:
            meter.set_level(level)

    # The window itself

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible() and not (self._fitting or self._full.active) and self.height() != self._fitted:
            self._fitted = self.height()
            self._keeper.change(lines=min(self.view.rows, MOST_LINES))

    def enterEvent(self, event: QEnterEvent) -> None:
        self._show_controls()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._show_controls()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange:
            self._show_controls()
        super().changeEvent(event)

    def _show_controls(self) -> None:
        self.strip.set_quiet(not (self.underMouse() or self.isActiveWindow()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_backdrop(painter, self.rect(), self._style)
        painter.end()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._live.resting:
            self._closing = True
            self._live.stop()
            event.ignore()
            return
        self._keeper.close()
        event.accept()
        self.closed.emit()

    @Slot()
    def _on_rested(self) -> None:
        if self._closing:
            self.close()
