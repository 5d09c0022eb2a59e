"""Recurrent layers, one on the other."""

import keras

from seqkit.cells import make_layer
from seqkit.settings import Stack


def recurrent_stack(features: keras.KerasTensor, mask: keras.KerasTensor, stack: Stack) -> keras.KerasTensor:
    """Run the stack over padded sequences.

    Args:
        features: float, (batch, steps, features).
        mask: bool, (batch, steps), False on padding.
    Returns:
        float, (batch, steps, stack.width). On a padded step a forward layer repeats its last state.
    """
    over = (None, 1, None) if stack.locked else None  # one draw for all steps
    if stack.input_dropout:
        features = keras.layers.Dropout(stack.input_dropout, noise_shape=over, name="input_dropout")(features)
    for number, units in enumerate(stack.units, start=1):
        layer = make_layer(
            stack.cell,
            units,
            recurrent_initializer=stack.recurrent_initializer,
            return_sequences=True,
            name=f"{stack.cell}_{number}",
        )
        if stack.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
        outputs = layer(features, mask=mask)  # (batch, steps, width)
        if stack.residual and number >= stack.residual_from:
            outputs = keras.layers.Add(name=f"residual_{number}")([features, outputs])
        if stack.layer_norm and number < len(stack.units):
            outputs = keras.layers.LayerNormalization(name=f"layer_norm_{number}")(outputs)
        if stack.dropout:
            outputs = keras.layers.Dropout(stack.dropout, noise_shape=over, name=f"dropout_{number}")(outputs)
        features = outputs
    return features
