"""What is said of the list as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.vocabulary import Line
from app.core.word_verdict import Standing, Verdict
from app.ui.words.cells import tr


def summary(lines: Sequence[Line], verdicts: Sequence[Verdict | None]) -> str:
    """How many words there are, and how many need attention."""
    entries = sum(line.entry is not None for line in lines)
    standings = [verdict.standing for verdict in verdicts if verdict]
    grave = sum(standing in (Standing.DEAD, Standing.BROKEN) for standing in standings)
    care = standings.count(Standing.CARE)
    parts = [tr("One word") if entries == 1 else tr("{number} words").format(number=f"{entries:,}")]
    if grave:
        parts.append(tr("{number} without effect").format(number=f"{grave:,}"))
    if care:
        parts.append(tr("{number} to be careful with").format(number=f"{care:,}"))
    return ", ".join(parts)


def help_text(selected: bool, lines: Sequence[Line]) -> str:
    """Stands where the sentences about a word are, as long as none is selected."""
    if selected or not lines:
        return ""
    return tr(
        "Captions listen for these words from the moment they stand here. "
        "F2 or Enter edits a cell, Space switches words on and off."
    )


def no_rows_text(searching: bool) -> str:
    """Stands in the table where there are no rows."""
    if searching:
        return tr("Nothing found.")
    return tr("No words yet. Type a name above and press Enter, paste a list (Ctrl+V), or import one from a file.")
