"""Sessions start and end without blocking, and no word or fact is lost between them and the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.captions.plain_text import whole_text
from app.core.activity import Phase
from app.core.errors import SourceError
from app.core.events import Captioned, Failed, Lagging, SourceFinished, Stopped
from app.core.ports import SourceKind
from app.ui.live_captions import LAG_MS, LiveCaptions
from tests.helpers.talk import Talker, said
from tests.ui.conftest import MIC, SYSTEM, FakeSession, FakeSource, Stage


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


@pytest.fixture(params=["when it is looked for", "when it is opened"])
def missing(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """There is no microphone, as long as `stage.refusal` says so; how that turns out depends on the system."""
    stage.refusal = sentence = "There is no microphone: connect one."
    if request.param == "when it is opened":
        start = FakeSession.start
        monkeypatch.setattr(
            stage, "open_sources", lambda spec: stage.opened.append(spec) or [FakeSource(SourceKind.MICROPHONE)]
        )

        def refuse(session: FakeSession) -> None:
            if stage.refusal:
                session.on_event(Stopped())
                raise SourceError(stage.refusal)
            start(session)

        monkeypatch.setattr(FakeSession, "start", refuse)
    return sentence


@pytest.fixture
def waiting(qtbot: QtBot, stage: Stage, missing: str) -> Iterator[LiveCaptions]:
    """Waits for the microphone, and tries again at once."""
    live = LiveCaptions(stage.open_sources, stage.make_session, "mic")
    live._retry.setInterval(10)
    live.start()
    qtbot.waitUntil(lambda: live.activity.waiting)
    yield live
    live.stop()
    qtbot.waitUntil(lambda: live.resting)
    live.deleteLater()


def test_captions_begin_by_themselves_once_the_device_is_there(
    qtbot: QtBot, waiting: LiveCaptions, stage: Stage, missing: str
) -> None:
    qtbot.waitUntil(lambda: len(stage.opened) > 3)
    assert (waiting.activity.failure, waiting.activity.waiting) == (missing, True)
    stage.refusal = ""
    qtbot.waitUntil(lambda: listening(waiting))
    assert (waiting.activity.failure, waiting.activity.waiting) == ("", False)
    stage.session.on_event(Captioned(MIC, said("Hello there.")))
    qtbot.waitUntil(lambda: text(waiting) == "Hello there.\n")


def test_what_is_shown_keeps_still_while_a_device_is_waited_for(
    qtbot: QtBot, waiting: LiveCaptions, stage: Stage
) -> None:
    changes: list[object] = []
    waiting.activity_changed.connect(changes.append)
    opened = len(stage.opened)
    qtbot.waitUntil(lambda: len(stage.opened) > opened + 3)
    assert changes == []


def test_no_device_is_waited_for_once_captions_are_stopped(qtbot: QtBot, waiting: LiveCaptions, stage: Stage) -> None:
    waiting.stop()
    qtbot.waitUntil(lambda: waiting.resting)
    opened = len(stage.opened)
    qtbot.wait(100)
    assert len(stage.opened) == opened
    assert not waiting.activity.waiting


@pytest.mark.parametrize("stop", [True, False])
def test_a_device_that_comes_while_the_user_acts_is_opened_once(
    qtbot: QtBot, live: LiveCaptions, stage: Stage, stop: bool
) -> None:
    stage.refusal = "There is no microphone: connect one."
    live.start()
    qtbot.waitUntil(lambda: live.activity.waiting)
    stage.refusal = ""
    live._retry.setInterval(0)
    live._retry.start()
    qtbot.waitUntil(lambda: not live.resting)  # the device is being opened
    if stop:
        live.stop()
        qtbot.waitUntil(lambda: live.resting)
        assert all(session.stopped for session in stage.sessions)
        opened = len(stage.opened)
        qtbot.wait(50)
        assert len(stage.opened) == opened
    else:
        live.start()
        qtbot.waitUntil(lambda: listening(live))
        assert len(stage.sessions) == 1


def test_a_recording_that_cannot_be_read_is_not_tried_again(
    qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_session: FakeSession) -> None:
        raise SourceError("talk.wav does not exist.")

    monkeypatch.setattr(FakeSession, "start", refuse)
    monkeypatch.setattr(stage, "open_sources", lambda _: [FakeSource(SourceKind.FILE)])
    live = LiveCaptions(stage.open_sources, stage.make_session, "recording")
    live._retry.setInterval(10)
    live.start()
    qtbot.waitUntil(lambda: bool(live.activity.failure))
    qtbot.wait(50)
    assert not live.activity.waiting
    assert len(stage.sessions) == 1
    live.deleteLater()


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


def test_captions_are_said_to_be_later_and_later_while_the_engine_is_in_one_long_step(
    qtbot: QtBot, live: LiveCaptions, stage: Stage
) -> None:
    live.start()
    qtbot.waitUntil(lambda: listening(live))
    stage.session.on_event(Lagging(3.0))
    qtbot.waitUntil(lambda: live.activity.lag == 4.0)
    stage.session.on_event(Lagging(0.0))
    qtbot.waitUntil(lambda: live.activity.lag == 0.0)
    qtbot.wait(LAG_MS + 200)
    assert live.activity.lag == 0.0
