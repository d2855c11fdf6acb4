"""The window of words to know: arranges its parts and connects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAction,
    QHideEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.vocabulary import Line, WordList, line_in
from app.core.word_verdict import Verdict
from app.ui.beside import stand_beside
from app.ui.theme import CaptionStyle, form_sheet
from app.ui.words.arrangement import Which
from app.ui.words.cells import Marks
from app.ui.words.document import WordTable
from app.ui.words.exchange import WordExchange
from app.ui.words.latest import LatestJob
from app.ui.words.summary import help_text, no_rows_text, summary
from app.ui.words.sync import ListSync
from app.ui.words.view import WordView

Judge = Callable[[WordList], Sequence[Verdict | None]]
"""Says what became of each line; called on a background thread, may wait for a model."""

WIDTH, HEIGHT = 920, 560
FIND_AFTER_MS = 120
TOLD_MS = 10_000


class WordsWindow(QDialog):
    def __init__(self, path: Path, judge: Judge, style: CaptionStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Words to know"))
        self.setStyleSheet(form_sheet(style))
        self.resize(WIDTH, HEIGHT)
        self.table = WordTable(Marks.of(style), self)
        self.view = WordView(self.table, self)
        self.exchange = WordExchange(self, self.table)
        self.sync = ListSync(path, self.table, self)
        self._judge = judge
        self._judging: LatestJob[tuple[Sequence[Line], Sequence[Verdict | None]]] = LatestJob(
            self, self._prepare_judging, lambda found: self.table.judge(*found), self._on_not_judged
        )
        self._trouble = ""
        self._make_parts()
        self._arrange()
        self._told_timer = QTimer(self, singleShot=True, interval=TOLD_MS)
        self._told_timer.timeout.connect(self._show_summary)
        self._find_timer = QTimer(self, singleShot=True, interval=FIND_AFTER_MS)
        self._connect()
        self._show_selection()
        self._show_summary()

    # Arrangement

    def _make_parts(self) -> None:
        self.word = QLineEdit(placeholderText=self.tr("A name, a product, a phrase"))
        self.word.setAccessibleName(self.tr("New word or phrase"))
        self.add = QPushButton(self.tr("&Add"), autoDefault=False)
        self.search = QLineEdit(placeholderText=self.tr("Find (Ctrl+F)"), clearButtonEnabled=True)
        self.search.setAccessibleName(self.tr("Find"))
        for button in self.search.findChildren(QToolButton):
            button.setAccessibleName(self.tr("Clear"))
        self.which = QComboBox()
        self.which.setAccessibleDescription(self.tr("Which words are shown"))
        for name, which in (
            (self.tr("All words"), Which.ALL),
            (self.tr("Needs attention"), Which.ATTENTION),
            (self.tr("Off"), Which.OFF),
        ):
            self.which.addItem(name, which)
        self.about = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(self.about.fontMetrics().lineSpacing() * 2)
        self.status = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.delete = self._button(self.tr("&Delete"), self.view.delete)
        self.undo = self._button(self.tr("&Undo"), self.table.undo.undo)
        self.redo = self._button(self.tr("&Redo"), self.table.undo.redo)
        self.take = self._button(self.tr("&Import…"), self.exchange.ask_and_import)
        self.give = self._button(self.tr("&Export…"), self.exchange.ask_and_export)
        self.shut = self._button(self.tr("&Close"), self.close)

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(10)
        above = [self.word, self.add, self.search, self.which]
        below = [self.delete, self.undo, self.redo, self.take, self.give, self.shut]
        column.addLayout(_row(*above[:2], None, *above[2:]))
        column.addWidget(self.view, 1)
        column.addWidget(self.about)
        column.addWidget(self.status)
        buttons = _row(*below[:3], None, *below[3:5])
        buttons.addStretch(1)
        buttons.addWidget(self.shut)
        column.addLayout(buttons)
        for first, second in pairwise([*above, self.view, *below]):
            self.setTabOrder(first, second)
        self.word.setFocus()

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, autoDefault=False)
        button.clicked.connect(slot)
        return button

    def _connect(self) -> None:
        table, view, undo = self.table, self.view, self.table.undo
        self.add.clicked.connect(self._add)
        self.word.returnPressed.connect(self._add)
        self.search.textChanged.connect(lambda _: self._find_timer.start())
        self.which.currentIndexChanged.connect(lambda _: self._find())
        self._find_timer.timeout.connect(self._find)
        table.edited.connect(self._on_edited)
        table.refused.connect(self.tell)
        table.dataChanged.connect(self._show_selection)
        table.modelReset.connect(self._show_selection)
        table.dataChanged.connect(self._show_summary)
        view.paste_wanted.connect(self.exchange.paste)
        for teller in (view.told, self.exchange.told, self.sync.told):
            teller.connect(self.tell)
        self.sync.failed.connect(self._on_sync_failed)
        view.selectionModel().selectionChanged.connect(self._show_selection)
        view.selectionModel().currentChanged.connect(self._show_selection)
        undo.indexChanged.connect(self._show_undo)
        self._show_undo()
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.search, context=Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._leave_find)
        for keys, slot in (
            (QKeySequence.StandardKey.Undo, undo.undo),
            (QKeySequence.StandardKey.Redo, undo.redo),
            (QKeySequence.StandardKey.Find, self._go_to_find),
            (QKeySequence.StandardKey.New, self._go_to_word),
            (QKeySequence.StandardKey.Close, self.close),
        ):
            action = QAction(self)
            action.setShortcuts(keys)
            action.triggered.connect(slot)
            self.addAction(action)

    # From outside

    @Slot()
    def judge(self) -> None:
        """Ask anew what becomes of the lines, as for another model."""
        self._judging.ask()

    @Slot(str)
    def tell(self, sentence: str) -> None:
        """Show a remark for a while, and have it said."""
        self.status.setText(sentence)
        self._told_timer.start()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.status, sentence))

    # What the user does

    @Slot()
    def _add(self) -> None:
        text = self.word.text().strip()
        if not text:
            self.word.setFocus()
            return
        line = line_in(text)
        if line.problem or line.entry is None:
            why = line.problem or self.tr("begins with #, which makes it a comment")
            self.tell(self.tr("Not added: this {why}.").format(why=why))
            return
        there = self._row_of(line.entry.phrase)
        if there is None:
            self.table.append(self.tr("adding “{word}”").format(word=line.entry.phrase), [line])
            self.tell(self.tr("“{word}” added.").format(word=line.entry.phrase))
        else:
            self.view.select(there, there)
            self.tell(self.tr("“{word}” is in the list already.").format(word=line.entry.phrase))
        self.word.clear()

    def _row_of(self, phrase: str) -> int | None:
        folded = phrase.casefold()
        found = (
            row for row, line in enumerate(self.table.lines) if line.entry and line.entry.phrase.casefold() == folded
        )
        return next(found, None)

    @Slot()
    def _find(self) -> None:
        self._find_timer.stop()
        needle, which = self.search.text().strip(), self.which.currentData()
        self.table.arrange(replace(self.table.arrangement, needle=needle, which=which))
        self._show_summary()

    @Slot()
    def _go_to_find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    @Slot()
    def _leave_find(self) -> None:
        """Escape shows all words again; nothing to find any more, it leaves the field."""
        if self.search.text():
            self.search.clear()
        else:
            self.view.setFocus()

    @Slot()
    def _go_to_word(self) -> None:
        self.word.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # What is shown

    @Slot()
    def _show_selection(self) -> None:
        selected = self.view.selectionModel().hasSelection()
        self.delete.setEnabled(selected)
        at = self.view.current()
        verdict = self.table.verdicts[at] if at >= 0 else None
        self.about.setText("\n".join(verdict.sentences) if verdict else help_text(selected, self.table.lines))

    @Slot()
    def _show_undo(self) -> None:
        undo = self.table.undo
        for button, possible, name in (
            (self.undo, undo.canUndo(), self.tr("Undo {what}").format(what=undo.undoText())),
            (self.redo, undo.canRedo(), self.tr("Redo {what}").format(what=undo.redoText())),
        ):
            button.setEnabled(possible)
            button.setToolTip(name if possible else "")

    @Slot()
    def _show_summary(self) -> None:
        searching = self.search.text() or self.which.currentData() is not Which.ALL
        self.view.hint = no_rows_text(bool(searching))
        if self._told_timer.isActive():
            return
        self.status.setText(self._trouble or summary(self.table.lines, self.table.verdicts))

    @Slot()
    def _on_edited(self) -> None:
        self._show_summary()
        self._judging.ask()

    def _prepare_judging(self) -> Callable[[], tuple[Sequence[Line], Sequence[Verdict | None]]]:
        lines, judge = self.table.lines, self._judge
        return lambda: (lines, judge(WordList(lines)))

    def _on_not_judged(self, error: Exception) -> None:
        self.tell(str(error))

    @Slot(str)
    def _on_sync_failed(self, sentence: str) -> None:
        self._trouble = sentence
        if sentence:
            self.tell(sentence)
        self._show_summary()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        stand_beside(self)
        super().showEvent(event)
        self.sync.follow(True)

    def hideEvent(self, event: QHideEvent) -> None:
        self.sync.follow(False)
        super().hideEvent(event)


def _row(*parts: QWidget | None) -> QHBoxLayout:
    """Widgets in a row; None is a gap."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for part in parts:
        if part is None:
            row.addSpacing(16)
        else:
            row.addWidget(part, 1 if isinstance(part, QLineEdit) else 0)
    return row
