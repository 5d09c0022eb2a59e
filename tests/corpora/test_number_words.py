"""The built-in translations: a second translator, with rules and words of its own, agrees to the letter."""

import datetime
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.corpora.number_words import FRAMES, cardinal, number_words

UNITS = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
VALUES = {word: place for place, word in enumerate(UNITS)} | {word: 20 + 10 * i for i, word in enumerate(TENS)}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
GERMAN = re.findall(
    r"\w+",
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn",
)
GERMAN_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
WEEKDAYS = {
    "Monday": "Montag",
    "Tuesday": "Dienstag",
    "Wednesday": "Mittwoch",
    "Thursday": "Donnerstag",
    "Friday": "Freitag",
    "Saturday": "Samstag",
    "Sunday": "Sonntag",
}
MONTHS = {
    "January": "Januar",
    "February": "Februar",
    "March": "März",
    "April": "April",
    "May": "Mai",
    "June": "Juni",
    "July": "Juli",
    "August": "August",
    "September": "September",
    "October": "Oktober",
    "November": "November",
    "December": "Dezember",
}
NOUNS = {
    "weeks": "Wochen",
    "days": "Tage",
    "hours": "Stunden",
    "minutes": "Minuten",
    "seconds": "Sekunden",
    "kilometers": "Kilometer",
    "meters": "Meter",
    "kilograms": "Kilogramm",
    "grams": "Gramm",
    "liters": "Liter",
    "square meters": "Quadratmeter",
    "euros": "Euro",
    "US dollars": "US-Dollar",
    "British pounds": "Britische Pfund",
    "Swiss francs": "Schweizer Franken",
    "Japanese yen": "Japanische Yen",
}
PARTS = [(5, "nachts"), (10, "morgens"), (12, "vormittags"), (13, "mittags"), (18, "nachmittags"), (24, "abends")]
ANYTHING = r"[\w ,-]+?"
SHAPES = {"day": r"on \w+day, [\w ,-]+?", "time": r"at [\w '-]+? (?:in the \w+|at night)"}  # of others the frame tells


def read_number(text):
    """A cardinal or ordinal in English words."""
    whole = group = 0
    for word in re.findall(r"[a-z]+", text):
        if word in ("thousand", "thousandth"):
            whole, group = whole + group * 1000, 0
        elif word in ("hundred", "hundredth"):
            group *= 100
        elif word != "and":
            stem = word.removesuffix("th")
            group += ORDINALS.get(word) or VALUES.get(stem.removesuffix("ie") + "y" * stem.endswith("ie"), -(10**9))
    return whole + group


def read_year(text):
    if text.isdigit():
        return int(text)
    if "hundred" in text or "thousand" in text:
        return read_number(text)
    century, rest = text.split(" ", 1)
    return 100 * VALUES[century] + read_number(rest.removeprefix("oh-"))


