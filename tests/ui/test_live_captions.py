"""Sessions start and end without blocking, and no word or fact is lost between them and the window."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.captions.plain_text import whole_text
from app.core.activity import Phase
from app.core.events import Captioned, Failed, SourceFinished, Stopped
from app.ui.live_captions import LiveCaptions
from tests.helpers.talk import Talker, said
from tests.ui.conftest import MIC, SYSTEM, Stage


def text(live: LiveCaptions) -> str:
    return whole_text(live.captions, str)


def listening(live: LiveCaptions) -> bool:
    return live.activity.phase is Phase.LISTENING


def test_words_reach_the_text(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    with qtbot.waitSignal(live.captions_changed):
        stage.session.on_event(Captioned(MIC, said("Hello there.")))
    assert text(live) == "Hello there.\n"
    assert live.activity.devices == {MIC: "Built-in microphone"}


def test_stopping_waits_for_the_last_words(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    stage.session.last_words.append(Captioned(MIC, said("The end.")))
    with qtbot.waitSignal(live.rested):
        live.stop()
        assert live.activity.phase is Phase.FINISHING
    assert text(live) == "The end.\n"
    assert live.resting


def test_stopping_while_a_device_opens_is_kept_in_mind(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    with qtbot.waitSignal(live.rested):
        live.stop()
    assert live.resting
    assert all(session.stopped for session in stage.sessions)


def test_a_device_that_cannot_be_opened_is_one_sentence(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    stage.refusal = "There is no microphone: connect one."
    live.start()
    qtbot.waitUntil(lambda: live.resting)
    assert live.activity.failure == stage.refusal
    stage.refusal = ""
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    assert live.activity.failure == ""


def test_another_source_starts_after_the_old_one_has_ended(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    stage.session.on_event(Captioned(MIC, Talker().partial(["Before"], [])))
    live.set_source("both")
    qtbot.waitUntil(lambda: len(stage.sessions) == 2 and listening(live))
    assert stage.opened == ["mic", "both"]
    assert stage.sessions[0].stopped
    stage.session.on_event(Captioned(SYSTEM, said("After.")))
    qtbot.waitUntil(lambda: text(live) == "Before\nsystem: After.\n")


def test_two_changes_of_source_in_a_row_end_with_the_last(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    live.set_source("both")
    live.set_source("system")
    qtbot.waitUntil(lambda: listening(live) and stage.opened[-1] == "system")
    assert sum(not session.stopped for session in stage.sessions) == 1


def test_a_recording_that_is_over_rests(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    stage.session.on_event(SourceFinished(MIC))
    stage.session.on_event(Stopped())
    qtbot.waitUntil(lambda: live.resting)
    assert live.activity.over


def test_why_captions_stopped_is_still_told_afterwards(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    for event, reason in (
        (SourceFinished(MIC, "It is gone."), "It is gone."),
        (Failed("Broken model."), "Broken model."),
    ):
        live.start()
        qtbot.waitUntil(lambda: listening(live))
        stage.session.on_event(event)
        stage.session.on_event(Stopped())
        qtbot.waitUntil(lambda: live.resting)
        assert live.activity.failure == reason


def test_toggling_pauses_and_goes_on(qtbot: QtBot, live: LiveCaptions, stage: Stage) -> None:
    live.toggle()
    qtbot.waitUntil(lambda: listening(live))
    live.toggle()
    qtbot.waitUntil(lambda: live.resting)
    live.toggle()
    qtbot.waitUntil(lambda: listening(live))
    assert len(stage.sessions) == 2


def test_going_on_while_the_last_words_are_captioned_starts_afterwards(
    qtbot: QtBot, live: LiveCaptions, stage: Stage
) -> None:
    stage.patient = True
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    live.stop()
    live.toggle()
    stage.end()
    qtbot.waitUntil(lambda: len(stage.sessions) == 2 and listening(live))
