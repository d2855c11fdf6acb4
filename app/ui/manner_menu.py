"""How captions are written: numbers, swear words, how steady they are."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from app.core.settings import Settings
from app.ui.choice import add_choice


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
        self.profanity = add_choice(
            swearing,
            {
                "off": self.tr("Show them"),
                "mask": self.tr("Show the first letter only (h***)"),
                "drop": self.tr("Leave them out"),
            },
            lambda value: self.chosen.emit("profanity", value),
        )
        swearing.addSeparator()
        swearing.addAction(self.tr("Edit the list…")).triggered.connect(self.edit_wanted)
        self.steadiness = add_choice(
            self.addMenu(self.tr("Steadiness")),
            {
                "responsive": self.tr("Responsive: words at once, and more of them change"),
                "balanced": self.tr("Balanced"),
                "steady": self.tr("Steady: words come later, and fewer of them change"),
            },
            lambda value: self.chosen.emit("steadiness", value),
        )

    def show_settings(self, settings: Settings) -> None:
        self.numbers.setChecked(settings.numbers)
        self.profanity[settings.profanity].setChecked(True)
        self.steadiness[settings.steadiness].setChecked(True)


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
