"""How embeddings start."""

import numpy as np
import pytest

from seqkit.core.settings import Embedding, Stack
from seqkit.layers.embedding import OF_TAGGERS, TABLE, embed_tokens, table_of
from seqkit.tasks.language_model import build_language_model
from seqkit.tasks.tagging import Tagging, build_tagger
from seqkit.text.lexicon import Lexicon
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import SPECIAL, Vocabulary

TOKENS, UNITS = 400, 64


@pytest.mark.parametrize(("tied", "spread"), [(False, 1.0), (True, UNITS**-0.5)])
def test_a_language_models_table_starts_at_unit_scale_and_a_tied_one_as_narrow_as_an_output(tied, spread):
    model = build_language_model(TOKENS, Embedding(units=UNITS), Stack(units=(UNITS,)), one_hot=False, tied=tied)
    (table,) = model.get_layer(TABLE).get_weights()
    assert table.std() == pytest.approx(spread, rel=0.05)
    assert table.mean() == pytest.approx(0.0, abs=0.05 * spread)


def test_a_table_starts_as_keras_draws_one_unless_it_is_said():
    ids, features, _ = embed_tokens(TOKENS, Embedding(units=UNITS))
    (table,) = table_of(ids, features).get_weights()
    assert np.abs(table).max() == pytest.approx(0.05, rel=0.01)


def test_a_taggers_table_starts_at_its_own_spread():
    lexicon = Lexicon(Vocabulary((*SPECIAL, *map(str, range(TOKENS))), Tokenizer("word", lowercase=True)))
    task = Tagging({}, lexicon, ("A", "B"), None, "softmax")
    model = build_tagger(task, "none", 2, Embedding(units=UNITS), Stack(units=(2,)), None)
    assert model.get_layer(TABLE).get_weights()[0].std() == pytest.approx(OF_TAGGERS, rel=0.05)
