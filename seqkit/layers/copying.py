"""Copying: a symbol of the source is written as it stands, by the attention that its places get."""

import keras
from keras import ops

LEAST = 1e-37  # of a probability, so that its logarithm is finite


def write_or_copy(
    logits: keras.KerasTensor, gate: keras.KerasTensor, weights: keras.KerasTensor, source: keras.KerasTensor
) -> keras.KerasTensor:
    """The pointer-generator's p(w) = p_gen softmax(logits)_w + (1 - p_gen) sum_{s: x_s = w} a_s (See et al. 2017, (9)).

    Args:
        logits: float32, (batch, steps, symbols).
        gate: float32, (batch, steps, 1), the logit of p_gen.
        weights: float, (batch, steps, places), 0 on padding, which add up to 1 over the places.
        source: int32, (batch, places), the symbol of each place.
    Returns:
        float32, (batch, steps, symbols), log p: logits again, of which a softmax makes p.
    """
    # places are added up where their symbols are: a one-hot vector a place took four times as long in a search
    ones = ops.ones_like(weights, dtype="int32")  # (batch, steps, places)
    row = ops.cumsum(ones[:, :1, :1], axis=0) - 1
    step = ops.cumsum(ones[:, :, :1], axis=1) - 1
    # products, since Keras takes a second addend of (batch, 1, 1) for a bias where there are as many steps as rows
    at = ops.stack([ones * row, ones * step, ones * ops.expand_dims(source, 1)], axis=-1)
    written = ops.sigmoid(gate) * ops.softmax(logits)
    copied = ops.sigmoid(-gate) * ops.cast(weights, "float32")
    both = ops.scatter_update(written, ops.reshape(at, (-1, 3)), ops.reshape(copied, (-1,)), reduction="add")
    return ops.log(ops.maximum(both, LEAST))
