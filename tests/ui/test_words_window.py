"""The window of words to know, used as a person does: typing, keys, the clipboard, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QAccessible, QClipboard, QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.core.vocabulary import WordList, parse
from app.core.word_file import write
from app.core.word_verdict import Verdict, verdicts
from app.ui.beside import FRAME, LOWEST, TITLE, beside
from app.ui.theme import CaptionStyle
from app.ui.words.arrangement import Which
from app.ui.words.cells import Column
from app.ui.words.document import WordTable
from app.ui.words.window import WordsWindow
from engine.boosting.compile import compile_boost
from engine.boosting.pieces import Pieces

PIECES = Pieces(["▁", *"abcdefghijklmnopqrstuvwxyz"])
LIST = "# names\nKubernetes\nCaique | sounds like: kai eek | note: our product\n\nZoom | off\nkat\nx | what\n"

Open = Callable[..., WordsWindow]


def judge(words: WordList) -> Sequence[Verdict | None]:
    return verdicts(words, compile_boost(words.phrases, PIECES).report)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.txt"


@pytest.fixture
def open_words(qtbot: QtBot, path: Path) -> Open:
    def open_words(content: str | bytes = LIST) -> WordsWindow:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        words = WordsWindow(path, judge, CaptionStyle())
        qtbot.addWidget(words)
        words.show()
        qtbot.waitUntil(lambda: words.sync.saved)
        return words

    return open_words


@pytest.fixture
def clipboard(qtbot: QtBot) -> Iterator[QClipboard]:
    """Empty afterwards: the offscreen platform frees what it holds after Python has gone, and the process crashes."""
    board = QGuiApplication.clipboard()
    yield board
    board.clear()


def saved(qtbot: QtBot, words: WordsWindow, path: Path) -> str:
    qtbot.waitUntil(lambda: words.sync.saved)
    return path.read_text()


def column(words: WordsWindow, column: Column = Column.WORD) -> list[str]:
    return [str(words.table.index(row, column).data()) for row in range(words.table.rowCount())]


def go_to(words: WordsWindow, row: int, column: Column = Column.WORD) -> None:
    words.view.setFocus()
    words.view.setCurrentIndex(words.table.index(row, column))


def type_in(qtbot: QtBot, words: WordsWindow, row: int, column: Column, text: str) -> None:
    go_to(words, row, column)
    qtbot.keyClick(words.view, Qt.Key.Key_F2)
    qtbot.keyClicks(editor(words), text)
    typed = editor(words)
    with qtbot.waitSignal(typed.destroyed):
        qtbot.keyClick(typed, Qt.Key.Key_Return)


def editor(words: WordsWindow) -> QWidget:
    viewport = words.view.viewport()
    return viewport.findChild(QComboBox) or viewport.findChild(QLineEdit)


def told(words: WordsWindow) -> str:
    return words.status.text()


def test_words_stand_in_rows_and_comments_do_not(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    assert column(words) == ["Kubernetes", "Caique", "Zoom", "kat", "x | what"]
    assert column(words, Column.SOUNDS_LIKE)[1] == "kai eek"
    qtbot.waitUntil(lambda: column(words, Column.RESULT)[0] != "")
    assert column(words, Column.RESULT) == ["Works", "Works", "Off", "Very short", "Not understood"]
    assert told(words) == "4 words, 1 without effect, 1 to be careful with"
    assert path.read_text() == LIST


def test_a_word_is_added_and_goes_by_undo(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    qtbot.keyClicks(words.word, "NVIDIA Triton | strength: high")
    qtbot.keyClick(words.word, Qt.Key.Key_Return)
    assert saved(qtbot, words, path) == LIST + "NVIDIA Triton | strength: high\n"
    assert words.view.currentIndex().data() == "NVIDIA Triton" and words.word.text() == ""
    qtbot.keyClick(words, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert saved(qtbot, words, path) == LIST
    words.redo.click()
    assert column(words)[-1] == "NVIDIA Triton"


@pytest.mark.parametrize(
    ("text", "says"), [("???", "no phrase with a letter"), ("# x", "comment"), ("a | b", 'says "b"')]
)
def test_what_cannot_be_added_stays_in_the_field(qtbot: QtBot, open_words: Open, text: str, says: str) -> None:
    words = open_words()
    words.word.setText(text)
    words.add.click()
    assert says in told(words) and words.word.text() == text and len(column(words)) == 5


def test_a_word_that_is_there_is_shown_instead_of_added_again(qtbot: QtBot, open_words: Open) -> None:
    words = open_words()
    words.word.setText("caique")
    words.add.click()
    assert words.view.currentIndex().data() == "Caique" and "in the list already" in told(words)
    assert len(column(words)) == 5


def test_cells_are_edited_in_place(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    type_in(qtbot, words, 0, Column.WORD, "Kubernetes Engine")
    type_in(qtbot, words, 0, Column.STRENGTH, "2.5")
    type_in(qtbot, words, 0, Column.SOUNDS_LIKE, "cooper netties,  cuber nets")
    type_in(qtbot, words, 0, Column.NOTE, "the platform")
    line = "Kubernetes Engine | strength: 2.5 | sounds like: cooper netties, cuber nets | note: the platform"
    assert saved(qtbot, words, path) == LIST.replace("Kubernetes", line)
    for _ in range(4):
        words.undo.click()
    assert saved(qtbot, words, path) == LIST


def test_what_cannot_stand_in_a_cell_is_asked_for_again(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    type_in(qtbot, words, 1, Column.STRENGTH, "lots")
    qtbot.waitUntil(lambda: editor(words) is not None and editor(words).hasFocus())
    again = editor(words)
    assert isinstance(again, QComboBox) and again.currentText() == "lots"
    assert "none of low, normal, high, avoid" in told(words)
    qtbot.keyClick(again, Qt.Key.Key_Escape)
    assert column(words, Column.STRENGTH)[1] == "normal" and path.read_text() == LIST


def test_a_broken_line_is_mended_as_a_whole(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words(b"na\xefve\nx | strenth: high\n")
    assert column(words) == ["na\ufffdve", "x | strenth: high"]
    go_to(words, 1)
    assert "Line 2 says" in words.about.text()
    type_in(qtbot, words, 1, Column.WORD, "xylem | strength: high")
    qtbot.waitUntil(lambda: words.sync.saved)
    assert path.read_bytes() == b"na\xefve\nxylem | strength: high\n"
    assert column(words, Column.STRENGTH) == ["", "high"]


def test_many_words_are_switched_while_the_list_can_be_edited(qtbot: QtBot, open_words: Open, path: Path) -> None:
    names = [f"name {number}" for number in range(600)]
    words = open_words("\n".join(names))
    words.view.setFocus()
    words.view.selectAll()
    qtbot.keyClick(words.view, Qt.Key.Key_Space)
    assert told(words) == "600 lines are being changed…"
    words.word.setText("Caique")
    qtbot.keyClick(words.word, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: told(words) == "600 lines changed.")
    assert saved(qtbot, words, path) == "".join(f"{name} | off\n" for name in names) + "Caique\n"
    words.undo.click()
    assert saved(qtbot, words, path) == "".join(f"{name}\n" for name in [*names, "Caique"])
    qtbot.waitUntil(lambda: words.table.verdicts[0] is not None)


def test_a_long_text_is_pasted(qtbot: QtBot, open_words: Open, path: Path, clipboard: QClipboard) -> None:
    words = open_words("Caique\n")
    names = [f"name of a customer {number}" for number in range(1_000)]
    clipboard.setText("\n".join(names))
    words.view.paste()
    qtbot.waitUntil(lambda: told(words) == "1,000 lines added." or told(words) == "1000 lines added.")
    assert saved(qtbot, words, path) == "".join(f"{line}\n" for line in ["Caique", *names])
    qtbot.waitUntil(lambda: words.table.verdicts[0] is not None)


def test_painting_asks_only_about_rows_that_are_seen(
    qtbot: QtBot, open_words: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()
    flags = WordTable.flags

    def counted(table: WordTable, index: QModelIndex) -> Qt.ItemFlag:
        asked.append(index.row())
        return flags(table, index)

    monkeypatch.setattr(WordTable, "flags", counted)
    words = open_words("".join(f"name {number}\n" for number in range(2_000)))
    qtbot.waitUntil(lambda: words.table.index(0, Column.RESULT).data() == "Works")
    asked.clear()
    words.view.selectAll()
    words.view.grab()
    assert 0 < len(set(asked)) < 100


def test_words_are_switched_off_and_on_and_deleted_with_keys(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    words.view.setFocus()
    words.view.select(1, 2)
    qtbot.keyClick(words.view, Qt.Key.Key_Space)
    assert "Kubernetes | off\n" in saved(qtbot, words, path)
    qtbot.keyClick(words.view, Qt.Key.Key_Space)
    assert saved(qtbot, words, path) == LIST
    qtbot.keyClick(words.view, Qt.Key.Key_Delete)
    assert column(words) == ["Zoom", "kat", "x | what"] and "2 lines deleted" in told(words)
    assert words.view.currentIndex().data() == "Zoom"
    assert saved(qtbot, words, path) == "# names\n\nZoom | off\nkat\nx | what\n"
    words.undo.click()
    assert saved(qtbot, words, path) == LIST
    assert words.view.selected() == [1, 2]


def test_a_click_on_the_switch_turns_it(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    place = words.view.visualRect(words.table.index(2, Column.ON)).center()
    qtbot.mouseClick(words.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert "Zoom\n" in saved(qtbot, words, path)


def test_the_menu_sets_the_strength_of_all_selected_words(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    words.view.select(1, 6)
    menu = words.view.make_menu()
    strengths = menu.actions()[-1].menu()
    assert [action.text() for action in strengths.actions()] == ["low", "normal", "high", "avoid"]
    strengths.actions()[2].trigger()
    assert column(words, Column.STRENGTH) == ["high"] * 4 + [""]
    assert saved(qtbot, words, path).count("strength: high") == 4


def test_finding_and_sorting_change_only_what_is_shown(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words()
    qtbot.keyClick(words, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert words.search.hasFocus()
    qtbot.keyClicks(words.search, "KAI")
    qtbot.waitUntil(lambda: column(words) == ["Caique"])
    words.word.setText("Kainos")
    words.add.click()
    assert column(words) == ["Caique", "Kainos"]
    words.search.setText("nowhere")
    qtbot.waitUntil(lambda: column(words) == [] and words.view.hint == "Nothing found.")
    qtbot.keyClick(words.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(column(words)) == 6)
    qtbot.keyClick(words.search, Qt.Key.Key_Escape)
    assert words.view.hasFocus() and words.isVisible()
    words.view.sortByColumn(Column.WORD, Qt.SortOrder.AscendingOrder)
    assert column(words) == ["Caique", "Kainos", "kat", "Kubernetes", "x | what", "Zoom"]
    words.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert column(words) == ["Kubernetes", "Caique", "Zoom", "kat", "x | what", "Kainos"]
    words.which.setCurrentIndex(words.which.findData(Which.ATTENTION))
    qtbot.waitUntil(lambda: column(words) == ["kat", "x | what"])
    assert saved(qtbot, words, path) == LIST + "Kainos\n"


def test_lines_and_cells_are_pasted(qtbot: QtBot, clipboard: QClipboard, open_words: Open, path: Path) -> None:
    words = open_words()
    words.view.setFocus()
    clipboard.setText("Kubernetes\nCaique Pro\thigh\nOld\tky eek\toff\nodd|one\thigh\n")
    qtbot.keyClick(words.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert column(words)[5:] == ["Caique Pro", "Old", "odd|one | high"]
    assert told(words) == (
        "3 lines added. There already, and not added: 1. Not understood, and kept for you to mend: 1."
    )
    assert saved(qtbot, words, path) == (
        LIST + "Caique Pro | strength: high\nOld | sounds like: ky eek | off\nodd|one | high\n"
    )


def test_what_is_copied_can_be_pasted_here_and_in_spreadsheets(
    qtbot: QtBot, clipboard: QClipboard, open_words: Open
) -> None:
    words = open_words()
    words.view.select(2, 4)
    qtbot.keyClick(words.view, Qt.Key.Key_X, Qt.KeyboardModifier.ControlModifier)
    data = clipboard.mimeData()
    assert data.text() == "Caique | sounds like: kai eek | note: our product\nZoom | off\n"
    assert "<td>Caique</td><td>normal</td><td>kai eek</td>" in data.html()
    assert column(words) == ["Kubernetes", "kat", "x | what"]
    words.view.paste()
    assert column(words) == ["Kubernetes", "kat", "x | what", "Caique", "Zoom"]


def test_files_are_taken_in_and_given_out(qtbot: QtBot, open_words: Open, tmp_path: Path) -> None:
    words = open_words()
    other = tmp_path / "hotwords.txt"
    other.write_text("NVIDIA :3.0\nKubernetes\n")
    words.exchange.take(other)
    qtbot.waitUntil(lambda: column(words)[-1] == "NVIDIA")
    kinds = {"words only": "Kubernetes\nCaique\nkat\nNVIDIA\n", "sherpa": "Kubernetes\nCaique\nkat\nNVIDIA :3\n"}
    kinds["word list"] = LIST + "NVIDIA :3.0\n"
    for kind, content in kinds.items():
        given = tmp_path / f"{kind}.txt"
        words.exchange.give(given, next(f for f in words.exchange.kinds if f.casefold().startswith(kind)))
        qtbot.waitUntil(lambda given=given: given.exists() and str(given) in told(words))
        assert given.read_text() == content
    words.exchange.take(tmp_path / "none.txt")
    qtbot.waitUntil(lambda: "cannot be read" in told(words))


def test_edits_of_the_file_are_shown_and_merged(qtbot: QtBot, open_words: Open, path: Path) -> None:
    words = open_words("Kubernetes\nCaique\n")
    write(path, parse(b"Kubernetes\nCaique\nZoom\n"))
    qtbot.waitUntil(lambda: column(words) == ["Kubernetes", "Caique", "Zoom"])
    assert "changed elsewhere" in told(words)
    write(path, parse(b"Kubernetes | off\nCaique\nZoom\n"))
    words.word.setText("Triton")
    words.add.click()
    assert saved(qtbot, words, path) == "Kubernetes | off\nCaique\nZoom\nTriton\n"
    write(path, parse(b"Kubernetes | off\nCaique | note: theirs\nZoom\nTriton\n"))
    type_in(qtbot, words, 1, Column.NOTE, "mine")
    qtbot.waitUntil(lambda: "twice" in told(words))
    assert sorted(saved(qtbot, words, path).splitlines()) == [
        "Caique | note: mine",
        "Caique | note: theirs",
        "Kubernetes | off",
        "Triton",
        "Zoom",
    ]


def test_many_scattered_lines_are_deleted_and_brought_back(qtbot: QtBot, open_words: Open, path: Path) -> None:
    content = "".join(f"name {chr(97 + i % 26)}{chr(97 + i // 26)}\n" for i in range(200))
    words = open_words(content)
    words.table.remove("deletion", range(0, 200, 2))
    assert column(words) == content.splitlines()[1::2]
    words.undo.click()
    assert column(words) == content.splitlines() and saved(qtbot, words, path) == content


def test_everything_that_is_used_has_a_name(qtbot: QtBot, open_words: Open) -> None:
    words = open_words()
    qtbot.waitUntil(lambda: column(words, Column.RESULT)[0] != "")
    for widget in words.findChildren(QWidget):
        takes_keys = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible()
        if takes_keys and not isinstance(widget, QLabel):
            assert QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name), widget
    table = QAccessible.queryAccessibleInterface(words.view)
    cells = [table.child(number).text(QAccessible.Text.Name) for number in range(table.childCount())]
    assert {"Word or phrase", "Status", "Kubernetes", "On", "Off"} <= {*cells}
    assert any(cell.startswith('Very short. "kat" is so short') for cell in cells)


def test_the_keyboard_reaches_every_part_in_order(qtbot: QtBot, open_words: Open) -> None:
    words = open_words()
    words.view.select(1, 1)
    words.word.setFocus()
    reached: list[QWidget] = []
    while (focused := QGuiApplication.focusObject()) not in reached:
        assert isinstance(focused, QWidget)
        reached.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert reached == [words.word, words.add, words.search, words.which, words.view, words.delete, words.take,
                       words.give, words.shut]  # fmt: skip


@given(st.integers(0, 900), st.integers(100, 400), st.integers(600, 1200))
def test_the_list_stands_beside_the_captions_where_there_is_room(top: int, height: int, screen: int) -> None:
    room, captions = QRect(0, 0, 1280, screen), QRect(200, min(top, screen - height), 800, height)
    place = beside(captions, room, QSize(920, 560))
    assert room.contains(place) and place.top() >= TITLE and place.width() == 920
    if max(captions.top() - FRAME, room.bottom() - captions.bottom()) - TITLE >= LOWEST:
        assert not place.intersects(captions) and place.height() >= LOWEST
