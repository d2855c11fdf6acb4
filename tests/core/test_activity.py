"""The facts of the status line follow from the events of a session."""

from __future__ import annotations

from app.core.activity import Activity, Phase
from app.core.events import (
    Captioned,
    DeviceLost,
    Failed,
    Lagging,
    Level,
    Listening,
    NoSound,
    SessionEvent,
    SoundBack,
    SourceFinished,
    Stopped,
)
from app.core.ports import SourceKind
from tests.helpers.talk import said

MIC = SourceKind.MICROPHONE


def after(*events: SessionEvent) -> Activity:
    activity = Activity(phase=Phase.LISTENING, model="M")
    for event in events:
        activity = activity.apply(event)
    return activity


def test_a_device_that_comes_back_is_not_lost_any_more() -> None:
    activity = after(Listening(MIC, "USB"), DeviceLost(MIC, "USB", "USB went away."))
    assert activity.lost == {MIC: "USB went away."}
    assert activity.devices == {}
    activity = activity.apply(Listening(MIC, "Built-in"))
    assert (activity.lost, activity.devices) == ({}, {MIC: "Built-in"})


def test_no_sound_lasts_until_there_is_sound_or_another_device() -> None:
    silent = after(Listening(MIC, "USB"), NoSound(MIC, "USB", 5.0))
    assert silent.silent == {MIC: "USB"}
    assert silent.apply(SoundBack(MIC)).silent == {}
    assert silent.apply(Listening(MIC, "Built-in")).silent == {}


def test_delay_is_how_long_words_took_to_appear() -> None:
    activity = after(Captioned(MIC, said("each word half a second")))
    assert activity.delay is not None
    assert abs(activity.delay - 0.5) < 1e-6


def test_a_file_that_ended_is_over_and_a_source_that_gave_up_says_why() -> None:
    assert after(SourceFinished(SourceKind.FILE)).over
    broken = after(SourceFinished(MIC, "The microphone is gone."))
    assert not broken.over
    assert (broken.gone, broken.lost) == ({MIC: "The microphone is gone."}, {})


def test_levels_change_no_fact() -> None:
    activity = after()
    assert activity.apply(Level(MIC, 0.4)) is activity
    assert activity.apply(Stopped()) is activity


def test_a_new_start_forgets_old_troubles_and_keeps_the_model() -> None:
    activity = after(Lagging(4.0), Failed("No."), NoSound(MIC, "USB", 5.0)).starting()
    assert activity == Activity(phase=Phase.STARTING, model="M")
