"""Built-in translation: numbers, dates, times and amounts spelled out in English and in German, each with one answer.

The words are those of well-kept libraries: num2words spells numbers, Babel (Unicode's CLDR) names weekdays, months, parts of
the day, units and currencies. Here is only what puts them together.
"""

import datetime
import functools
import re
from collections.abc import Callable

import numpy as np
from babel.dates import get_day_names, get_month_names, get_period_id, get_period_names
from babel.numbers import get_currency_name
from babel.units import format_unit
from num2words import num2words

Draw = Callable[[int, int], int]  # a whole number from the first to one less than the second
Pair = tuple[str, str]  # in English, in German
DAYS = (datetime.date(1600, 1, 1).toordinal(), datetime.date(2050, 1, 1).toordinal())
LASTING = ("duration-week", "duration-day", "duration-hour", "duration-minute", "duration-second")
UNITS = ("length-kilometer", "length-meter", "mass-kilogram", "mass-gram", "volume-liter", "area-square-meter")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
NOON = 12 * 12  # twelfths of an hour
TWELFTHS = (  # of an hour: what is said, and whether it is of the next hour
    ("{} o'clock", 0, "{} Uhr", 0),
    ("five past {}", 0, "fünf nach {}", 0),
    ("ten past {}", 0, "zehn nach {}", 0),
    ("a quarter past {}", 0, "Viertel nach {}", 0),
    ("twenty past {}", 0, "zwanzig nach {}", 0),
    ("twenty-five past {}", 0, "fünf vor halb {}", 1),
    ("half past {}", 0, "halb {}", 1),
    ("twenty-five to {}", 1, "fünf nach halb {}", 1),
    ("twenty to {}", 1, "zwanzig vor {}", 1),
    ("a quarter to {}", 1, "Viertel vor {}", 1),
    ("ten to {}", 1, "zehn vor {}", 1),
    ("five to {}", 1, "fünf vor {}", 1),
)
FRAMES = (  # German puts verbs last in clauses, and the day before the time
    ("{number}", "{number}"),
    ("{day}", "{day}"),
    ("{time}", "{time}"),
    ("{lasting}", "{lasting}"),
    ("for the {ordinal} time", "zum {ordinal} Mal"),
    ("{time} {day}", "{day} {time}"),
    ("It happened {time} {day}.", "Es ist {day} {time} geschehen."),
    ("We met {day} for the {ordinal} time.", "Wir haben uns {day} zum {ordinal} Mal getroffen."),
    ("I know that we met {day}.", "Ich weiß, dass wir uns {day} getroffen haben."),
    ("It takes {lasting}.", "Es dauert {lasting}."),
    ("I hope that it takes {lasting}.", "Ich hoffe, dass es {lasting} dauert."),
    ("They bought {amount} for {price}.", "Sie haben {amount} für {price} gekauft."),
    ("If it costs {price}, I want {amount}.", "Wenn es {price} kostet, will ich {amount}."),
    ("Since it begins {time}, you have {lasting}.", "Weil es {time} beginnt, hast du {lasting}."),
)


def number_words(seed: int = 0, rows: int = 16_000) -> dict[str, dict[str, list[str]]]:
    """English phrases and sentences about numbers, days, times, durations, amounts and prices, with their German.

    German turns units and tens around, writes a number as one word, declines ordinals, counts the minutes around the half
    hour, divides the day otherwise, and puts verbs and days elsewhere: word for word nothing comes out right.

    Args:
        seed: two calls with one seed give the same pairs.
        rows: how many altogether; three quarters for training, an eighth each for validation and test.
    Returns:
        {"train", "valid", "test"}, each {"source", "target"}, lists of str; no source occurs twice.
    Raises:
        ValueError: `rows` is under 16 or over 1,000,000.
    """
    if not 16 <= rows <= 1_000_000:
        raise ValueError(f"rows={rows}: give a number from 16 to 1,000,000, so that each part has several pairs.")
    rng = np.random.default_rng(seed)

    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    pairs: dict[str, str] = {}
    while len(pairs) < rows:
        english, german = FRAMES[draw(0, len(FRAMES))]
        phrases = {name: PHRASES[name](draw) for name in re.findall(r"\{(\w+)\}", english)}
        source = english.format(**{name: pair[0] for name, pair in phrases.items()})
        pairs[source] = german.format(**{name: pair[1] for name, pair in phrases.items()})
    drawn = list(pairs.items())
    shuffled = [drawn[place] for place in rng.permutation(rows)]
    eighth = rows // 8
    parts = {"train": shuffled[2 * eighth :], "valid": shuffled[:eighth], "test": shuffled[eighth : 2 * eighth]}
    return {
        name: {"source": [source for source, _ in part], "target": [target for _, target in part]}
        for name, part in parts.items()
    }


