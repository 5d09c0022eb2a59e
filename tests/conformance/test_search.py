"""Search: step by step a model writes what it writes with all steps at once; a beam of 1 is greedy, and so are draws of a
temperature near 0.
"""

import keras
import numpy as np
import pytest

from seqkit.core.settings import Search, Stack
from seqkit.inference.generation import generation_graph
from seqkit.testing.models import inputs_of
from seqkit.text.vocabulary import BEGIN, END, PADDING, UNKNOWN
from tests.cases import WRITES
from tests.kinds import of_each_kind

LONGEST = 8
READS = of_each_kind(WRITES, ("translation", "captioning"))  # a sequence, and an image: others hand on one of these


def greedy(model, batch):
    """The likeliest symbol, again and again, each time with the whole model over all that was written."""
    rows = len(batch["before"])
    before = np.full((rows, 1), BEGIN, np.int32)
    for _ in range(LONGEST):
        logits = np.array(model(inputs_of(model, batch | {"before": before})))[:, -1]
        logits[:, [PADDING, UNKNOWN, BEGIN]] = -np.inf
        before = np.concatenate([before, logits.argmax(axis=-1)[:, None].astype(np.int32)], axis=1)
    return [row[: row.index(END)] if END in row else row for row in before[:, 1:].tolist()]


def finder(model, **options):
    """The search as a graph, which is traced once for batches of any size."""
    return generation_graph(model, Search(longest=LONGEST, ratio=0, **options))


def written(model, batch, find):
    """What is found for each row, and the whole of it."""
    found = find(*(batch[tensor.name] for tensor in model.get_layer("encoder").inputs))
    return [
        row[:length].tolist() for row, length in zip(found.ids[:, 0].numpy(), found.lengths[:, 0], strict=True)
    ], found


def check_search(model, batch):
    texts, found = written(model, batch, finder(model, beam=1))
    assert texts == greedy(model, batch)
    assert len({tuple(row) for row in texts}) > 1
    np.testing.assert_allclose(found.weights.numpy().sum(axis=-1)[:, 0, 0], 1, rtol=1e-5)


@pytest.mark.parametrize("case", READS)
def test_a_beam_of_one_writes_what_the_whole_model_finds_likeliest(case, rng):
    keras.utils.set_random_seed(1)
    for cell, variant in zip(("lstm", "gru", "simple_rnn"), case.variants, strict=False):
        model = case.build(Stack(cell=cell, units=(5, 5)), variant)
        for variable in model.trainable_variables:  # far from the start, where all write the same
            variable.assign(variable * 4 + 0.3 * rng.normal(size=variable.shape).astype("float32"))
        check_search(model, case.batch(rng, (4, 9, 1, 6)))


@pytest.mark.parametrize("case", READS)
def test_search_check_catches_a_state_that_is_not_handed_on(case, rng, monkeypatch):
    model = case.build(Stack(cell="gru", units=(5,)), case.variants[0])
    for variable in model.trainable_variables:
        variable.assign(variable * 4 + 0.3 * rng.normal(size=variable.shape).astype("float32"))
    decoder = model.get_layer("decoder")
    forgetful = keras.Model(decoder.inputs, [*decoder.outputs[:2], *(0.0 * state for state in decoder.outputs[2:])])
    whole = model.get_layer
    monkeypatch.setattr(model, "get_layer", lambda name: forgetful if name == "decoder" else whole(name))
    with pytest.raises(AssertionError):
        check_search(model, case.batch(rng, (4, 9, 1, 6)))


@pytest.mark.parametrize("case", READS)
def test_draws_are_greedy_near_temperature_0_and_the_same_in_any_batch(case, rng):
    model, batch = case.build(Stack(cell="gru", units=(5,)), case.variants[0]), case.batch(rng, (4, 9, 1, 6))
    assert written(model, batch, finder(model, temperature=1e-6))[0] == greedy(model, batch)
    find = finder(model, temperature=1.0)
    drawn, _ = written(model, batch, find)
    rows = [{name: values[[row]] for name, values in batch.items()} for row in range(4)]
    assert drawn == [text for row in rows for text in written(model, row, find)[0]]
    assert len({tuple(text) for text in drawn}) > 1
