"""The built-in reviews: labels that a reader would give, and no way to guess them from the words alone."""

import re

import pytest

from seqkit.baselines.taggers import LinearTagger, MostFrequentTag
from seqkit.corpora.grammar import grammar
from seqkit.corpora.reviews import review_rules, reviews
from seqkit.corpora.sentence_grammar import SENTENCE_RULES
from seqkit.corpora.sentences import sentences

SLOT = re.compile(r"\{([+-]?)(\w+)\}")

# Written by hand, with the label that a reader gives; the grammar has to say the same, and not the contrary.
CASES = [
    ("the plot was dull, but the film won me over", "positive"),
    ("the film won me over, although the plot was dull", "positive"),
    ("the plot was clever, but the film lost me", "negative"),
    ("although the plot was clever, the film lost me", "negative"),
    ("it was not, for all its charm, a good film", "negative"),
    ("it was, for all its noise, a good film", "positive"),
    ("it was not a dull film but a gripping one", "positive"),
    ("it was not only dull but also crude", "negative"),
    ("it was less moving than boring", "negative"),
    ("it was far from boring", "positive"),
    ("I expected a masterpiece and got a mess", "negative"),
    ("I expected a mess and got a masterpiece", "positive"),
    ("I feared a mess, and that is what I got", "negative"),
    ("I thought that it would be funny, and it was not", "negative"),
    ("nobody could say that it was not funny", "positive"),
    ("those who call it funny are right", "positive"),
    ("those who call it funny are wrong", "negative"),
    ("I was moved, but my brother was bored", "positive"),
    ("the book was bad, whereas this film was good", "positive"),
    ("this film was bad, whereas the book was good", "negative"),
]


def derivable(text: str, symbol: str, positive: bool, rules: dict[str, list[str]]) -> bool:
    """Whether `symbol` can be written as `text` with this verdict: the grammar read backwards, by its own parser."""
    known: dict[tuple[str, bool, int], frozenset[int]] = {}

    def ends(symbol: str, positive: bool, start: int) -> frozenset[int]:
        if (symbol, positive, start) not in known:
            ways = rules.get(symbol) or rules["+" + symbol if positive else "-" + symbol]
            known[symbol, positive, start] = frozenset().union(*(ends_of(way, positive, start) for way in ways))
        return known[symbol, positive, start]

    def ends_of(way: str, positive: bool, start: int) -> set[int]:
        reached = {start}
        for piece in re.split(r"(\{[+-]?\w+\})", way):
            if slot := SLOT.fullmatch(piece):
                sign, name = slot.groups()
                reached = {end for at in reached for end in ends(name, positive ^ (sign == "-"), at)}
            else:
                reached = {at + len(piece) for at in reached if text.startswith(piece, at)}
        return reached

    return len(text) in ends(symbol, positive, 0)


def plain(text: str) -> str:
    """Undo capitals and "an", as far as the comparison needs."""
    return re.sub(r"\ban (?=[aeiou])", "a ", text.lower())


LOWER = {symbol: [plain(way) for way in ways] for symbol, ways in review_rules().items()}


@pytest.mark.parametrize(("text", "label"), CASES)
def test_reader_and_grammar_agree(text, label):
    verdicts = [sign for sign in (True, False) if derivable(plain(text) + ".", "verdict", sign, LOWER)]
    assert verdicts == [label == "positive"]


def test_every_text_follows_from_its_own_label_only():
    part = reviews(seed=5, rows=640)["train"]
    for text, label in zip(part["text"], part["label"], strict=True):
        verdicts = [sign for sign in (True, False) if derivable(plain(text), "review", sign, LOWER)]
        assert verdicts == [label == "positive"], text


def test_every_sentence_is_written_as_a_sentence():
    for text in reviews(seed=2, rows=320)["train"]["text"]:
        assert 8 <= len(text.split()) <= 60, text
        assert re.fullmatch(r"([A-Z][^.?!{}]*[.?!] )*[A-Z][^.?!{}]*[.?!]", text), text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|  | ,", text), text


def test_one_seed_one_corpus():
    assert reviews(seed=1, rows=64) == reviews(seed=1, rows=64)
    assert reviews(seed=1, rows=64) != reviews(seed=2, rows=64)


def test_parts_are_balanced_and_share_no_text():
    corpus = reviews(rows=1600)
    assert {name: len(part["text"]) for name, part in corpus.items()} == {"train": 1200, "valid": 200, "test": 200}
    for part in corpus.values():
        assert part["label"].count("positive") == part["label"].count("negative")
        assert part["label"][:20] != sorted(part["label"][:20]), "labels come in order"
    texts = [text for part in corpus.values() for text in part["text"]]
    assert len(set(texts)) == len(texts)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="rows=3"):
        reviews(rows=3)


def test_a_slot_without_rules_is_named():
    with pytest.raises(KeyError, match="nowhere"):
        grammar({"review": ["a {+nowhere}"]})


# Tagged sentences ---------------------------------------------------------------------------------------------------

TAGGED = [
    ("They/PRON watch/VERB ,/PUNCT walk/VERB ,/PUNCT plan/VERB and/CCONJ play/VERB now/ADV ./PUNCT", True),
    (
        "They/PRON like/VERB the/DET watch/NOUN ,/PUNCT walk/NOUN ,/PUNCT plan/NOUN and/CCONJ play/NOUN now/ADV ./PUNCT",
        True,
    ),
    ("They/PRON watch/VERB ,/PUNCT walk/NOUN ,/PUNCT plan/VERB and/CCONJ play/VERB now/ADV ./PUNCT", False),
    ("He/PRON hopes/VERB to/PART guard/VERB and/CCONJ cook/VERB well/ADV ./PUNCT", True),
    ("He/PRON goes/VERB to/ADP the/DET guards/NOUN and/CCONJ cooks/NOUN today/NOUN ./PUNCT", True),
    ("He/PRON watch/VERB now/ADV ./PUNCT", False),
]


@pytest.mark.parametrize(("text", "right"), TAGGED)
def test_reader_and_grammar_agree_on_tags(text, right):
    rules = {symbol: [way.lower() for way in ways] for symbol, ways in SENTENCE_RULES.items()}
    assert derivable(" ".join(text.lower().split()), "sentence", True, rules) == right


def test_tagged_sentences_are_in_step_and_in_no_two_parts():
    corpus = sentences(rows=320)
    assert {name: len(part["tokens"]) for name, part in corpus.items()} == {"train": 240, "valid": 40, "test": 40}
    for part in corpus.values():
        for tokens, tags in zip(part["tokens"], part["tags"], strict=True):
            assert len(tokens) == len(tags) > 3
            assert tokens[0][0].isupper()
            assert (tokens[-1], tags[-1]) == (".", "PUNCT")
            assert not set("~/{}") & set("".join(tokens))
    every = [tokens for part in corpus.values() for tokens in part["tokens"]]
    assert len(set(every)) == len(every)
    assert sentences(rows=320) == corpus != sentences(seed=1, rows=320)
    with pytest.raises(ValueError, match="rows=3"):
        sentences(rows=3)


def test_neither_words_nor_their_neighbours_give_the_tags_away():
    corpus = sentences()
    train, test = corpus["train"], corpus["test"]
    classes = sorted({tag for tags in train["tags"] for tag in tags})
    truth = [classes.index(tag) for tags in test["tags"] for tag in tags]
    for kind, most in ((MostFrequentTag, 0.87), (LinearTagger, 0.94)):
        answers = kind.fit(train["tokens"], train["tags"], classes).predict(test["tokens"])
        assert (answers.values == truth).mean() < most
