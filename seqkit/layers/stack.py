"""Recurrent layers, one on the other."""

import keras
from keras import ops

from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.recurrence.cells import make_layer, recurrence_of

PAIRS = "pairs_"  # begins the names of the layers that halve the steps


def recurrent_stack(
    features: keras.KerasTensor, mask: keras.KerasTensor, stack: Stack, timed: bool = False
) -> keras.KerasTensor:
    """Run the stack over padded sequences.

    Args:
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
        timed: Whether the last of the features is the time since the step before; a cell that asks for it gets it in every
            layer, and as it is, whatever is dropped.
    Returns:
        float, (batch, steps, stack.width), with the steps of `real_steps`. On a padded step a forward layer repeats its last
        state.
    Raises:
        InputError: The cell asks for times, and there are none, or it would read them backwards or in pairs.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.layers.stack import recurrent_stack
        >>> ids, features, mask = embed_tokens(1000, Embedding(units=8))
        >>> recurrent_stack(features, mask, Stack(units=(32, 16), bidirectional=True)).shape
        (None, None, 32)
    """
    asked = recurrence_of(stack.cell).timed is not None
    if asked:
        _must_have_times(stack, timed)
    times = features[..., -1:] if asked else None
    over = (None, 1, None) if stack.locked else None  # one draw for all steps
    if times is not None:
        features = features[..., :-1]
    if stack.input_dropout:
        features = keras.layers.Dropout(stack.input_dropout, noise_shape=over, name="input_dropout")(features)
    for number, units in enumerate(stack.units, start=1):
        if stack.pyramidal and number > 1:
            features, mask = _in_pairs(features, mask, name=f"{PAIRS}{number}")
        layer = make_layer(
            stack.cell,
            units,
            heads=stack.heads,
            recurrent_initializer=stack.recurrent_initializer,
            return_sequences=True,
            name=stack.layer_name(number),
        )
        if stack.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
        given = features
        if times is not None:
            given = keras.layers.Concatenate(name=f"with_time_{number}")([features, times])
        outputs = layer(given, mask=mask)  # (batch, steps, width)
        if stack.residual and number >= stack.residual_from:
            outputs = keras.layers.Add(name=f"residual_{number}")([features, outputs])
        if stack.layer_norm and number < len(stack.units):
            outputs = keras.layers.LayerNormalization(name=f"layer_norm_{number}")(outputs)
        if stack.dropout:
            outputs = keras.layers.Dropout(stack.dropout, noise_shape=over, name=f"dropout_{number}")(outputs)
        features = outputs
    return features


def _must_have_times(stack: Stack, timed: bool) -> None:
    if not timed:
        raise InputError(
            f"A {stack.cell} reads the time since the step before, which nothing gives here: choose another cell, or "
            "frames that end in it, with encoder.times."
        )
    if stack.bidirectional or stack.pyramidal:
        raise InputError(
            f"A {stack.cell} reads the time since the step before, and neither backwards nor in pairs: leave "
            "stack.bidirectional and stack.pyramidal off."
        )


def without_times(stack: Stack) -> None:
    """Raise InputError where the stack, which gets no times, has a cell that asks for them."""
    if recurrence_of(stack.cell).timed is not None:
        _must_have_times(stack, timed=False)


def real_steps(mask: keras.KerasTensor, stack: Stack) -> keras.KerasTensor:
    """Which steps of the stack's output are real: bool, (batch, steps), of the mask of its input."""
    return mask[:, :: stack.stride] if stack.pyramidal else mask


def in_step(stack: Stack, name: str) -> None:
    """Raise InputError where the stack, which is an option `name`, has fewer steps than its input."""
    if stack.pyramidal:
        raise InputError(f"{name}.pyramidal is on, but there is an answer at every step: leave it off.")


def _in_pairs(
    features: keras.KerasTensor, mask: keras.KerasTensor, *, name: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Each two neighbours as one step: (batch, steps, width) -> (batch, ceil(steps / 2), 2 width), and its mask.

    What has no neighbour, at the end of a row, stands beside zeros, whether padding follows it or nothing does.
    """
    features = ops.where(ops.expand_dims(mask, -1), features, 0)  # of one type, whatever the policy
    second = ops.pad(features, ((0, 0), (0, 1), (0, 0)))[:, 1::2]
    return keras.layers.Concatenate(name=name)([features[:, ::2], second]), mask[:, ::2]
