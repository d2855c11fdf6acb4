"""The text: settled words stay, speakers keep apart, nothing is lost at clears and restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.captions.model import PARAGRAPH_PAUSE, CaptionState
from app.captions.plain_text import whole_text
from engine.types import Partial, Silence, Word
from tests.helpers.talk import Talker, said


def names(speaker: str) -> str:
    return {"mic": "You", "system": "Computer"}[speaker]


def settled_words(state: CaptionState) -> list[str]:
    return [word for turn in state.turns for word in turn.words]


def test_settled_words_come_first_and_the_tail_behind_them() -> None:
    state = CaptionState().apply("mic", Talker().partial(["Good", "morning"], ["every"]))
    assert [(turn.words, turn.tail) for turn in state.turns] == [(("Good", "morning"), ("every",))]


def test_a_final_leaves_no_tail() -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(["Good"], ["mourning"]))
    state = state.apply("mic", talker.final(["morning."]))
    assert whole_text(state, names) == "Good morning.\n"
    assert state.present == ()


def test_silence_changes_nothing() -> None:
    state = CaptionState().apply("mic", said("Hello."))
    assert state.apply("mic", Silence(1.0, 2.0)) is state


def test_the_same_speaker_goes_on_in_the_same_paragraph_unless_there_was_a_pause() -> None:
    talker = Talker()
    state = CaptionState()
    for update in (talker.final(["One."], 0.5), talker.final(["Two."], PARAGRAPH_PAUSE), talker.final(["Three."])):
        state = state.apply("mic", update)
    assert whole_text(state, names) == "One. Two.\nThree.\n"


def test_each_change_of_speaker_is_labelled() -> None:
    you, computer = Talker(), Talker()
    state = CaptionState(named=True)
    for speaker, update in (
        ("system", computer.final(["Can", "you", "see", "it?"], 0.1)),
        ("mic", you.final(["Yes."])),
        ("system", computer.final(["Good."], 0.1)),
        ("system", computer.final(["Next."])),
    ):
        state = state.apply(speaker, update)
    assert whole_text(state, names) == "Computer: Can you see it?\nYou: Yes.\nComputer: Good. Next.\n"


def test_two_who_speak_at_once_keep_their_own_turns() -> None:
    you, computer = Talker(), Talker()
    state = CaptionState(named=True)
    state = state.apply("system", computer.partial(["We", "went"], []))
    state = state.apply("mic", you.partial(["I"], ["see"]))
    state = state.apply("system", computer.partial(["through"], ["all"]))
    state = state.apply("system", computer.final(["all", "tickets."]))
    state = state.apply("mic", you.final(["see."]))
    assert whole_text(state, names) == "Computer: We went through all tickets.\nYou: I see.\n"


def test_who_goes_on_after_an_interjection_goes_on_below_it() -> None:
    you, computer = Talker(), Talker()
    state = CaptionState(named=True)
    state = state.apply("system", computer.partial(["So", "we"], ["wen"]))
    state = state.apply("mic", you.final(["Yeah."]))
    state = state.apply("system", computer.partial(["went"], ["on"]))
    state = state.apply("system", computer.final(["on."]))
    assert whole_text(state, names) == "Computer: So we went\nYou: Yeah.\nComputer: on.\n"


def test_a_false_start_leaves_nothing_behind() -> None:
    talker = Talker()
    state = CaptionState().apply("mic", said("Before.")).cleared()
    state = state.apply("mic", talker.partial([], ["uh"])).apply("mic", talker.final([]))
    state = state.apply("mic", talker.final(["After."]))
    assert [(turn.words, turn.continues) for turn in state.turns] == [(("Before.",), False), (("After.",), False)]


def test_clearing_in_the_middle_of_an_utterance_repeats_and_loses_no_word() -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(["one", "two"], ["tree"])).cleared()
    state = state.apply("mic", talker.partial([], ["three"]))
    assert [(turn.words, turn.tail, turn.continues) for turn in state.turns] == [
        (("one", "two"), (), False),
        ((), ("three",), False),
    ]
    state = state.apply("mic", talker.final(["three", "four"]))
    assert settled_words(state) == ["one", "two", "three", "four"]


def test_clearing_twice_repeats_no_word() -> None:
    talker = Talker()
    state = CaptionState().apply("mic", talker.partial(["one"], [])).cleared().cleared()
    assert settled_words(state.apply("mic", talker.final(["two"]))) == ["one", "two"]


def test_what_stood_in_the_tail_when_a_session_broke_off_is_kept() -> None:
    state = CaptionState().apply("mic", Talker().partial(["half"], ["a", "sentence"])).ended(named=False)
    state = state.apply("mic", said("New session."))
    assert whole_text(state, names) == "half a sentence\nNew session.\n"


def test_an_utterance_that_was_never_finished_gives_way_to_the_next() -> None:
    word = Word("one", 0.0, 0.3, 0.9, 0.8)
    state = CaptionState().apply("mic", Partial(0, (word,), 1, 0.3)).apply("mic", Partial(1, (word, word), 1, 1.0))
    assert settled_words(state) == ["one", "one"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["mic", "system"]), st.lists(st.text("abc", min_size=1), max_size=6), st.integers(0, 6)
        )
    )
)
def test_settled_words_stay_even_if_an_engine_takes_them_back(updates: list[tuple[str, list[str], int]]) -> None:
    state = CaptionState(named=True)
    shown: dict[str, list[str]] = {"mic": [], "system": []}
    for speaker, texts, settled in updates:
        words = tuple(Word(text, i, i + 1.0, 1.0, i + 1.0) for i, text in enumerate(texts))
        state = state.apply(speaker, Partial(0, words, min(settled, len(words)), 9.0))
        for who in shown:
            now = [word for turn in state.turns if turn.speaker == who for word in turn.words]
            assert now[: len(shown[who])] == shown[who]
            shown[who] = now
