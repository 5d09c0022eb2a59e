"""Many to one: a sequence in, one answer out."""

import keras

from seqkit.core.settings import Pooling, Stack
from seqkit.layers.images import compare
from seqkit.layers.pooling import summarise
from seqkit.layers.wide import HEAD, TOGETHER


def many_to_one(
    inputs: keras.KerasTensor | list[keras.KerasTensor],
    features: keras.KerasTensor,
    mask: keras.KerasTensor,
    *,
    outputs: int,
    stack: Stack,
    pooling: Pooling = "last",
    grid: keras.KerasTensor | None = None,
    hops: int = 1,
    wide: keras.KerasTensor | None = None,
) -> keras.Model:
    """A model that summarises a sequence and scores `outputs` classes.

    Args:
        inputs: The model's inputs, from which the next two, and the grid, were made.
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
        grid: float, (batch, places, units): what the sequence is about, such as an image, where there is such a thing; the
            summary looks at it `hops` times, by attention, before it is scored.
        wide: float32, (batch, outputs): scores of another path from the inputs, which are added.
    Returns:
        A model from `inputs` to logits, float32 (batch, outputs).
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.topologies.many_to_one import many_to_one
        >>> ids, features, mask = embed_tokens(1000, Embedding(units=8))
        >>> model = many_to_one(ids, features, mask, outputs=2, stack=Stack(units=(16,)), pooling="max")
        >>> model(np.array([[5, 6, 7], [8, 9, 0]])).shape  # two texts, the second one padded
        TensorShape([2, 2])
    """
    _, _, summary = summarise(features, mask, stack, pooling)  # (batch, width)
    if grid is not None:
        summary = compare(summary, grid, hops=hops)
    logits = keras.layers.Dense(outputs, dtype="float32", name=HEAD)(summary)
    if wide is not None:
        logits = keras.layers.Add(dtype="float32", name=TOGETHER)([logits, wide])
    return keras.Model(inputs, logits, name="many_to_one")
