"""The grammar: how a run of number words is written. Each rule begins at a place and takes what it can, or nothing.

Conservative: what may be no number, or a small one, stays as it was said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.text.numbers.cardinals import Number, below_hundred, cardinal, ordinal, suffix
from engine.text.numbers.lexicon import (
    CARDINALS,
    CURRENCIES,
    DECADES,
    DIGITS,
    HALVES_OF_DAY,
    MONTHS,
    ONE_OF_CURRENCY,
    ORDINALS,
    SCALES,
    TEENS,
    UNITS,
)

SMALLEST_IN_FIGURES = 10
"""Below it a number stays a word, unless something is counted or measured with it."""
FEWEST_DIGITS = 7
"""Digits said one by one are a telephone number from here on."""


class Written(NamedTuple):
    """One shown word in place of the words up to `end`; None: they stay as they were said."""

    text: str | None
    end: int


Rule = Callable[[Sequence[str], int], list[Written]]


def write(words: Sequence[str], before: str) -> list[Written]:
    """How a run is written, in order and without gaps. `before`: the word ahead of the run, "" for none."""
    out: list[Written] = []
    at = 0
    while at < len(words):
        ahead = words[at - 1] if at else before
        found = _kept(words, at, ahead) or next(filter(None, (rule(words, at) for rule in _RULES)), [])
        out += found or [Written(None, at + 1)]
        at = out[-1].end
    return out


def _kept(words: Sequence[str], at: int, ahead: str) -> list[Written]:
    """What must stay words: "a hundred and fifty", "a tenth", "one tenth", "five minus two", "a quarter to six"."""
    word = words[at]
    if word == "hundred" or word in SCALES:
        rest = cardinal(words, at + 2 if words[at + 1 : at + 2] == ["and"] else at + 1)
        return _as_said(at, rest.end if rest else at + 1)
    counted = word in ORDINALS and (ahead in CARDINALS or ahead in ("a", "an"))
    difference = word == "minus" and ahead in CARDINALS
    if counted or difference:
        return _as_said(at, at + 1)
    if word == "quarter" and ahead == "a" and words[at + 1 : at + 2] in (["to"], ["past"]):
        return _as_said(at, min(at + 3, len(words)))
    return []


def _date(words: Sequence[str], at: int) -> list[Written]:
    """ "may sixth", "the sixth of may"."""
    if words[at] in MONTHS:
        day = ordinal(words, at + 1)
        return [Written(None, at + 1), Written(str(day.value), day.end)] if day and 0 < day.value < 32 else []
    day = ordinal(words, at)
    if day and 0 < day.value < 32 and words[day.end : day.end + 1] == ["of"] and _at(words, day.end + 1) in MONTHS:
        return [Written(_nth(day), day.end), *_as_said(day.end, day.end + 2)]
    return []


def _clock(words: Sequence[str], at: int) -> list[Written]:
    """ "three thirty p m", "ten o'clock", "half past two"."""
    if words[at] in ("half", "quarter"):
        return _fraction_of_hour(words, at)
    hour = below_hundred(words, at)
    if not hour or not 0 < hour.value <= 12:
        return []
    if _at(words, hour.end) == "o'clock":
        return [Written(str(hour.value), hour.end), *_as_said(hour.end, hour.end + 1)]
    minute = _two_digits(words, hour.end)
    if minute and minute.value > 59:
        return []
    end = minute.end if minute else hour.end
    for said, half in HALVES_OF_DAY.items():
        if tuple(words[end : end + len(said)]) == said:
            time = f"{hour.value}:{minute.value:02}" if minute else str(hour.value)
            return [Written(time, end), Written(half, end + len(said))]
    return []


def _fraction_of_hour(words: Sequence[str], at: int) -> list[Written]:
    link, hour = _at(words, at + 1), below_hundred(words, at + 2)
    if not hour or not 0 < hour.value <= 12 or link not in (("past",) if words[at] == "half" else ("past", "to")):
        return []
    if link == "to":
        return [Written(f"{hour.value - 1 or 12}:45", hour.end)]
    return [Written(f"{hour.value}:{30 if words[at] == 'half' else 15}", hour.end)]


def _telephone(words: Sequence[str], at: int) -> list[Written]:
    if words[at] == "plus" and _at(words, at + 1) == "one":
        number = _telephone(words, at + 2) if at + 2 < len(words) else []
        return [Written("+1", at + 2), *number] if number else []
    digits, end = _digits(words, at)
    if words[at] == "oh" or len(digits) < FEWEST_DIGITS:
        return []
    ten = len(digits) == 10
    return [Written(f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if ten else digits, end)]


def _year(words: Sequence[str], at: int) -> list[Written]:
    """ "nineteen eighty four", "twenty oh nine", "the nineteen eighties"."""
    century = 20 if words[at] == "twenty" else TEENS.get(words[at], 0)
    if century < 13:
        return []
    decade = DECADES.get(_at(words, at + 1))
    if decade is not None:
        return [Written(f"{century}{decade}s", at + 2)]
    rest = _two_digits(words, at + 1)
    return [Written(f"{century}{rest.value:02}", rest.end)] if rest else []


def _ordinal(words: Sequence[str], at: int) -> list[Written]:
    found = ordinal(words, at)
    return [Written(_nth(found) if found.value >= SMALLEST_IN_FIGURES else None, found.end)] if found else []


def _quantity(words: Sequence[str], at: int) -> list[Written]:
    """A cardinal or decimal with what it counts: money, percent, a unit, or nothing."""
    sign = "-" if words[at] == "minus" else ""
    whole = cardinal(words, at + len(sign))
    if not whole:
        return []
    value, end, scale = _amount(words, at + len(sign), whole)
    counted = _counted(words, sign + value, end, scale)
    if counted:
        return counted
    small = value.isdecimal() and int(value) < SMALLEST_IN_FIGURES and not (scale or sign)
    if _at(words, end) in CARDINALS and not scale:  # "three thirty", "forty fifty": nobody knows what is meant
        following = cardinal(words, end)
        return _as_said(at, following.end if following else end)
    if small:
        return _as_said(at, end)
    return _with_scale(sign + value, end, scale)


def _amount(words: Sequence[str], at: int, whole: Number) -> tuple[str, int, str]:
    """Figures, the index after them, and a scale that stays a word: "2.5", _, "million"."""
    if _at(words, whole.end) == "point":
        digits, end = _digits(words, whole.end + 1)
        if digits:
            scale = _at(words, end)
            return f"{whole.value}.{digits}", end, scale if scale in SCALES else ""
    last = words[whole.end - 1]
    if SCALES.get(last, 0) > 1_000 and whole.value // SCALES[last] < 1_000:
        short = cardinal(words[: whole.end - 1], at)
        if short and short.end == whole.end - 1:
            return str(short.value), short.end, last
    return str(whole.value), whole.end, ""


def _counted(words: Sequence[str], value: str, end: int, scale: str) -> list[Written]:
    after = end + bool(scale)
    name = _at(words, after)
    sign = CURRENCIES.get(name) or (ONE_OF_CURRENCY.get(name) if value == "1" and not scale else None)
    if sign and not value.startswith("-"):
        if scale:
            return [Written(sign + value, end), Written(scale, after + 1)]
        cents = _cents(words, after + 1)
        return [Written(f"{sign}{value}.{cents.value:02}", cents.end) if cents else Written(sign + value, after + 1)]
    if name == "percent" and not scale:
        return [Written(value + "%", after + 1)]
    if name == "cents" and not scale:
        return [Written(value, end), *_as_said(end, end + 1)]
    for said, symbol in UNITS.items():
        if tuple(words[after : after + len(said)]) == said:
            return [*_with_scale(value, end, scale), Written(symbol, after + len(said))]
    return []


def _cents(words: Sequence[str], at: int) -> Number | None:
    """ "and five cents" after an amount of money."""
    found = below_hundred(words, at + 1) if _at(words, at) == "and" else None
    return Number(found.value, found.end + 1) if found and _at(words, found.end) in ("cents", "cent") else None


def _with_scale(value: str, end: int, scale: str) -> list[Written]:
    return [Written(value, end), *(_as_said(end, end + 1) if scale else [])]


def _two_digits(words: Sequence[str], at: int) -> Number | None:
    """ "oh five" or 10 to 99, as minutes and years are said."""
    if _at(words, at) == "oh":
        digit = DIGITS.get(_at(words, at + 1), 0)
        return Number(digit, at + 2) if digit else None
    found = below_hundred(words, at)
    return found if found and found.value >= 10 else None


def _digits(words: Sequence[str], at: int) -> tuple[str, int]:
    end = at
    while end < len(words) and (words[end] in DIGITS or words[end] == "oh"):
        end += 1
    return "".join(str(DIGITS.get(word, 0)) for word in words[at:end]), end


def _nth(number: Number) -> str:
    return f"{number.value}{suffix(number.value)}"


def _as_said(at: int, end: int) -> list[Written]:
    return [Written(None, i + 1) for i in range(at, end)]


def _at(words: Sequence[str], at: int) -> str:
    return words[at] if at < len(words) else ""


_RULES: tuple[Rule, ...] = (_date, _clock, _telephone, _year, _ordinal, _quantity)
