"""Puts what the program is doing into words for its user: one line, the most pressing fact first."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core.activity import Activity, Phase, Silent
from app.core.ports import SourceKind

SHOWN_LAG = 1.0
"""Seconds behind from which on being behind is the most pressing fact."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    text: str
    warning: bool = False
    """Something needs the user, or captions are not what they should be."""


def tr(text: str, comment: str = "") -> str:
    return QCoreApplication.translate("Status", text, comment)


def status_line(activity: Activity, notice: StatusLine | None = None) -> StatusLine:
    """`notice`: a passing remark that is shown instead while captions are well."""
    trouble = activity.failure or next(iter(activity.lost.values()), "")
    if trouble:
        return StatusLine(trouble, warning=True)
    if notice:
        return notice
    match activity.phase:
        case Phase.PAUSED if activity.over:
            return StatusLine(tr("The recording is over."))
        case Phase.PAUSED:
            return StatusLine(tr("Paused. Nothing is captured."))
        case Phase.FINISHING:
            return StatusLine(tr("Captioning the last words…"))
        case Phase.STARTING | Phase.LISTENING:
            return _listening(activity)


def hint(activity: Activity) -> str:
    """What stands in the place of captions before there are any."""
    if activity.phase is Phase.FINISHING:
        return ""
    if activity.failure:
        return tr("Press Space to try again, or choose another source below.")
    if activity.phase is Phase.PAUSED:
        return tr("Press Space to start.")
    if not activity.model:
        return tr("Getting ready. What is said now is kept and will be captioned.")
    return tr("Words will appear here as they are spoken.")


def speaker_name(speaker: str) -> str:
    """How captions name whose words they are."""
    match speaker:
        case SourceKind.MICROPHONE:
            return tr("You", "the person at the microphone")
        case SourceKind.SYSTEM:
            return tr("Computer", "what the computer plays")
        case _:
            return tr("Recording")


def _listening(activity: Activity) -> StatusLine:
    if activity.lag >= SHOWN_LAG:
        late = tr("Captions are {seconds} s behind.").format(seconds=f"{activity.lag:.1f}")
        return StatusLine(f"{late} {_effort(activity)}".rstrip(), warning=True)
    if not activity.model:
        return StatusLine(tr("Loading the model…"))
    for kind, silent in activity.silent.items():
        return _silence(kind, silent)
    if not activity.devices:
        return StatusLine(tr("Opening the sound device…"))
    doing = tr("Captioning {device}") if SourceKind.FILE in activity.devices else tr("Listening to {device}")
    parts = [doing.format(device=_devices(activity)), activity.model]
    if activity.delay is not None:
        behind = tr("{seconds} s behind").format(seconds=f"{activity.delay:.1f}")
        parts.append(behind.replace(" ", "\u00a0"))
    if _effort(activity):
        parts.append(_effort(activity))
    return StatusLine(" · ".join(parts))


def _effort(activity: Activity) -> str:
    """What a machine that cannot keep up means for the captions."""
    if activity.effort.lighter:
        return tr("This computer is busy, so a lighter model captions.")
    if activity.effort.hurried:
        return tr("This computer is busy, so captions are simpler.")
    return ""


def _devices(activity: Activity) -> str:
    names = [activity.devices[kind] for kind in SourceKind if kind in activity.devices]
    if len(names) == 1:
        return names[0]
    return tr("{first} and {second}").format(first=names[0], second=names[1])


def _silence(kind: SourceKind, silent: Silent) -> StatusLine:
    seconds = f"{silent.seconds:.0f}"
    if kind is SourceKind.MICROPHONE:
        sentence = tr("No sound from {device} for {seconds} s. Is it muted?")
        return StatusLine(sentence.format(device=silent.device, seconds=seconds), warning=True)
    sentence = tr("Nothing has played on {device} for {seconds} s.")
    return StatusLine(sentence.format(device=silent.device, seconds=seconds))
