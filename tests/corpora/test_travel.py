"""The built-in requests: intents that a reader would give, slots as the words around them say."""

import itertools
import re

from seqkit.corpora.travel import travel_requests
from seqkit.corpora.travel_grammar import CITIES, WANTED
from seqkit.text.tag_schemes import detect

VERBS = {way: intent for intent, ways in WANTED.items() for way in ways}
UNWANTED = re.compile(r"(?:do not|rather than|did not ask you to) \w+ (" + "|".join(VERBS) + r")\b")
ANY = re.compile(r"\b(?:please|now|just|simply|kindly) (" + "|".join(VERBS) + r")\b")
ROLES = re.compile(r"(from|to|by way of|through) (" + "|".join(CITIES) + r")\b(?! to)")
MEANT = {"from": "from", "to": "to", "by way of": "via", "through": "via"}


def test_the_wanted_thing_is_the_one_that_no_word_takes_back():
    part = travel_requests(rows=800)["train"]
    for tokens, label in zip(part["tokens"], part["label"], strict=True):
        text = " ".join(tokens)
        unwanted = {match.start(1) for match in UNWANTED.finditer(text)}
        (wanted,) = {VERBS[match[1]] for match in ANY.finditer(text) if match.start(1) not in unwanted}
        assert wanted == label, text


def test_a_city_has_the_role_that_stands_before_it():
    part, seen = travel_requests(rows=400)["train"], set()
    for tokens, tags in zip(part["tokens"], part["tags"], strict=True):
        text = " ".join(tokens)
        for match in ROLES.finditer(text):
            place = text[: match.start(2)].count(" ")
            words = match[2].split()
            role = MEANT[match[1]]
            assert list(tags[place : place + len(words)]) == [f"{'I' if n else 'B'}-{role}" for n in range(len(words))]
            seen.add(role)
    assert seen == {"from", "to", "via"}


def test_requests_are_distinct_balanced_and_well_tagged():
    parts = travel_requests(rows=800)
    rows = list(itertools.chain.from_iterable(part["tokens"] for part in parts.values()))
    assert len(set(rows)) == len(rows) == 800
    for part in parts.values():
        counts = [part["label"].count(intent) for intent in WANTED]
        assert max(counts) - min(counts) <= 1
        scheme = detect(part["tags"])
        assert (scheme.name, scheme.illegal(part["tags"])) == ("bio", 0)
        assert all(map(len, part["tokens"]))
    assert travel_requests(rows=800) == parts
    assert travel_requests(seed=1, rows=800) != parts
