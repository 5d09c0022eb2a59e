"""Normal form C in a graph: as Python's unicodedata has it, of every character and of strange heaps of marks."""

import unicodedata

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqkit.text.lexicon import Lexicon, split_tensor, split_tokens
from seqkit.text.normal_form import nfc
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import SPECIAL, Vocabulary

CHARACTERS = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
MARKS = [one for one in CHARACTERS if unicodedata.combining(one)]
WHOLE = [one for one in CHARACTERS if unicodedata.normalize("NFD", one) != one]
# marks of several classes, letters of Hangul, and letters of India that compose though they are no marks
heaps = st.lists(
    st.sampled_from(WHOLE).map(lambda one: unicodedata.normalize("NFD", one))
    | st.sampled_from("aEo ẹộ\u0302\u0323\u0301\u0308\u0327가각\u1100\u1161\u11a8\u09c7\u09be\u0dd9\u0dcf\u0dca")
    | st.sampled_from(MARKS)
    | st.sampled_from(WHOLE),
    max_size=10,
).map("".join)


# few characters, so that marks often block each other: U+0310 composes with none of them, U+0301 with most
blocking = st.text("aeA\u0310\u0301\u0302\u0323\u031b\u0327\u09c7\u09be", max_size=7)


@pytest.fixture(scope="module")
def in_graph():
    return tf.function(nfc, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def check(in_graph, texts):
    got = [text.decode() for text in in_graph(tf.constant(texts)).numpy()]
    assert got == [unicodedata.normalize("NFC", text) for text in texts]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_character(in_graph, form):
    assigned = [one for one in CHARACTERS if unicodedata.category(one) not in ("Cn", "Co")]
    composed = [one for one in assigned if not 0x20000 <= ord(one) < 0x2F800 and not 0x3400 <= ord(one) < 0xA000]
    check(in_graph, [f"a{unicodedata.normalize(form, one)}b" if form == "NFD" else one for one in composed])


@settings(max_examples=100)
@given(texts=st.lists(heaps | blocking, min_size=20, max_size=40))
@example(texts=["e\u0310\u0301", "e\u0301\u0310", "a\u0323\u0310\u0302", "\u1100\u1161\u11a8\u11a8"])
def test_heaps_of_marks(in_graph, texts):
    check(in_graph, texts)


@settings(max_examples=20)
@given(texts=st.lists(heaps, min_size=1, max_size=5), unit=st.sampled_from(["word", "whitespace", "character"]))
def test_a_text_has_the_ids_of_its_other_form(texts, unit):
    tokenizer = Tokenizer(unit)
    forms = [[unicodedata.normalize(form, text) for text in [*texts, "a"]] for form in ("NFC", "NFD")]
    tokens = tokenize(forms[0], tokenizer, cache=False)
    vocabulary = Vocabulary.build(tokens, tokenizer)
    ids = [vocabulary.encode(tokenize(form, tokenizer, cache=False)) for form in forms]
    served = [vocabulary.lookup().lookup(tokenizer(tf.constant(form))).to_list() for form in forms]
    assert served[0] == served[1] == [ids[0][row].tolist() for row in range(len(forms[0]))]
    assert ids[0].values.tolist() == ids[1].values.tolist()


def test_symbols_and_older_vocabularies_are_left_as_they_are():
    assert len(Tokenizer("symbol")(tf.constant(["e\u0301"]))[0]) == 2
    value = Vocabulary((*SPECIAL, "é"), Tokenizer()).to_json()
    assert value["normalise"] == "NFC"
    del value["normalise"]
    older = Vocabulary.from_json(value).tokenizer
    assert [token.decode() for token in older(tf.constant(["e\u0301"]))[0].numpy()] == ["e\u0301"]


def tabbed(tokens):
    """Tokens as the one text that a tagger's graph splits into them."""
    return "".join(token.replace("\t", " ") + "\t" for token in tokens)


@settings(max_examples=20)
@given(rows=st.lists(st.lists(st.text("aé\u0301 \t\n", min_size=1, max_size=5), max_size=4), min_size=1, max_size=4))
def test_tokens_with_tabs_and_line_ends_are_the_same_in_a_graph(rows):
    rows = [[token for token in row if token.strip("\t")] for row in rows]
    tokens = split_tokens(rows)
    ours = [[tokens.types[place] for place in tokens.indices[row]] for row in range(len(rows))]
    theirs = [[token.decode() for token in row] for row in split_tensor(tf.constant([*map(tabbed, rows)])).to_list()]
    assert ours == theirs
    assert [len(row) for row in ours] == [len(row) for row in rows]
    lexicon = Lexicon.build(split_tokens([*rows, ["a"]]), lowercase=True, size=50, min_count=1, longest=4)
    columns, _ = lexicon.encode(tokens)
    inputs = lexicon.tensors(split_tensor(tf.constant([*map(tabbed, rows)])), lexicon.lookup())
    for row, length in enumerate(columns["ids"].lengths):
        assert inputs["ids"][row, :length].numpy().tolist() == columns["ids"][row].tolist()
        assert inputs["characters"][row, :length].numpy().tolist() == columns["characters"][row].tolist()