def cardinal(number: int) -> Pair:
    """A number in words, such as "forty-two" and "zweiundvierzig"."""
    german = num2words(number, lang="de")
    return num2words(number, lang="en"), german.replace("einstausend", "eintausend")  # of 101,000, num2words 0.5.14


def _number(draw: Draw) -> Pair:
    """From 0 to 999,999, of one digit as often as of six."""
    return cardinal(draw(0, 10 ** draw(1, 7)))


def _ordinal(draw: Draw) -> Pair:
    number = draw(1, 10 ** draw(1, 4))
    english, german = (num2words(number, lang=language, to="ordinal") for language in ("en", "de"))
    return english, german + "n"  # dative


def _day(draw: Draw) -> Pair:
    """A real day; its year in words half the time."""
    date = datetime.date.fromordinal(draw(*DAYS))
    week, months = ([names(locale=language) for language in ("en", "de")] for names in (get_day_names, get_month_names))
    english, german = (num2words(date.day, lang=language, to="ordinal") for language in ("en", "de"))
    years = str(date.year), str(date.year)
    if draw(0, 2):
        years = num2words(date.year, lang="en", to="year"), num2words(date.year, lang="de", to="year")
    return (
        f"on {week[0][date.weekday()]}, the {english} of {months[0][date.month]} {years[0]}",
        f"am {week[1][date.weekday()]}, dem {german}n {months[1][date.month]} {years[1]}",
    )


def _time(draw: Draw) -> Pair:
    """Every five minutes but noon and midnight, which have names of their own."""
    slot = draw(1, 2 * NOON - 1)
    hour, twelfth = divmod(slot + (slot >= NOON), 12)
    return _clock(hour, twelfth)


def _clock(hour: int, twelfth: int) -> Pair:
    english, next_english, german, next_german = TWELFTHS[twelfth]
    moment = datetime.time(hour, 5 * twelfth)
    part, german_part = (
        get_period_names(locale=language)[get_period_id(moment, locale=language)].lower() for language in ("en", "de")
    )
    said = num2words((hour + next_english - 1) % 12 + 1, lang="en")
    german_said = num2words((hour + next_german - 1) % 12 + 1, lang="de")
    if twelfth == 0 and german_said == "eins":
        german_said = "ein"  # Uhr
    return (
        f"at {english.format(said)} {'at' if part == 'night' else 'in the'} {part}",
        f"um {german.format(german_said)} {german_part}s",
    )


def _counted(number: int, names: Pair) -> Pair:
    english, german = cardinal(number)
    return f"{english} {names[0]}", f"{german} {names[1]}"


@functools.cache
def _unit(unit: str) -> Pair:
    """A unit's name in the plural."""
    return format_unit(2, unit, locale="en").removeprefix("2 "), format_unit(2, unit, locale="de").removeprefix("2 ")


def _several(draw: Draw, below: int) -> int:
    """From 2; none that ends in one, which German would decline before a noun."""
    number = draw(2, below)
    return number if number % 100 != 1 else number + 1


def _lasting(draw: Draw) -> Pair:
    """One unit of time, or two with the longer first."""
    first = draw(0, len(LASTING))
    phrases = [_counted(_several(draw, 100), _unit(LASTING[first]))]
    if first + 1 < len(LASTING) and draw(0, 2):
        phrases.append(_counted(_several(draw, 60), _unit(LASTING[draw(first + 1, len(LASTING))])))
    english, german = zip(*phrases, strict=True)
    return " and ".join(english), " und ".join(german)


def _amount(draw: Draw) -> Pair:
    return _counted(_several(draw, 10 ** draw(1, 4)), _unit(UNITS[draw(0, len(UNITS))]))


def _price(draw: Draw) -> Pair:
    return _counted(_several(draw, 10 ** draw(1, 7)), _currency(CURRENCIES[draw(0, len(CURRENCIES))]))


@functools.cache
def _currency(code: str) -> Pair:
    """A currency's name in the plural."""
    return get_currency_name(code, 2, locale="en"), get_currency_name(code, 2, locale="de")


PHRASES: dict[str, Callable[[Draw], Pair]] = {
    "number": _number,
    "ordinal": _ordinal,
    "day": _day,
    "time": _time,
    "lasting": _lasting,
    "amount": _amount,
    "price": _price,
}
