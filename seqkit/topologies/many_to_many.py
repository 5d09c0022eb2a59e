"""Many to many in step: an answer at every step of a sequence."""

from collections.abc import Callable

import keras

from seqkit.core.settings import Stack
from seqkit.layers.stack import in_step, recurrent_stack

Head = Callable[[keras.KerasTensor], keras.KerasTensor]


def many_to_many(
    inputs: keras.KerasTensor | list[keras.KerasTensor],
    features: keras.KerasTensor,
    mask: keras.KerasTensor,
    *,
    outputs: int,
    stack: Stack,
    head: Head | None = None,
    timed: bool = False,
) -> keras.Model:
    """A model that scores `outputs` classes at every step.

    Args:
        inputs: The model's inputs, from which the next two were made.
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
        head: From the stack's output, float (batch, steps, stack.width), to the answers, where they are not one affine map
            of it.
        timed: Whether the last of the features is the time since the step before, as in `recurrent_stack`.
    Returns:
        A model from `inputs` to logits, float32 (batch, steps, outputs), or what `head` makes; on padding they mean nothing.
    Raises:
        InputError: The stack is pyramidal, or its cell asks for times that there are none of.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.topologies.many_to_many import many_to_many
        >>> model = many_to_many(*embed_tokens(1000, Embedding(units=8)), outputs=17, stack=Stack(units=(16,)))
        >>> model(np.array([[5, 6, 7]])).shape  # one sentence, three words, 17 tags
        TensorShape([1, 3, 17])
    """
    in_step(stack, "stack")
    sequence = recurrent_stack(features, mask, stack, timed)  # (batch, steps, width)
    answer = head or keras.layers.Dense(outputs, dtype="float32", name="logits")
    return keras.Model(inputs, answer(sequence), name="many_to_many")
