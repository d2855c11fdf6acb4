"""How captions look: colours, how much shows through, and how bold letters are."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.core.settings import OPACITIES, Settings
from app.ui.choice import add_choice


class LookMenu(QMenu):
    """Signals: chosen(str, object): the name of a setting, and its new value."""

    chosen = Signal(str, object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Appearance"))
        self.looks = add_choice(
            self,
            {
                "dark": self.tr("White on dark grey"),
                "black": self.tr("White on black"),
                "yellow": self.tr("Yellow on black"),
                "light": self.tr("Black on white"),
                "cream": self.tr("Black on cream"),
            },
            lambda look: self.chosen.emit("look", look),
        )
        self.addSeparator()
        solid, *thinner = OPACITIES
        through = self.tr("Background lets {percent} % through")
        names = {solid: self.tr("Solid background")}
        names |= {percent: through.format(percent=100 - percent) for percent in thinner}
        self.opacities = add_choice(self, names, lambda percent: self.chosen.emit("opacity", percent))
        self.addSeparator()
        self.bold = self.addAction(self.tr("Bold letters"))
        self.bold.setCheckable(True)
        self.bold.triggered.connect(lambda on: self.chosen.emit("bold", on))

    def show_settings(self, settings: Settings) -> None:
        self.looks[settings.look].setChecked(True)
        self.opacities[settings.opacity].setChecked(True)
        self.bold.setChecked(settings.bold)
