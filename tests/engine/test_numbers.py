"""Numbers in figures: against NVIDIA's inverse text normalisation, and never a change of mind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text.numbers.runs import LONGEST_RUN, rewrite_numbers
from engine.types import Word

CASES = Path(__file__).parents[1] / "data" / "itn"

# Where ours differs on purpose: the recorded text is brought to our style first. Each with its reason.
_SYMBOLS = {
    "km/h": "km/h",
    '"': "inches",
    "m": "meters",
    "mi": "miles",
    "g": "grams",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ft": "feet",
    "sq ft": "square feet",
    "ha": "hectares",
    "oz": "ounces",
    "yd": "yards",
    "v": "volts",
    "W": "watts",
    "A": "amperes",
    "mb": "MB",
    "gb": "GB",
    "kb": "KB",
    "hz": "Hz",
    "mhz": "MHz",
    "ghz": "GHz",
    "mbps": "Mbps",
}
_SMALL = {"1st": "first", "2nd": "second", "3rd": "third"}


def _percent(text: str, _: str) -> str:
    return text.replace(" %", "%")  # how English sets it


def _time(text: str, spoken: str) -> str:
    text = re.sub(r"(\w+) oh 0(\d):00", lambda m: f"{_HOURS.index(m[1]) + 1}:0{m[2]}", text)  # its "oh" is broken
    text = re.sub(r"\b0(\d:)", r"\1", text)  # nobody writes 03:30 p.m.
    return text.replace(":00", " o'clock" if "o'clock" in spoken else "")  # as it was said


def _date(text: str, spoken: str) -> str:
    if not spoken.startswith("the "):
        return text
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    return re.sub(r"^\d+", lambda m: f"the {m[0]}{ending.get(int(m[0]), 'th')} of", text)  # no word is lost


def _money(text: str, _: str) -> str:
    return re.sub(r"\$0\.0?(\d+)", r"\1 cents", text)  # "24 cents" was said, not "$0.24"


def _unit(text: str, _: str) -> str:
    number, _, symbol = text.partition(" ")
    return f"{number} {_SYMBOLS.get(symbol, symbol)}"  # symbols in their proper case, everyday units as words


def _cardinal(text: str, _: str) -> str:
    return {"ten": "10", "eleven": "11", "twelve": "12"}.get(text, text)  # words end below ten


def _sentence(text: str, spoken: str) -> str:
    for figure, word in _SMALL.items():
        text = re.sub(rf"\b{figure}\b", word, text)  # "give me a second" is no 2nd
    text = re.sub(r"\bten\b", "10", text).replace(" mi ", " miles ").replace("6 ft", "six feet")
    return _percent(_time(text, spoken), spoken)


_HOURS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
STYLE: dict[str, Callable[[str, str], str]] = {
    "percent": _percent,
    "time": _time,
    "date": _date,
    "money": _money,
    "unit": _unit,
    "cardinal": _cardinal,
    "sentence": _sentence,
}


def said(text: str) -> list[Word]:
    return [Word(word, i, i + 0.5, 0.9 - i / 1000, i + 1.0) for i, word in enumerate(text.split())]


def written(text: str) -> str:
    words = said(text)
    return " ".join(item.word.text for item in rewrite_numbers(words, len(words), final=True)[0])


@pytest.mark.parametrize("kind", sorted(path.stem for path in CASES.glob("*.tsv")))
def test_what_nvidia_writes(kind: str) -> None:
    lines = (CASES / f"{kind}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    cases = [line.split("\t") for line in lines]
    style = STYLE.get(kind, lambda text, _: text)
    wrong = [
        (spoken, style(theirs, spoken), written(spoken))
        for spoken, theirs in cases
        if style(theirs, spoken) != written(spoken)
    ]
    assert len(wrong) <= 0.05 * len(cases), wrong


@pytest.mark.parametrize(
    "text",
    [
        "No one knows.",
        "one of them",
        "Give me a second, please.",
        "a hundred and fifty",
        "one tenth of it",
        "a quarter to six",
        "forty fifty people",
        "at three thirty",
        "May I come in?",
        "five minus two",
        "thirty-five-year-old men",
        "a couple of hundred",
    ],
)
def test_what_may_be_no_number_stays(text: str) -> None:
    assert written(text) == text


@pytest.mark.parametrize(
    ("spoken", "shown"),
    [
        ("Twenty-five people, (thirty one) of them men.", "25 people, (31) of them men."),
        ("On May twenty-first, nineteen ninety.", "On May 21, 1990."),
        ("It is three thirty p.m. Twenty came.", "It is 3:30 p.m. 20 came."),
        ("five dollars.", "$5."),
        ("twenty five, thirty six", "25, 36"),
    ],
)
def test_punctuation_and_capitals_survive(spoken: str, shown: str) -> None:
    assert written(spoken) == shown


def test_a_number_spans_the_words_it_was_said_with() -> None:
    (item,), _ = rewrite_numbers(said("two hundred five"), 3, final=True)
    assert (item.word.text, item.used) == ("205", 3)
    assert (item.word.start, item.word.end, item.word.emitted) == (0, 2.5, 1.0)
    assert item.word.confidence == pytest.approx(0.898)


def test_a_number_that_may_still_grow_is_shown_as_said_and_unsettled() -> None:
    def now(text: str) -> tuple[str, int]:
        items, done = rewrite_numbers(said(text), len(text.split()), final=False)
        return " ".join(item.word.text for item in items), done

    assert now("about twenty") == ("about twenty", 1)
    assert now("about twenty one") == ("about twenty one", 1)
    assert now("about twenty one people") == ("about 21 people", 3)
    assert now("about twenty one.") == ("about 21.", 2)


def test_somebody_who_counts_aloud_sees_settled_words() -> None:
    words = said("one two " * LONGEST_RUN)
    assert rewrite_numbers(words, len(words), final=False)[1] > 0


VOCABULARY = [
    "one",
    "two",
    "five",
    "ten",
    "twenty",
    "thirty-one",
    "hundred",
    "thousand",
    "million",
    "first",
    "twentieth",
    "nineteen",
    "may",
    "march",
    "point",
    "oh",
    "and",
    "of",
    "dollars",
    "cents",
    "percent",
    "o'clock",
    "p",
    "m",
    "p.m.",
    "half",
    "past",
    "to",
    "quarter",
    "a",
    "the",
    "cats",
    "minus",
    "plus",
    "kilometers",
    "per",
    "hour",
    "degrees",
    "one,",
    "twenty.",
    "(five",
    "zero",
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=40), st.lists(st.sampled_from(VOCABULARY), max_size=3))
def test_what_is_settled_stays(heard: list[str], revised: list[str]) -> None:
    """Whatever follows the settled words, and however it is revised, what was settled is what is read in the end."""
    words = said(" ".join(heard))
    end = rewrite_numbers(words, len(words), final=True)[0]
    before = 0
    for settled in range(len(words) + 1):
        # behind the settled words stands a guess that will be replaced
        guess = [*words[:settled], *said(" ".join(revised))]
        shown, done = rewrite_numbers(guess, settled, final=False)
        assert done >= before
        assert shown[:done] == end[:done]
        before = done
    assert [item.used for item in end] == sorted({item.used for item in end})
    assert not end or end[-1].used == len(words)
