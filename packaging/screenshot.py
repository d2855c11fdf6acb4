"""Makes docs/overlay.png: the window while it captions the bundled recording, on a quiet background.

    python packaging/screenshot.py [SECONDS] [FILE]

The recording runs in real time through the real engine; after SECONDS the picture is taken, at the next
moment when all lines are used, some words may still change, and captions keep up.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QPointF, QTimer
from PySide6.QtGui import QColor, QImage, QPainter

from app import bootstrap
from app.core.catalogue import demo_recording

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 800
"""Of the window, in pixels at a scale of one."""
BORDER = 28
BACKGROUND = "#c9d9e5"
LOOK_EVERY_MS = 40


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 12.0
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "overlay.png"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_SCALE_FACTOR", "2")
    with demo_recording() as recording, tempfile.TemporaryDirectory() as home:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            os.environ[name] = home  # the picture shows the program as it comes
        application = bootstrap.make_application()
        program = bootstrap.Program(recording)
        program.window.resize(WIDTH, program.window.height())
        program.window.show()
        program.start()
        taken: list[QImage] = []

        def look() -> None:
            view, status = program.window.view, program.window.strip.status.line
            lines = view.visible_lines
            full = len(lines) == view.rows and bool(lines[-1].settled and lines[-1].tail)
            if full and not status.warning and not program.live.activity.hurry and not taken:
                taken.append(program.window.grab().toImage())
                program.window.close()

        timer = QTimer(interval=LOOK_EVERY_MS)
        timer.timeout.connect(look)
        QTimer.singleShot(round(seconds * 1000), timer.start)
        program.live.rested.connect(program.window.close)
        application.exec()
        program.end()
    if not taken:
        print("The recording was over before the picture could be taken; give fewer seconds.", file=sys.stderr)
        return 1
    on_background(taken[0]).save(str(target))
    print(f"{target}: {target.stat().st_size // 1000} kB")
    return 0


def on_background(window: QImage) -> QImage:
    scale = window.devicePixelRatio()
    picture = QImage(
        window.width() + round(2 * BORDER * scale),
        window.height() + round(2 * BORDER * scale),
        QImage.Format.Format_RGB32,
    )
    painter = QPainter(picture)
    painter.fillRect(picture.rect(), QColor(BACKGROUND))
    window.setDevicePixelRatio(1.0)
    painter.drawImage(QPointF(BORDER * scale, BORDER * scale), window)
    painter.end()
    return picture


if __name__ == "__main__":
    sys.exit(main())
