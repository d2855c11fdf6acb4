"""What the help says: the keys and gestures of the caption window, and what to do when something is wrong.

Shortcuts are read from the actions themselves. Only what is no action is listed here, with the keys it means, so
that a test can press them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    """A key, a gesture, or what is wrong."""
    text: str
    """What it does, or what to do."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: tuple[Row, ...]
    columns: bool = True
    """Names are short and stand beside the texts, else before them."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that the window understands without an action."""

    keys: tuple[str, ...]
    """As QKeySequence reads them."""
    text: str
    name: str = ""
    """What they are called together; their own names when empty."""

    @property
    def row(self) -> Row:
        return Row(self.name or ", ".join(shown(QKeySequence(key)) for key in self.keys), self.text)


def tr(text: str, comment: str = "") -> str:
    return QCoreApplication.translate("Help", text, comment)


def shown(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.NativeText)


def sections(actions: Iterable[QAction], words: QAction, read: QAction, log: str) -> list[Section]:
    """words, read: the actions that help with wrong words; log: the file with the details of errors."""
    from_actions = (Row(shown(action.shortcut()), name(action)) for action in actions if action.shortcut().toString())
    first, *others = other_keys()
    return [
        Section(tr("Keys"), (first.row, *from_actions, *(keys.row for keys in others))),
        Section(tr("Mouse"), gestures()),
        Section(tr("When something is wrong"), troubles(words, read, log), columns=False),
    ]


def name(action: QAction) -> str:
    """How the menu calls it, without what says that more will be asked."""
    return action.text().rstrip("…").replace("&", "")


def other_keys() -> tuple[Keys, ...]:
    return (
        Keys(("Space",), tr("Start or pause captions")),
        Keys(("Up", "Down"), tr("Read back, line by line")),
        Keys(("PgUp", "PgDown"), tr("Read back, page by page")),
        Keys(("Home", "End"), tr("Go to the first words, or to the newest")),
        Keys(
            ("Alt+Left", "Alt+Right", "Alt+Up", "Alt+Down"),
            tr("Move the window"),
            tr("Alt and an arrow key"),
        ),
        Keys(
            ("Alt+Shift+Left", "Alt+Shift+Right", "Alt+Shift+Up", "Alt+Shift+Down"),
            tr("Change the size of the window"),
            tr("Alt, Shift and an arrow key"),
        ),
        Keys(("Tab",), tr("Go to the buttons, and from one to the next")),
        Keys(("Esc",), tr("Leave the full screen, or close this help")),
    )


def gestures() -> tuple[Row, ...]:
    return (
        Row(tr("Right click"), tr("Open the menu, which has everything that can be chosen")),
        Row(tr("Drag the window"), tr("Move it")),
        Row(tr("Drag an edge or corner"), tr("Change the size of the window")),
        Row(tr("Wheel"), tr("Read back")),
        Row(tr("Ctrl and wheel"), tr("Make the text larger or smaller")),
    )


def troubles(words: QAction, read: QAction, log: str) -> tuple[Row, ...]:
    teach = tr(
        "Add it to the list of {words} ({keys}). Or select it under {read} ({read_keys}), and press “This is wrong…”."
    )
    return (
        Row(
            tr("“No sound from …”"),
            tr("The microphone is muted, or it is the wrong one: choose another in the menu, under Source."),
        ),
        Row(tr("“No sound server answers”"), tr("Start PipeWire or PulseAudio. Recordings work without.")),
        Row(
            tr("Captions are “… s behind”"),
            tr(
                "Nothing is lost, Caique catches up: captions are simpler until the computer has recovered. "
                "Close what else keeps the processor busy."
            ),
        ),
        Row(
            tr("A name is wrong again and again"),
            teach.format(
                words=f"“{name(words)}”",
                keys=shown(words.shortcut()),
                read=f"“{name(read)}”",
                read_keys=shown(read.shortcut()),
            ),
        ),
        Row(tr("“An error in the program”"), tr("The details are in {log}.").format(log=log)),
    )
