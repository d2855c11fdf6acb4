"""How captions are written: numbers, swear words, how steady they are."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from app.core.settings import Settings


class MannerMenu(QMenu):
    """Signals:

    chosen(str, object): the name of a setting, and its new value.
    edit_wanted(): the user wants to edit the list of words to hide.
    """

    chosen = Signal(str, object)
    edit_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Captions"))
        self.numbers = self.addAction(self.tr("Numbers in figures"))
        self.numbers.setCheckable(True)
        self.numbers.triggered.connect(lambda on: self.chosen.emit("numbers", on))
        swearing = self.addMenu(self.tr("Swear words"))
        self.profanity = self._choice(
            swearing,
            "profanity",
            {
                "off": self.tr("Show them"),
                "mask": self.tr("Show the first letter only (h***)"),
                "drop": self.tr("Leave them out"),
            },
        )
        swearing.addSeparator()
        swearing.addAction(self.tr("Edit the list…")).triggered.connect(self.edit_wanted)
        self.steadiness = self._choice(
            self.addMenu(self.tr("Steadiness")),
            "steadiness",
            {
                "responsive": self.tr("Responsive: words at once, and more of them change"),
                "balanced": self.tr("Balanced"),
                "steady": self.tr("Steady: words come later, and fewer of them change"),
            },
        )

    def show_settings(self, settings: Settings) -> None:
        self.numbers.setChecked(settings.numbers)
        self.profanity[settings.profanity].setChecked(True)
        self.steadiness[settings.steadiness].setChecked(True)

    def _choice(self, menu: QMenu, setting: str, names: dict[str, str]) -> dict[str, QAction]:
        """One of several values of a setting."""
        group = QActionGroup(self)
        actions: dict[str, QAction] = {}
        for value, name in names.items():
            action = menu.addAction(name)
            action.setCheckable(True)
            action.triggered.connect(lambda _on, value=value: self.chosen.emit(setting, value))
            group.addAction(action)
            actions[value] = action
        return actions


class DelayMenu(QMenu):
    """How far captions are behind, for models that come in several delays. Hidden for all others.

    Signals: chosen(int): milliseconds.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Delay"))
        self._group = QActionGroup(self)
        self.offer((), None)

    def offer(self, delays: tuple[int, ...], current: int | None) -> None:
        """Offer these, milliseconds; the smallest is in use when none is named."""
        self.clear()
        for delay in delays:
            action = self.addAction(self.tr("{delay} ms").format(delay=delay))
            action.setCheckable(True)
            action.setChecked(delay == (current or min(delays)))
            action.triggered.connect(lambda _on, delay=delay: self.chosen.emit(delay))
            self._group.addAction(action)
        self.menuAction().setVisible(len(delays) > 1)