def write_number(number):
    """A number under a million in German words: units before tens, in one word, "eins" at the end only."""
    if number >= 1000:
        rest = write_number(number % 1000) if number % 1000 else ""
        return re.sub("eins$", "ein", write_number(number // 1000)) + "tausend" + rest
    if number >= 100:
        hundreds = re.sub("eins$", "ein", write_number(number // 100))
        return f"{hundreds}hundert" + (write_number(number % 100) if number % 100 else "")
    if number >= 20:
        tens = GERMAN_TENS[number // 10 - 2]
        return (re.sub("eins$", "ein", GERMAN[number % 10]) + "und" if number % 10 else "") + tens
    return GERMAN[number]


def write_ordinal(number):
    """In the dative."""
    irregular = {"eins": "ersten", "drei": "dritten", "sieben": "siebten", "acht": "achten"}
    if 1 <= number % 100 <= 19:
        last = GERMAN[number % 100]
        return (write_number(number).removesuffix(last)) + irregular.get(last, last + "ten")
    # 1000 is said without its one, as any hundred's and thousand's one may be
    return ("tausend" if number == 1000 else "hundert" if number == 100 else write_number(number)) + "sten"


def write_year(year):
    return (
        write_number(year) if year >= 2000 else f"{write_number(year // 100)}hundert{write_number(year % 100)}"
    ).removesuffix("null")


def translate_day(text):
    weekday, day, month, year = re.fullmatch(r"on (\w+), the ([\w-]+) of (\w+) (.+)", text).groups()
    date = datetime.date(read_year(year), list(MONTHS).index(month) + 1, read_number(day))
    assert f"{date:%A}" == weekday, text
    written = year if year.isdigit() else write_year(date.year)
    return f"am {WEEKDAYS[weekday]}, dem {write_ordinal(date.day)} {MONTHS[month]} {written}"


def read_time(text):
    """Minutes since midnight."""
    clock, part = re.fullmatch(r"at (.+) (in the morning|in the afternoon|in the evening|at night)", text).groups()
    if clock.endswith(" o'clock"):
        minutes = 60 * read_number(clock.removesuffix(" o'clock"))
    else:
        said, way, hour = re.fullmatch(r"(.+) (past|to) (\w+)", clock).groups()
        past = {"a quarter": 15, "half": 30}.get(said) or read_number(said)
        minutes = 60 * read_number(hour) + (past if way == "past" else -past)
    minutes %= 12 * 60
    late = part in ("in the afternoon", "in the evening", "at night")
    return minutes + (12 * 60 if late else 0)


def translate_time(text):
    minutes = read_time(text)
    hour, minute = divmod(minutes, 60)
    part = next(name for end, name in PARTS if hour < end)
    this, following = ((hour + more - 1) % 12 + 1 for more in (0, 1))
    if minute == 0:
        said = f"{'ein' if this == 1 else write_number(this)} Uhr"
    elif minute in (15, 45):
        said = f"Viertel {'nach' if minute == 15 else 'vor'} {write_number(this if minute == 15 else following)}"
    elif minute <= 20 or minute >= 40:
        near = f"{write_number(minute)} nach" if minute <= 20 else f"{write_number(60 - minute)} vor"
        said = f"{near} {write_number(this if minute <= 20 else following)}"
    else:
        near = {25: "fünf vor ", 30: "", 35: "fünf nach "}[minute]
        said = f"{near}halb {write_number(following)}"
    return f"um {said} {part}"


def translate_counted(text):
    number, noun = re.fullmatch(rf"(.+?) ({'|'.join(map(re.escape, NOUNS))})", text).groups()
    return f"{write_number(read_number(number))} {NOUNS[noun]}"


def translate_lasting(text):
    """Two phrases are joined by the "and" that follows a noun."""
    return " und ".join(map(translate_counted, re.split(r"(?<=s) and ", text)))


TRANSLATORS = {
    "number": lambda text: write_number(read_number(text)),
    "ordinal": lambda text: write_ordinal(read_number(text)),
    "day": translate_day,
    "time": translate_time,
    "lasting": translate_lasting,
    "amount": translate_counted,
    "price": translate_counted,
}


def translations(text):
    """What the text can be in German, a frame each: bare phrases are understood as whatever makes sense."""
    found = set()
    for english, german in FRAMES:
        pattern = re.sub(
            r"\\{(\w+)\\}", lambda slot: f"(?P<{slot[1]}>{SHAPES.get(slot[1], ANYTHING)})", re.escape(english)
        )
        if match := re.fullmatch(pattern, text):
            try:
                phrases = {name: TRANSLATORS[name](phrase) for name, phrase in match.groupdict().items()}
            except (AttributeError, IndexError):  # no such phrase
                continue
            found.add(german.format(**phrases))
    return found


def agrees(corpus):
    for part in corpus.values():
        for source, target in zip(part["source"], part["target"], strict=True):
            assert translations(source) == {target}, (source, target)


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_another_translator_agrees(seed):
    agrees(number_words(seed=seed, rows=100))


def test_it_catches_units_behind_tens():
    corpus = number_words(rows=400)
    for part in corpus.values():
        part["target"] = [re.sub("(drei|vier)und(zwanzig|vierzig)", r"\2\1", text) for text in part["target"]]
    with pytest.raises(AssertionError, match=r"three|four"):
        agrees(corpus)


@given(st.integers(0, 999_999))
def test_every_number_under_a_million(number):
    english, german = cardinal(number)
    assert read_number(english) == number
    assert german == write_number(number)


@pytest.mark.parametrize(
    ("number", "german"),
    [
        (1, "eins"),
        (16, "sechzehn"),
        (77, "siebenundsiebzig"),
        (101, "einhunderteins"),
        (101_000, "einhunderteintausend"),
        (21_021, "einundzwanzigtausendeinundzwanzig"),
    ],
)
def test_numbers_as_the_dictionary_has_them(number, german):
    assert cardinal(number)[1] == write_number(number) == german


def test_parts_share_no_source_and_show_every_frame():
    corpus = number_words(rows=1600)
    assert {name: len(part["source"]) for name, part in corpus.items()} == {"train": 1200, "valid": 200, "test": 200}
    sources = [source for part in corpus.values() for source in part["source"]]
    assert len(set(sources)) == len(sources)
    for part in corpus.values():
        for opening in (
            "It takes",
            "I hope",
            "We met",
            "I know",
            "They bought",
            "If it",
            "Since it",
            "for the",
            "on ",
            "at ",
        ):
            assert any(source.startswith(opening) for source in part["source"]), opening
    assert number_words(rows=1600) == corpus != number_words(seed=1, rows=1600)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="rows=3"):
        number_words(rows=3)
