"""How English says the digits inside a name: "A320" as "three twenty", "three hundred twenty", "three two zero"."""

from __future__ import annotations

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LONGEST_CARDINAL = 6


def readings(digits: str) -> tuple[str, ...]:
    """Ways to say a run of decimal digits, the most usual first, none twice."""
    found = [_digit_by_digit(digits)]
    if len(digits) <= _LONGEST_CARDINAL and (digits == "0" or digits[0] != "0"):
        found.insert(0, cardinal(int(digits)))
    if len(digits) in (3, 4) and digits[0] != "0":
        found.append(_in_pairs(digits))
    return tuple(dict.fromkeys(found))


def cardinal(number: int) -> str:
    """0 to 999,999 in words, without "and"."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        return _joined(_TENS[number // 10], number % 10)
    if number < 1000:
        return _joined(f"{_SMALL[number // 100]} hundred", number % 100)
    return _joined(f"{cardinal(number // 1000)} thousand", number % 1000)


def _joined(head: str, rest: int) -> str:
    return f"{head} {cardinal(rest)}" if rest else head


def _digit_by_digit(digits: str) -> str:
    return " ".join(_SMALL[int(digit)] for digit in digits)


def _in_pairs(digits: str) -> str:
    """ "320" as "three twenty", "1984" as "nineteen eighty four", "2005" as "twenty oh five"."""
    head, tail = int(digits[:-2]), digits[-2:]
    if tail == "00":
        return f"{cardinal(head)} hundred"
    return f"{cardinal(head)} {'oh ' + _SMALL[int(tail)] if tail[0] == '0' else cardinal(int(tail))}"
