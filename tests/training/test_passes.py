"""Passes of an epoch: every row once in each, in another order, from any step on, and as many as are asked for."""

import itertools

import keras
import numpy as np
import pytest

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.rows import WHOLE
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Training
from seqkit.training.objectives import classification
from seqkit.training.passes import epoch_batches, steps_of
from seqkit.training.trainer import Trainer

ROWS = 7
PIPELINE = Pipeline(
    {
        "ids": Ragged.of_lengths(np.arange(1, ROWS + 1, dtype=np.int32), np.ones(ROWS, int)),
        "targets": np.arange(ROWS) % 2,
    },
    {"ids": (1,)},
    2,
)


def seen(passes, epoch=3, start=0, steps=None, rows=PIPELINE):
    """The rows of each batch, or the ids of each batch of windows."""
    stretches = epoch_batches(rows, steps or passes * len(rows), (0, epoch), start=start, part=WHOLE)
    name = "rows" if rows is PIPELINE else "ids"
    return [next(batches)[name].numpy().tolist() for batches, count in stretches for _ in range(count)]


def order(batches):
    return [row for rows in batches for row in rows]


def test_each_pass_has_every_row_once_in_an_order_that_no_other_has():
    whole, size = seen(3), len(PIPELINE)
    orders = [order(whole[first : first + size]) for first in range(0, 3 * size, size)]
    orders.append(order(seen(3, epoch=4)[:size]))
    assert all(sorted(one) == list(range(ROWS)) for one in orders)
    assert len({tuple(one) for one in orders}) == len(orders)
    assert [seen(3, start=start) for start in range(3 * size + 1)] == [whole[start:] for start in range(3 * size + 1)]


def test_epochs_that_are_shorter_than_a_pass_go_on_where_the_one_before_ended():
    passes = seen(1, epoch=0) + seen(1, epoch=1) + seen(1, epoch=2)
    for steps in (1, 3):
        epochs = [seen(0, epoch, steps=steps) for epoch in range(12 // steps)]
        assert {len(one) for one in epochs} == {steps}
        assert [batch for one in epochs for batch in one] == passes
        assert seen(0, 2, start=steps - 1, steps=steps) == epochs[2][steps - 1 :]


@pytest.mark.parametrize("random", [False, True])
def test_passes_over_windows_have_numbers_of_batches_of_their_own(random):
    lengths = np.array([40, 3, 25, 1, 1, 30])
    ids = Ragged.of_lengths(np.arange(1, lengths.sum() + 1, dtype=np.int32), lengths)
    rows = Windows({"ids": ids}, "ids", 2, 4, random)
    passes = [[batch["ids"].numpy().tolist() for batch in rows.batches((0, number))] for number in range(6)]
    assert len({len(one) for one in passes}) > 1
    for epoch, start in itertools.product(range(3), (0, 5, len(passes[0]), len(passes[0]) + 3)):
        whole = passes[2 * epoch] + passes[2 * epoch + 1]
        assert seen(2, epoch, start, rows=rows) == whole[start:]
    flat = list(itertools.chain(*passes))
    for epoch, start in itertools.product(range(4), range(4)):
        assert seen(0, epoch, start, steps=7, rows=rows) == flat[7 * epoch + start : 7 * epoch + 7]


@pytest.mark.parametrize(
    ("least", "most", "steps"), [(0, 0, 4), (4, 0, 4), (5, 0, 8), (17, 0, 20), (0, 3, 3), (0, 5, 4)]
)
def test_an_epoch_has_the_steps_that_are_asked_for(least, most, steps):
    training = Training(epochs=2, epoch_steps=least, max_epoch_steps=most, schedule="cosine", learning_rate=0.5)
    assert steps_of(training, PIPELINE) == steps
    counted = []
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, keras.layers.Embedding(ROWS + 1, 2)(ids)[:, 0])
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: counted.append(batch))
    history = Trainer(model, classification(training), training).fit(PIPELINE, PIPELINE, callbacks=[watch])
    assert counted == 2 * list(range(steps))
    assert [row["learning_rate"] for row in history] == pytest.approx([0.25, 0.0], abs=1e-6)  # over all of these steps
