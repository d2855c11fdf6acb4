"""Puts what the program is doing into words for its user: one line, the most pressing fact first."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core.activity import Activity, Phase
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
    trouble = _trouble(activity)
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
    """What stands in the place of captions before there are any; trouble is told here too, in larger letters."""
    if activity.phase is Phase.FINISHING:
        return ""
    if activity.failure:
        advice = tr("Press Space to try again, or choose another source or model in the menu.")
        if activity.waiting:
            advice = tr("Captions begin by themselves as soon as that is possible.")
        return f"{activity.failure}\n{advice}"
    if activity.phase is Phase.PAUSED:
        return tr("Press Space to start.")
    if _trouble(activity):
        return _trouble(activity)
    if not activity.model:
        return tr("Getting ready. What is said now is kept and will be captioned.")
    for kind, device in activity.silent.items():
        return _silence(kind, device).text
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


def speaker_names() -> dict[str, str]:
    """Of every speaker there can be; unlike the function, threads may use it."""
    return {str(kind): speaker_name(kind) for kind in SourceKind}


def _trouble(activity: Activity) -> str:
    """Why there are no captions, of all sources or of one; a device that went away comes back by itself."""
    if activity.failure:
        return activity.failure
    for reason in activity.lost.values():
        return tr("{reason} Captions go on as soon as there is sound again.").format(reason=reason)
    return next(iter(activity.gone.values()), "")


def _listening(activity: Activity) -> StatusLine:
    if activity.lag >= SHOWN_LAG:
        late = tr("Captions are {seconds} s behind.").format(seconds=f"{activity.lag:.1f}")
        return StatusLine(f"{late} {_effort(activity)}".rstrip(), warning=True)
    if not activity.model:
        return StatusLine(tr("Loading the model…"))
    for kind, device in activity.silent.items():
        return _silence(kind, device)
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
    match activity.hurry:
        case 0:
            return ""
        case 1:
            return tr("This computer is busy, so captions are simpler.")
        case _:
            return tr("This computer is very busy, so captions come late.")


def _devices(activity: Activity) -> str:
    names = [activity.devices[kind] for kind in SourceKind if kind in activity.devices]
    if len(names) == 1:
        return names[0]
    return tr("{first} and {second}").format(first=names[0], second=names[1])


def _silence(kind: SourceKind, device: str) -> StatusLine:
    if kind is SourceKind.MICROPHONE:
        return StatusLine(tr("No sound from {device}. Is it muted?").format(device=device), warning=True)
    return StatusLine(tr("Nothing is playing on {device}.").format(device=device))
