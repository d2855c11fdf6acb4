"""Everything the user can tell the window, as Qt actions: one place for names, shortcuts and what is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import QObject, QRect, QSize
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.core.ports import DeviceInfo, SourceKind
from app.ui.placement import rescued
from app.ui.theme import CaptionStyle, icon

LINE_CHOICES = range(1, 11)
"""Numbers of lines in the menu; a window that was made higher with the pointer shows more."""


class WindowActions(QObject):
    """Actions carry their shortcut in the tooltip; the window connects them."""

    def __init__(self, window: QWidget, style: CaptionStyle) -> None:
        super().__init__(window)
        self._window = window
        self._pictures: dict[QAction, str] = {}
        self.toggle = self._make(self.tr("Pause"), "pause", hint=self.tr("Space"))
        self.larger = self._make(self.tr("Larger text"), "larger", "Ctrl++", "Ctrl+=")
        self.smaller = self._make(self.tr("Smaller text"), "smaller", "Ctrl+-")
        self.clear = self._make(self.tr("Clear (earlier text stays above)"), "clear", "Ctrl+L")
        self.latest = self._make(self.tr("Go to the newest words"), "latest", "Ctrl+End")
        self.latest.setIconText(self.tr("Newest"))  # on its button
        self.read = self._make(self.tr("Read and find…"), "", "Ctrl+F")
        self.copy_shown = self._make(self.tr("Copy what is shown"), "", "Ctrl+C")
        self.copy_all = self._make(self.tr("Copy everything"), "", "Ctrl+Shift+C")
        self.save_text = self._make(self.tr("Save text…"), "", "Ctrl+S")
        self.keep_last = self._make(self.tr("Keep the last session's text after closing"), "", checkable=True)
        self.open_last = self._make(self.tr("Open the last session's text"), "")
        self.animate = self._make(self.tr("Roll lines smoothly"), "", checkable=True)
        self.full_screen = self._make(self.tr("Full screen"), "", "F11", checkable=True)
        self.words = self._make(self.tr("Words to know…"), "", "Ctrl+W")
        self.help = self._make(self.tr("Help"), "", "F1")
        self.close = self._make(self.tr("Quit"), "close", "Ctrl+Q")
        self.lines = [self._make(str(number), "", checkable=True) for number in LINE_CHOICES]
        _exclusive(self, self.lines)
        self.set_style(style)

    def set_style(self, style: CaptionStyle) -> None:
        """Draw the pictures in the colours of this style."""
        self._style = style
        for action, picture in self._pictures.items():
            action.setIcon(icon(picture, style.control))

    def show_running(self, running: bool) -> None:
        self.toggle.setText(self.tr("Pause") if running else self.tr("Start"))
        self._pictures[self.toggle] = "pause" if running else "play"
        self.toggle.setIcon(icon(self._pictures[self.toggle], self._style.control))
        self.toggle.setToolTip(f"{self.toggle.text()} ({self.tr('Space')})")

    def show_lines(self, lines: int) -> None:
        """Check the number of lines in the menu, or none where it is not among the choices."""
        for number, action in zip(LINE_CHOICES, self.lines, strict=True):
            action.setChecked(number == lines)

    def fill(
        self, menu: QMenu, source: QMenu, captions: QMenu, models: Sequence[QMenu], look: QMenu, start: QMenu
    ) -> None:
        """The window's menu, the same from the strip's button and from a right click.

        It has one column on screens 540 pixels high, with room for a task bar: what is rarely needed is one level
        down. `captions` is how they are made, to which `models` belong; `look` how they look, `start` how the
        program starts.
        """
        captions.addSeparator()
        for choice in models:
            captions.addMenu(choice)
        first = look.actions()[0]
        look.insertMenu(first, self._lines_menu(look))
        look.insertSeparator(first)
        look.addAction(self.animate)
        earlier = QMenu(self.tr("Earlier text"), menu)
        earlier.addActions([self.latest, self.clear, self.copy_all, self.open_last, self.keep_last])
        menu.addAction(self.toggle)
        menu.addMenu(source)
        menu.addMenu(captions)
        menu.addAction(self.words)
        menu.addSeparator()
        menu.addActions([self.larger, self.smaller, self.full_screen])
        menu.addMenu(look)
        menu.addSeparator()
        menu.addActions([self.read, self.copy_shown, self.save_text])
        menu.addMenu(earlier)
        menu.addSeparator()
        menu.addMenu(start)
        menu.addActions([self.help, self.close])

    def _lines_menu(self, parent: QMenu) -> QMenu:
        menu = QMenu(self.tr("Lines shown"), parent)
        menu.addActions(self.lines)
        return menu

    def _make(self, text: str, picture: str, *keys: str, hint: str = "", checkable: bool = False) -> QAction:
        action = QAction(text, self._window)
        action.setCheckable(checkable)
        action.setShortcuts([QKeySequence(key) for key in keys])
        shown = hint or (action.shortcut().toString(QKeySequence.SequenceFormat.NativeText) if keys else "")
        action.setToolTip(f"{text} ({shown})" if shown else text)
        if picture:
            self._pictures[action] = picture
        self._window.addAction(action)
        return action


class FindDevices(Protocol):
    """Looks for devices in the background and hands them over on the GUI thread."""

    def __call__(self, show: Callable[[list[DeviceInfo]], None]) -> None: ...


class SourceMenu(QMenu):
    """What can be captioned: the three usual choices at once, single devices as soon as they are known."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Source"))
        self.chosen = QActionGroup(self)
        self._devices: list[QAction] = []
        for spec, name, short in (
            ("mic", self.tr("Microphone"), self.tr("Microphone")),
            ("system", self.tr("What the computer plays"), self.tr("Computer")),
            ("both", self.tr("Both, each with its name"), self.tr("Both")),
        ):
            self._add(spec, name).setIconText(short)

    def show_devices(self, devices: list[DeviceInfo]) -> None:
        """Offer these below the usual choices; an open menu grows, and stays within the screen."""
        current = self.current
        for action in self._devices:
            self.removeAction(action)
            action.deleteLater()
        self._devices = []
        for kind, title in (
            (SourceKind.MICROPHONE, self.tr("Microphones")),
            (SourceKind.SYSTEM, self.tr("Sound played on")),
        ):
            found = [device for device in devices if device.kind is kind]
            if found:
                self._devices += [self.addSeparator(), self.addAction(title)]
                self._devices[-1].setEnabled(False)
                self._devices += [self._add(device.id, device.name) for device in found]
        self.set_current(current)
        if self.isVisible():
            wanted = QRect(self.pos(), self.sizeHint())
            self.setGeometry(rescued(wanted, self.screen().availableGeometry(), QSize()))

    @property
    def current(self) -> str:
        action = self.chosen.checkedAction()
        return str(action.data()) if action else ""

    def set_current(self, spec: str) -> None:
        for action in self.chosen.actions():
            action.setChecked(action.data() == spec)

    def name_of(self, spec: str) -> str:
        """How a source is called in short; its own id until its device has been listed."""
        return next((action.iconText() for action in self.chosen.actions() if action.data() == spec), spec)

    def _add(self, spec: str, name: str) -> QAction:
        action = self.addAction(name)
        action.setCheckable(True)
        action.setData(spec)
        self.chosen.addAction(action)
        return action


def _exclusive(parent: QObject, actions: list[QAction]) -> None:
    group = QActionGroup(parent)
    for action in actions:
        group.addAction(action)
