"""Moves and resizes a window without a frame: drag it anywhere, drag its edges, or use Alt and the arrow keys.

The window system does the dragging where it can (it knows about snapping and other screens); where it
cannot, as on macOS for edges, the window follows the pointer itself. A click is no drag: a window system that
is told to drag when the button is up already would wait for its release, and keep the keyboard to itself.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

EDGE = 8
"""Pixels along each side that resize."""
CORNER = 24
"""Pixels from each corner that resize in both directions."""
KEY_STEP = 20

_STEPS = {
    Qt.Key.Key_Left: QPoint(-KEY_STEP, 0),
    Qt.Key.Key_Right: QPoint(KEY_STEP, 0),
    Qt.Key.Key_Up: QPoint(0, -KEY_STEP),
    Qt.Key.Key_Down: QPoint(0, KEY_STEP),
}


class WindowFrame(QObject):
    """Watches the window's own events; widgets in it pass on presses they do not use."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._pressed: tuple[QPoint, QRect, Qt.Edge] | None = None
        """Where on the screen the button went down, the window then, and the sides that it took hold of."""
        self._following = False
        """The window follows the pointer, since the window system does not do it."""
        window.setMouseTracking(True)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        match event.type():
            case QEvent.Type.MouseButtonPress if isinstance(event, QMouseEvent):
                return self._press(event)
            case QEvent.Type.MouseMove if isinstance(event, QMouseEvent):
                return self._move(event)
            case QEvent.Type.MouseButtonRelease:
                self._pressed = None
                return False
            case QEvent.Type.KeyPress if isinstance(event, QKeyEvent):
                return self._key(event)
        return False

    def edges_at(self, at: QPoint) -> Qt.Edge:
        """The sides that a press here takes hold of; none in the middle."""
        width, height = self._window.width(), self._window.height()
        near_x, near_y = min(at.x(), width - 1 - at.x()), min(at.y(), height - 1 - at.y())
        edges = Qt.Edge(0)
        if min(near_x, near_y) >= EDGE:
            return edges
        if near_x < EDGE or near_x < CORNER:
            edges |= Qt.Edge.LeftEdge if at.x() < width / 2 else Qt.Edge.RightEdge
        if near_y < EDGE or near_y < CORNER:
            edges |= Qt.Edge.TopEdge if at.y() < height / 2 else Qt.Edge.BottomEdge
        return edges

    def _press(self, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        edges = self.edges_at(event.position().toPoint())
        self._pressed = (event.globalPosition().toPoint(), self._window.geometry(), edges)
        self._following = False
        return True

    def _move(self, event: QMouseEvent) -> bool:
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            self._window.setCursor(_cursor(self.edges_at(event.position().toPoint())))
            return False
        start, geometry, edges = self._pressed
        by = event.globalPosition().toPoint() - start
        if not self._following and by.manhattanLength() >= QApplication.startDragDistance():
            self._begin(edges)
        if self._following:
            self._apply(geometry, edges, by)
        return True

    def _begin(self, edges: Qt.Edge) -> None:
        """Resize by these sides, or move when there are none."""
        handle = self._window.windowHandle()
        if handle is not None and (handle.startSystemResize(edges) if edges else handle.startSystemMove()):
            self._pressed = None
        else:
            self._following = True

    def _key(self, event: QKeyEvent) -> bool:
        step = _STEPS.get(Qt.Key(event.key()))
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if step is None or held not in (
            Qt.KeyboardModifier.AltModifier,
            Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier,
        ):
            return False
        resize = bool(held & Qt.KeyboardModifier.ShiftModifier)
        edges = Qt.Edge.RightEdge | Qt.Edge.BottomEdge if resize else Qt.Edge(0)
        self._apply(self._window.geometry(), edges, step)
        return True

    def _apply(self, before: QRect, edges: Qt.Edge, by: QPoint) -> None:
        if not edges:
            self._window.move(before.topLeft() + by)
            return
        smallest = self._window.minimumSize()
        after = QRect(before)
        if edges & Qt.Edge.LeftEdge:
            after.setLeft(min(before.left() + by.x(), before.right() + 1 - smallest.width()))
        if edges & Qt.Edge.RightEdge:
            after.setRight(max(before.right() + by.x(), before.left() - 1 + smallest.width()))
        if edges & Qt.Edge.TopEdge:
            after.setTop(min(before.top() + by.y(), before.bottom() + 1 - smallest.height()))
        if edges & Qt.Edge.BottomEdge:
            after.setBottom(max(before.bottom() + by.y(), before.top() - 1 + smallest.height()))
        self._window.setGeometry(after)


def _cursor(edges: Qt.Edge) -> Qt.CursorShape:
    if edges in (Qt.Edge.LeftEdge | Qt.Edge.TopEdge, Qt.Edge.RightEdge | Qt.Edge.BottomEdge):
        return Qt.CursorShape.SizeFDiagCursor
    if edges in (Qt.Edge.RightEdge | Qt.Edge.TopEdge, Qt.Edge.LeftEdge | Qt.Edge.BottomEdge):
        return Qt.CursorShape.SizeBDiagCursor
    if edges & (Qt.Edge.LeftEdge | Qt.Edge.RightEdge):
        return Qt.CursorShape.SizeHorCursor
    if edges & (Qt.Edge.TopEdge | Qt.Edge.BottomEdge):
        return Qt.CursorShape.SizeVerCursor
    return Qt.CursorShape.ArrowCursor
