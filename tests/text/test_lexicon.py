"""Words and characters: NumPy and TensorFlow agree, and nothing is cut silently."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.text.lexicon import Lexicon, split_tensor, split_tokens
from seqkit.text.tokenizer import Tokenizer

SENTENCES = [("The", "naïve", "cat"), ("the", "dog"), "The dog's cat!", ("extraordinary",)]
words = st.text(st.characters(exclude_categories=("Cs", "Z", "Cc")), min_size=1, max_size=12)


def build(**options):
    return Lexicon.build(
        split_tokens(SENTENCES), **{"lowercase": True, "size": 100, "min_count": 1, "longest": 6} | options
    )


def test_lists_tabs_and_texts_are_split_alike_by_numpy_and_graph():
    sentences = ["The dog's cat!", "The dog's\tcat!", "\tA b\t\t", "", "  ", "\t"]
    expected = [["The", "dog's", "cat", "!"], ["The dog's", "cat!"], ["A b"], [], [], []]
    tokens = split_tokens([*sentences, ("A b", "c"), ()])
    rows = [[tokens.types[place] for place in tokens.indices[row]] for row in range(len(tokens))]
    assert rows == [*expected, ["A b", "c"], []]
    assert [[word.decode() for word in row] for row in split_tensor(tf.constant(sentences)).to_list()] == expected


def test_words_are_folded_and_characters_are_not():
    lexicon = build()
    columns, facts = lexicon.encode(split_tokens([("THE", "Cat", "xyz"), (), ("extraordinary", "the")]))
    spelt = dict(enumerate(("", "?", "<", ">", *lexicon.characters)))
    ids = [[lexicon.words.tokens[number] for number in columns["ids"][row]] for row in range(3)]
    assert ids == [["the", "cat", "<unknown>", "<end>"], ["<end>"], ["extraordinary", "the", "<end>"]]
    characters = [["".join(map(spelt.get, word)) for word in columns["characters"][row].tolist()] for row in range(3)]
    assert characters == [["<T??>", "<?at>", "<xy?>", ""], [""], ["<extary>", "<the>", ""]]
    assert facts == {"empty_texts": 1, "unknown_token_share": 0.2, "cut_words": 1}


@pytest.fixture(
    scope="module", params=[{}, {"lowercase": False}, {"longest": None}, {"longest": 3}, {"longest": 40}], ids=str
)
def pair(request):
    """A lexicon, and the same as a graph."""
    lexicon = build(**request.param)
    tables = lexicon.lookup()
    graph = tf.function(
        lambda tokens: lexicon.tensors(tokens, tables),
        input_signature=[tf.RaggedTensorSpec([None, None], tf.string)],
        autograph=False,
    )
    return lexicon, graph


@settings(max_examples=25)
@given(rows=st.lists(st.lists(words, max_size=4), min_size=1, max_size=4))
def test_the_graph_gives_the_ids_of_numpy(pair, rows):
    lexicon, graph = pair
    columns, _ = lexicon.encode(split_tokens([*SENTENCES, *map(tuple, rows)]))
    known = [["The", "naïve", "cat"], ["the", "dog"], ["The", "dog's", "cat", "!"], ["extraordinary"]]
    lengths = [len(row) for row in known + rows]
    flat = tf.constant([word for row in known + rows for word in row], tf.string)
    tensors = graph(tf.RaggedTensor.from_row_lengths(flat, tf.constant(lengths, tf.int64)))
    assert tensors.keys() == columns.keys()
    for name, column in columns.items():
        got = tensors[name].numpy()
        for row, length in enumerate(column.lengths):
            np.testing.assert_array_equal(got[row, :length], column[row])
            assert not got[row, length:].any()


def test_a_lexicon_is_written_as_json():
    for options in ({}, {"longest": None}):
        lexicon = build(**options)
        assert Lexicon.from_json(json.loads(json.dumps(lexicon.to_json()))) == lexicon
    assert build().words.tokenizer == Tokenizer("word", True)
