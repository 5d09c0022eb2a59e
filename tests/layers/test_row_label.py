"""Tags of steps and a label of the row, in one choice."""

import keras
import numpy as np

from seqkit.core.settings import Stack
from seqkit.layers.row_label import FORBIDDEN, tags_and_label

TAGS, LABELS, WIDTH = 3, 4, 2


def test_a_row_alone_has_the_choices_that_it_has_in_company(rng):
    """However many steps it has: as many as there are labels, or tags, too."""
    sequence, mask, at_end = (
        keras.Input(shape, dtype=kind) for shape, kind in (((None, WIDTH), "float32"), *[((None,), "bool")] * 2)
    )
    choices = tags_and_label(
        sequence, mask, at_end, tags=TAGS, labels=LABELS, stack=Stack(units=(WIDTH,)), pooling="mean"
    )
    model = keras.Model([sequence, mask, at_end], choices)
    for steps in range(1, LABELS + TAGS + 2):
        end = np.arange(steps) == steps - 1
        rows = [rng.normal(size=(2, steps, WIDTH)), np.ones((2, steps), bool), np.tile(end, (2, 1))]
        together = np.asarray(model(rows))
        np.testing.assert_array_equal(
            together == FORBIDDEN, np.tile(end[:, None] == ([1] * TAGS + [0] * LABELS), (2, 1, 1))
        )
        for row in range(2):
            np.testing.assert_allclose(model([part[row : row + 1] for part in rows])[0], together[row], atol=1e-5)
