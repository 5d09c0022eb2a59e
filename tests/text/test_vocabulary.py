"""Text to ids: the rule, the fixed ids, the cache, and the same ids inside a graph."""

import re
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import SPECIAL, UNKNOWN, Vocabulary, learn_vocabulary

texts = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), min_size=1, max_size=8)


def words_in_plain_python(text):
    """The rule of vocabulary.json, character by character, without regular expressions."""
    words, word = [], ""
    text = re.sub(r"<br */?>", " ", text.lower(), flags=re.IGNORECASE)
    for place, character in enumerate(text):
        kind = unicodedata.category(character)[0]
        after = unicodedata.category(text[place + 1])[0] if place + 1 < len(text) else " "
        if kind in "LMN" or (character in "'’" and word and word[-1] not in "'’" and after in "LMN"):
            word += character
            continue
        words += [word] if word else []
        words += [character] if kind not in "ZC" else []
        word = ""
    return words + ([word] if word else [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's not bad.<br /><BR>Really!", ["it's", "not", "bad", ".", "really", "!"]),
        ("rock'n'roll 'quoted' don’t", ["rock'n'roll", "'", "quoted", "'", "don’t"]),
        ("£5.50 naïve\u00a0Ünï x\tz", ["£", "5", ".", "50", "naïve", "ünï", "x", "z"]),
        ("", []),
        (" \u3000\n", []),
    ],
)
def test_words_of_known_texts(text, words):
    assert words_in_plain_python(text) == words
    assert [token.decode() for token in Tokenizer()(tf.constant([text]))[0].numpy()] == words


@given(text=st.text(st.sampled_from("aB é'’.,!5 \t\n<br/>日ß"), max_size=30))
def test_words_follow_the_rule(text):
    got = [token.decode() for token in Tokenizer()(tf.constant([text]))[0].numpy()]
    assert got == words_in_plain_python(text)


@settings(max_examples=30)
@given(texts=texts, unit=st.sampled_from(["word", "character"]), lowercase=st.booleans())
def test_the_graph_gives_the_ids_of_the_pipeline(texts, unit, lowercase):
    tokenizer = Tokenizer(unit, lowercase)
    texts = [*texts, "a"]
    vocabulary = Vocabulary.build(tokenize(texts, tokenizer, cache=False), tokenizer, size=9)
    probe = [*texts, "never seen 雪", "<padding> <end>"]
    ids = vocabulary.encode(tokenize(probe, tokenizer, cache=False))
    in_graph = vocabulary.lookup().lookup(tokenizer(tf.constant(probe))).to_list()
    assert [ids[row].tolist() for row in range(len(probe))] == in_graph
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@given(texts)
def test_symbols_are_those_of_the_graph_in_the_order_in_which_they_come(texts):
    rows = Tokenizer("symbol", lowercase=False)(tf.constant(texts))
    types, places = tf.unique(rows.flat_values)
    found = tokenize(texts, Tokenizer("symbol", lowercase=False), cache=False)
    assert [token.encode() for token in found.types] == types.numpy().tolist()
    assert found.indices.values.tolist() == places.numpy().tolist()
    assert found.indices.lengths.tolist() == rows.row_lengths().numpy().tolist()


WORDS, BLANKS = ("a", "né", "ne\u0301", "it's", "."), " \t\n\x00\x92\u2028\u3000"
spaced = st.tuples(st.text(st.sampled_from(BLANKS), min_size=1, max_size=3), st.sampled_from(WORDS)).map("".join)
WRITERS = {
    unit: learn_vocabulary([" ".join(WORDS)], unit=unit, size=20) for unit in ("whitespace", "marked_word", "subword")
}
WRITERS["symbol"] = learn_vocabulary(["".join((*WORDS, BLANKS))], unit="symbol")


@pytest.mark.parametrize("unit", WRITERS)
@settings(max_examples=20)
@given(texts=st.lists(st.lists(spaced, max_size=4).map("".join).map("{} ".format), min_size=1, max_size=3))
def test_a_text_can_be_written_as_its_ids_are(unit, texts):
    ids = WRITERS[unit].encode(tokenize(texts, WRITERS[unit].tokenizer, cache=False))
    assert UNKNOWN not in ids.values
    assert WRITERS[unit].writable(texts) == WRITERS[unit].written(ids)


def test_the_most_frequent_tokens_are_known_whatever_the_order_of_rows():
    rows = ["b b b a a c c d", "<end> e"]
    for texts in (rows, rows[::-1]):
        tokens = tokenize(texts, Tokenizer())
        assert Vocabulary.build(tokens, Tokenizer(), size=7).tokens == (*SPECIAL, "b", "a", "c")
        assert Vocabulary.build(tokens, Tokenizer(), min_count=3).tokens == (*SPECIAL, "b")
    ids = Vocabulary((*SPECIAL, "a"), Tokenizer()).encode(tokenize(["a z", ""], Tokenizer()))
    np.testing.assert_array_equal(ids.values, [4, UNKNOWN])
    np.testing.assert_array_equal(ids.lengths, [2, 0])


def test_the_cache_answers_and_a_damaged_one_does_not_hurt(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path))
    first = tokenize(["a b", "c"], Tokenizer())
    (kept,) = tmp_path.glob("*.npz")
    monkeypatch.setattr("seqkit.text.tokenizer.Tokenizer.__call__", None)  # whoever splits again fails
    again = tokenize(["a b", "c"], Tokenizer())
    assert again.types == first.types
    np.testing.assert_array_equal(again.indices.values, first.indices.values)
    monkeypatch.undo()
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:100])
    assert tokenize(["a b", "c"], Tokenizer()).types == first.types
    monkeypatch.setenv("SEQKIT_CACHE", "/dev/null/nowhere")
    assert tokenize(["a b", "c"], Tokenizer()).types == first.types


def test_a_vocabulary_of_another_rule_is_refused():
    value = Vocabulary((*SPECIAL, "a"), Tokenizer()).to_json()
    with pytest.raises(InputError, match="another normalisation rule"):
        Vocabulary.from_json(value | {"replace": [["x", "y"]]})
    with pytest.raises(InputError, match="no token that occurs 2 times"):
        Vocabulary.build(tokenize(["a b", " "], Tokenizer()), Tokenizer(), min_count=2)
    with pytest.raises(InputError, match="size is 3: give a number of at least 5"):
        learn_vocabulary(["a b c"], size=3)
    with pytest.raises(InputError, match="unit is .subword.: choose one of word, whitespace, marked_word, character"):
        Tokenizer("subword")
