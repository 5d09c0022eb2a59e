"""What a search found: how long it may be, and unknown words in it that give way to what was looked at."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Search, Stack
from seqkit.decoding.beam_search import Hypotheses
from seqkit.inference.generation import (
    LOOKED_AT,
    Generated,
    generate_answers,
    generation_graph,
    most_attended_words,
)
from seqkit.layers.embedding import embed_tokens
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import END, UNKNOWN, Vocabulary
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit_runner.writing import longest_answers
from tests.decoding.test_beam_search import found_by, toy

SOURCES = ["a (Smith) saw", "", "Jones"]
TARGET = Vocabulary.build(tokenize(["er sah ( )"], Tokenizer("marked_word", False)), Tokenizer("marked_word", False))


@pytest.fixture(scope="module")
def endless():
    """A model that never ends by itself."""
    before, features, _ = embed_tokens(9, Embedding(units=3), name="before")
    model = encoder_decoder(
        embed_tokens(9, Embedding(units=3)), (before, features), outputs=9, encoder=Stack(cell="gru", units=(3,)),
        decoder=Stack(cell="gru", units=(3,)), attention=Attention(),
    )  # fmt: skip
    kernel, bias = (variable.numpy() for variable in model.get_layer("decoder").get_layer("logits").weights)
    model.get_layer("decoder").get_layer("logits").set_weights([kernel, bias - 1e6 * (np.arange(9) == END)])
    return model


HOW = pytest.mark.parametrize("how", [{"beam": 1}, {"beam": 3}, {"temperature": 1.0}], ids=str)


@HOW
@pytest.mark.parametrize(
    "ratio", [0.0, 1.7, 1e30, *(pytest.param(ratio, marks=pytest.mark.slow) for ratio in (0.5, 3.0))]
)
def test_an_answer_is_as_long_as_its_own_source_allows(endless, how, ratio):
    """`Search.ratio` times the symbols of the source, padding aside, and 10 more, but no longer than `longest`."""
    sizes, longest = np.array([1, 7, 4, 12]), 25
    ids = np.where(np.arange(14) < sizes[:, None], 5, 0).astype(np.int32)
    found = generation_graph(endless, Search(ratio=ratio, longest=longest, **how))(tf.constant(ids))
    allowed = np.minimum(longest, np.floor(sizes * ratio) + 10) if ratio else np.full(len(sizes), longest)
    np.testing.assert_array_equal(found.lengths[:, 0], allowed)
    np.testing.assert_array_equal(longest_answers(sizes, longest, ratio), allowed)


@HOW
def test_where_nothing_is_asked_nothing_is_answered(endless, how):
    """For certain; its neighbours in the batch are answered as they are without it."""
    ids = np.array([[5, END, 0], [END, 0, 0], [5, 6, END], [0, 0, 0]], np.int32)
    find = generation_graph(endless, Search(longest=6, n_best=1 if how == {"beam": 1} else 2, **how))
    found = find(tf.constant(ids))
    np.testing.assert_array_equal(found.lengths[:, 0], [6, 0, 6, 0])
    np.testing.assert_array_equal(found.scores.numpy()[[1, 3], 0], 0.0)
    np.testing.assert_array_equal(found.ids.numpy()[[0, 2]], find(tf.constant(ids[[0, 2]])).ids)


def test_an_unknown_word_gives_way_to_the_word_that_was_looked_at_most(rng):
    n_best, steps, places = 2, 4, 7  # more than any source has, as in a batch with others
    ids = rng.integers(0, len(TARGET), (len(SOURCES), n_best, steps)).astype(np.int32)
    ids[:, :, 1] = UNKNOWN
    weights = rng.dirichlet(np.ones(places), size=(len(SOURCES), n_best, steps + 1)).astype(np.float32)
    words = Tokenizer("marked_word", False)(tf.constant(SOURCES))
    found = Hypotheses(*[tf.constant(ids)] * 5, tf.constant(weights))
    instead = most_attended_words(found, words)
    expected = []
    for source, row, looks in zip(words.to_list(), ids, weights, strict=True):
        for symbols, look in zip(row, looks, strict=True):
            written = [
                TARGET.tokens[symbol]
                if symbol != UNKNOWN
                else source[int(np.argmax(one[: len(source)]))].decode()
                if source
                else "▁<unknown>"
                for symbol, one in zip(symbols, look, strict=False)
                if symbol == UNKNOWN or symbol > 3
            ]
            expected.append("".join(written).removeprefix("▁").replace("▁", " "))
    assert any(word in text for text in expected for word in ("Smith", "saw", "Jones"))
    flat, lengths = ids.reshape(-1, steps), np.full(len(expected), steps)
    copied = Ragged.of_lengths(instead.numpy().reshape(-1), lengths)
    texts = Generated(Ragged.of_lengths(flat.reshape(-1), lengths), np.zeros((3, 2)), [], copied).texts(TARGET)
    assert texts == expected
    served = TARGET.texts(found.ids[:, 0], unknown=instead[:, 0])
    assert [text.decode() for text in served.numpy()] == expected[::n_best]


def test_where_answers_looked_is_kept_of_few_rows_and_of_these_alone(rng):
    """What was found in a batch is let go of: no row's part of it holds all of it."""

    def find(ids):
        rows = ids.shape[0]
        weights = tf.constant(rng.random((rows, 2, 9, 50), np.float32))
        several = tf.fill((rows, 2), 3), tf.zeros((rows, 2)), tf.zeros((rows, 2)), tf.fill((rows, 2), True)
        return Hypotheses(tf.tile(ids[:, None, :8], (1, 2, 1)), *several, weights)

    find.input_signature = [tf.TensorSpec([None, None], tf.int32, "ids")]
    ids = Ragged.of_lengths(np.arange(400, dtype=np.int32), np.full(50, 8))
    found = generate_answers(find, Pipeline({"ids": ids}, {"ids": (8,)}, 8), Search(n_best=2))
    assert len(found.weights) == LOOKED_AT
    assert all(kept.shape == (4, 50) and kept.base is None for kept in found.weights)
    assert found.ids[0].tolist() == found.ids[1].tolist() == [0, 1, 2]
    assert found.best()[49].tolist() == [392, 393, 394]


