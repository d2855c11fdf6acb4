"""Makes docs/words.png: the list of words to know, judged by the model that comes with the program.

python packaging/words_screenshot.py [FILE]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QTimer

from app import bootstrap
from app.core import models
from app.core.word_verdict import verdicts
from app.ui.theme import CaptionStyle
from app.ui.words.window import WordsWindow

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 860, 444
"""In pixels at a scale of one."""
LOOK_EVERY_MS = 100
SHOWN = 4
"""The line that is selected."""
LIST = """\
# our products and people
Kubernetes
Caique | sounds like: kai eek, ky eek | note: our product
NVIDIA Triton | strength: high
Ana | note: Ana Lovelace, support
Shaun | strength: avoid
Old Project | off | note: renamed in May
Łukasz Żak | sounds like: wookash zhak
Triton | strenth: high
"""


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "words.png"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_SCALE_FACTOR", "2")
    application = bootstrap.make_application()
    recognizer = models.load(None, None, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "words.txt")
        path.write_text(LIST, encoding="utf-8")
        window = WordsWindow(
            path, lambda words: verdicts(words, recognizer.compile(words.phrases).report), CaptionStyle()
        )
        window.resize(WIDTH, HEIGHT)
        window.show()

        def look() -> None:
            if all(
                verdict for verdict, line in zip(window.table.verdicts, window.table.lines, strict=True) if line.entry
            ):
                window.view.select(SHOWN, SHOWN)
                window.grab().toImage().save(str(target))
                application.quit()

        timer = QTimer(interval=LOOK_EVERY_MS)
        timer.timeout.connect(look)
        QTimer.singleShot(10 * LOOK_EVERY_MS, timer.start)
        application.exec()
    print(f"{target}: {target.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
