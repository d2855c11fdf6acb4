"""What a window shows of its drafts, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.models.window_encoder import Reencoder
from engine.types import Token
from engine.window import Window


def tokens(text: str) -> list[Token]:
    return [Token(ord(letter), f"\u2581{letter}", float(k), 0.9) for k, letter in enumerate(text)]


def text(found: Sequence[Token]) -> str:
    return "".join(chr(token.id) for token in found)


@pytest.fixture
def window() -> Window:
    return Window(
        encoder=Reencoder(lambda samples: samples[:, None]),
        start=0,
        end=0,
        spoken_from=0,
        spoken_until=0,
        decoded=0,
        voiced_blocks=0,
        earliest=0.0,
    )


def passes(window: Window, *drafts: str, shown_after: int = 1, keep: bool = False) -> list[str]:
    """What is shown after each pass."""
    shown = []
    for draft in drafts:
        window.redraft(tokens(draft))
        window.show(shown_after, keep=keep)
        shown.append(text(window.shown))
    return shown


def test_at_once_all_that_is_found_is_shown(window: Window) -> None:
    assert passes(window, "ab", "abc", "axc", "a", "") == ["ab", "abc", "axc", "a", ""]


def test_what_two_passes_agree_on_is_shown_a_pass_later(window: Window) -> None:
    assert passes(window, "ab", "abc", "axc", "axcd", shown_after=2) == ["", "ab", "a", "axc"]


def test_what_is_shown_may_be_kept_until_it_only_grows(window: Window) -> None:
    assert passes(window, "ab", "abc", "axc", "abcd", keep=True) == ["ab", "abc", "abc", "abcd"]
    assert text(window.guess) == "abcd"
    assert passes(window, "a", keep=True) == ["abcd"]
    assert text(window.guess) == "abcd"  # the next pass asks again after what is shown


def test_what_settles_is_what_was_found_whatever_is_shown(window: Window) -> None:
    passes(window, "ab", "axc", keep=True)
    assert text(window.shown) == "ab"
    assert text(window.settle(1)) == "a"
    assert (text(window.prefix), text(window.draft), text(window.shown)) == ("a", "xc", "b")
    assert text(window.settle(1)) == "x"
    assert (text(window.prefix), text(window.draft), text(window.shown)) == ("ax", "c", "")


def test_how_often_a_token_was_found_in_a_row_is_remembered_when_others_settle(window: Window) -> None:
    passes(window, "abc", "abd", "abd")
    window.settle(1)
    assert [text(window.agreed(count)) for count in (1, 2, 3, 4)] == ["bd", "bd", "b", ""]


def test_sound_joins_at_the_end_and_leaves_at_the_start(window: Window) -> None:
    window.extend(np.arange(100, dtype=np.float32))
    window.prefix += tokens("abc")
    window.move_start(40, 2)
    assert (window.start, window.end, text(window.prefix)) == (40, 100, "c")
    assert window.frames(100)[:, 0].tolist() == list(range(40, 100))