@settings(max_examples=12)
@given(
    st.integers(0, 999),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.6, 1.5, 4.0]),
    st.sampled_from([0.0, 0.4]),
    st.integers(0, 2),
)
def test_what_ended_in_a_beam_holds_the_best_by_any_penalties(seed, beam, length_penalty, coverage_penalty, no_repeat):
    """A search that stops as soon as nothing can get better finds what is the best of all that end in the same beam."""
    model, longest = toy(seed, 3), np.array([6, 0, 4])

    def find(ids):
        return [tf.constant(part) for part in found_by(model, longest, beam=beam, n_best=beam, no_repeat=no_repeat)]

    find.input_signature = [tf.TensorSpec([None, None], tf.int32, "ids")]
    ids = Ragged.of_lengths(np.ones(9, np.int32), np.full(3, 3))
    found = generate_answers(find, Pipeline({"ids": ids}, {"ids": (3,)}, 3), Search(beam=beam, n_best=beam))
    penalties = {"length_penalty": length_penalty, "coverage_penalty": coverage_penalty}
    alone = found_by(model, longest, beam=beam, no_repeat=no_repeat, **penalties)
    scores = found.costs.scores(**penalties)
    np.testing.assert_allclose(scores.max(axis=1), alone.scores[:, 0], rtol=1e-5)
    best = found.one_each(np.arange(3), scores.argmax(axis=1)).ids
    for row, own in enumerate(best[row] for row in range(3)):
        assert own.tolist() == alone.ids[row, 0, : alone.lengths[row, 0]].tolist()
