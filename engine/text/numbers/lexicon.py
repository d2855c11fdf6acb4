"""The English words that numbers are said with. Tables, no logic."""

from __future__ import annotations

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

DIGITS = {word: value for value, word in enumerate(_ONES)}
TEENS = {word: value for value, word in enumerate(_TEENS, 10)}
TENS = {word: 10 * value for value, word in enumerate(_TENS, 2)}
SCALES = {"thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
CARDINALS = frozenset((*DIGITS, *TEENS, *TENS))

_IRREGULAR = {
    "first": "one",
    "second": "two",
    "third": "three",
    "fifth": "five",
    "eighth": "eight",
    "ninth": "nine",
    "twelfth": "twelve",
}
_REGULAR = ("four", "six", "seven", *(word for word in _TEENS if word != "twelve"), "hundred", *SCALES)
ORDINALS = _IRREGULAR | {word + "th": word for word in _REGULAR} | {word[:-1] + "ieth": word for word in TENS}
"""From an ordinal to the cardinal it counts."""

DECADES = {word[:-1] + "ies": value for word, value in TENS.items()}

MONTHS = frozenset(
    (
        *("january", "february", "march", "april", "may", "june"),
        *("july", "august", "september", "october", "november", "december"),
    )
)

CURRENCIES = {"dollars": "$", "euros": "\u20ac", "yen": "\u00a5"}
ONE_OF_CURRENCY = {"dollar": "$", "euro": "\u20ac"}

UNITS: dict[tuple[str, ...], str] = {
    ("kilometers", "per", "hour"): "km/h",
    ("miles", "per", "hour"): "mph",
    ("megabits", "per", "second"): "Mbps",
    ("degrees", "celsius"): "\u00b0C",
    ("degrees", "fahrenheit"): "\u00b0F",
    ("square", "kilometers"): "km\u00b2",
    ("square", "meters"): "m\u00b2",
    ("cubic", "meters"): "m\u00b3",
    ("kilometers",): "km",
    ("centimeters",): "cm",
    ("millimeters",): "mm",
    ("kilograms",): "kg",
    ("milligrams",): "mg",
    ("milliliters",): "ml",
    ("kilobytes",): "KB",
    ("megabytes",): "MB",
    ("gigabytes",): "GB",
    ("kilowatts",): "kW",
    ("hertz",): "Hz",
    ("kilohertz",): "kHz",
    ("megahertz",): "MHz",
    ("gigahertz",): "GHz",
}
"""Units that are read more easily as a symbol. Minutes, feet, meters and the like stay words."""

HALVES_OF_DAY = {
    ("a.m.",): "a.m.",
    ("p.m.",): "p.m.",
    ("am",): "a.m.",
    ("pm",): "p.m.",
    ("a.m",): "a.m.",
    ("p.m",): "p.m.",
    ("a", "m"): "a.m.",
    ("p", "m"): "p.m.",
}

OPENERS = CARDINALS | ORDINALS.keys() | MONTHS | {"minus", "plus", "half", "quarter", "hundred", *SCALES}
"""Words that may begin something that is written with figures."""

MEMBERS = (
    OPENERS
    | DECADES.keys()
    | CURRENCIES.keys()
    | ONE_OF_CURRENCY.keys()
    | {word for words in (*UNITS, *HALVES_OF_DAY) for word in words}
    | {"and", "point", "oh", "past", "to", "of", "o'clock", "percent", "cents", "cent"}
)
"""Words that may go on with it."""
