"""What a search found as texts: unknown words give way to what was looked at."""

import numpy as np
import tensorflow as tf

from seqkit.core.ragged import Ragged
from seqkit.decoding.beam_search import Hypotheses
from seqkit.inference.generation import Generated, most_attended_words
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.vocabulary import UNKNOWN, Vocabulary

SOURCES = ["a (Smith) saw", "", "Jones"]
TARGET = Vocabulary.build(tokenize(["er sah ( )"], Tokenizer("marked_word", False)), Tokenizer("marked_word", False))


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
