"""Editing in the table's cells; what cannot stand in the list is given back to whoever typed it."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.ui.words.cells import STRENGTH_NAMES, Column, header

Index = QModelIndex | QPersistentModelIndex


class WordDelegate(QStyledItemDelegate):
    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._fresh = False
        """The editor has just been made and is empty."""
        self._refused: tuple[QPersistentModelIndex, str] | None = None

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """The switch is drawn as a picture: the style's own check box has no edge that is seen on dark."""
        super().initStyleOption(option, index)
        option.features &= ~QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        """A click on the switch turns it."""
        if index.column() != Column.ON or not index.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            return super().editorEvent(event, model, option, index)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            role = Qt.ItemDataRole.CheckStateRole
            on = Qt.CheckState(index.data(role)) is Qt.CheckState.Checked
            return model.setData(index, Qt.CheckState.Unchecked if on else Qt.CheckState.Checked, role)
        return False

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        column = Column(index.column())
        editor: QWidget
        if column is Column.STRENGTH:
            editor = QComboBox(parent)
            editor.setEditable(True)
            editor.addItems(list(STRENGTH_NAMES))
            editor.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        else:
            editor = QLineEdit(parent)
        editor.setAccessibleName(str(header(column, Qt.ItemDataRole.DisplayRole)))
        self._fresh = True
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Only once: views ask for it again whenever some data changes, and what was typed would be gone."""
        if not self._fresh:
            return
        self._fresh = False
        text = str(index.data())
        if self._refused is not None and self._refused[0] == index:
            text = self._refused[1]
        self._refused = None
        _line_of(editor).setText(text)
        _line_of(editor).selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        text = _line_of(editor).text()
        if text != index.data() and not model.setData(index, text):
            self._refused = (QPersistentModelIndex(index), text)
            QTimer.singleShot(0, self._view, self._ask_again)

    def _ask_again(self) -> None:
        if self._refused is not None and self._refused[0].isValid() and self._view.isVisible():
            index = self._view.model().index(self._refused[0].row(), self._refused[0].column())
            self._view.setCurrentIndex(index)
            self._view.edit(index)


def _line_of(editor: QWidget) -> QLineEdit:
    line = editor.lineEdit() if isinstance(editor, QComboBox) else editor
    assert isinstance(line, QLineEdit)
    return line
