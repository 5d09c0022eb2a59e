"""The decoder: a model that writes, from what an encoder hands over.

Its inputs are "before" (what was written so far), what stays the same for all steps ("memory", "keys", "real", "source",
"vector", as far as there is each) and "state_0", "state_1" ...; its outputs are logits, attention weights and the states
after. With all steps of an answer it is what is trained; with one step it is what a search asks.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from seqkit.core.errors import InputError
from seqkit.core.settings import Attention, Stack
from seqkit.layers.attention import attend, attention_keys
from seqkit.layers.copying import write_or_copy
from seqkit.layers.input_feeding import Attentive
from seqkit.layers.stack import in_step, without_times
from seqkit.recurrence.cells import make_layer

Head = Callable[[keras.KerasTensor], keras.KerasTensor]
STATE = "state_"  # begins the names of the inputs that change from step to step


def hand_over(
    summary: keras.KerasTensor,
    decoder: Stack,
    attention: Attention,
    memory: keras.KerasTensor | None = None,
    real: keras.KerasTensor | None = None,
    source: keras.KerasTensor | None = None,
) -> dict[str, keras.KerasTensor]:
    """What a decoder gets of something encoded, by the names of its inputs.

    Args:
        summary: float, (batch, features), of which the first states are made: tanh(W summary + b) for each.
        memory: float, (batch, places, features), where there is attention.
        real: bool, (batch, places), False on padding.
        source: int32, (batch, places), the symbols that stand there, where they may be copied.
    Raises:
        InputError: There is nothing to copy.
    """
    if attention.copying and source is None:
        raise InputError("attention.copying is on, but what is read has no symbols to copy: leave it off.")
    handed: dict[str, keras.KerasTensor] = {}
    if attention.kind != "none" and memory is not None and real is not None:
        units = decoder.units[0 if attention.feeding else -1]
        keys = attention_keys(memory, attention, units)
        if attention.feeding:
            memory = keras.layers.Dense(units, name="values")(memory)
        handed = {"memory": memory, "keys": keys, "real": real}
        if attention.copying:
            handed["source"] = source
    for number, width in enumerate(width for layer in _state_widths(decoder, attention) for width in layer):
        handed[f"{STATE}{number}"] = (
            ops.zeros_like(handed["keys"][:, :, 0])
            if width is None
            else keras.layers.Dense(width, activation="tanh", name=f"bridge_{number}")(summary)
        )
    return handed


def _state_widths(decoder: Stack, attention: Attention) -> list[list[int | None]]:
    """Of each layer's states; the first layer has one more where it is fed with what it attended to.

    With coverage that is one more again, None: as wide as there are places.
    """
    widths: list[list[int | None]] = []
    for units in decoder.units:
        size = make_layer(decoder.cell, units).cell.state_size
        widths.append(list(size) if isinstance(size, list | tuple) else [size])
    if attention.feeding:
        widths[0].append(decoder.units[0])
    if attention.coverage:
        widths[0].append(None)
    return widths


def decoder_model(
    before: keras.KerasTensor,
    features: keras.KerasTensor,
    handed: dict[str, keras.KerasTensor],
    *,
    outputs: int,
    decoder: Stack,
    attention: Attention,
    head: Head | None = None,
) -> keras.Model:
    """Build the decoder.

    Args:
        before: The input of ids, int32 (batch, steps), from which `features`, float (batch, steps, features), were made.
        handed: From `hand_over`, and "vector", float (batch, features), where one is to be seen at every step.
        head: From float (batch, steps, decoder.units[-1]) to logits, where they are not one affine map.
    Returns:
        [before, *handed] -> [logits, float32 (batch, steps, outputs), of which a softmax makes p, with copying log p itself;
        weights, float32 (batch, steps, places), of one place where there is no attention; *states after].
    Raises:
        InputError: The decoder is bidirectional or pyramidal, or has a cell that reads times.
    """
    if decoder.bidirectional:
        raise InputError("A decoder writes from the first symbol to the last: leave decoder.bidirectional off.")
    in_step(decoder, "decoder")
    without_times(decoder)
    given = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in handed.items()}
    over = (None, 1, None) if decoder.locked else None  # one draw for all steps
    sequence = features
    if "vector" in given:
        steps = ops.ones_like(features[:, :, :1])
        sequence = keras.layers.Concatenate(name="with_vector")([features, steps * ops.expand_dims(given["vector"], 1)])
    if decoder.input_dropout:
        sequence = keras.layers.Dropout(decoder.input_dropout, noise_shape=over, name="input_dropout")(sequence)
    states, after = [tensor for name, tensor in given.items() if name.startswith(STATE)], []
    weights = looked = None
    for number, (units, widths) in enumerate(
        zip(decoder.units, _state_widths(decoder, attention), strict=True), start=1
    ):
        first, states = states[: len(widths)], states[len(widths) :]
        options: dict[str, Any] = {
            "heads": decoder.heads,
            "recurrent_initializer": decoder.recurrent_initializer,
            "name": decoder.layer_name(number),
        }
        if attention.feeding and number == 1:
            layer = Attentive(units, decoder.cell, attention.kind, coverage=attention.coverage, **options)
            said, weights, *last = layer([sequence, given["keys"], given["memory"], given["real"], *first])
        else:
            layer = make_layer(decoder.cell, units, return_sequences=True, return_state=True, **options)
            said, *last = layer(sequence, initial_state=first)  # padding comes after what is real, and weighs nothing
        after += last
        if decoder.residual and number >= decoder.residual_from:
            said = keras.layers.Add(name=f"residual_{number}")([sequence, said])
        if decoder.layer_norm and number < len(decoder.units):
            said = keras.layers.LayerNormalization(name=f"layer_norm_{number}")(said)
        if decoder.dropout and number < len(decoder.units):
            said = keras.layers.Dropout(decoder.dropout, noise_shape=over, name=f"dropout_{number}")(said)
        sequence = said
    if "memory" in given and weights is None:
        context, weights = attend(sequence, given["memory"], given["keys"], given["real"], attention)
        looked = keras.layers.Concatenate(name="with_context")([sequence, context])
        sequence = keras.layers.Dense(decoder.units[-1], activation="tanh", name="attentional")(looked)
    elif "source" in given:
        context = ops.matmul(weights, given["memory"])  # of the first layer, which was fed with it
        looked = keras.layers.Concatenate(name="with_context")([sequence, context])
    elif weights is None:
        weights = ops.ones_like(sequence[:, :, :1])
    if decoder.dropout:
        sequence = keras.layers.Dropout(decoder.dropout, noise_shape=over, name="dropout")(sequence)
    logits = (head or keras.layers.Dense(outputs, dtype="float32", name="logits"))(sequence)
    if "source" in given:
        gate = keras.layers.Dense(1, dtype="float32", name="write_or_copy")(looked)
        logits = write_or_copy(logits, gate, weights, given["source"])
    weights = ops.cast(weights, "float32")  # which a search adds up, whatever the policy
    return keras.Model([before, *given.values()], [logits, weights, *after], name="decoder")


def joined(
    encoder_inputs: keras.KerasTensor | list[keras.KerasTensor],
    handed: dict[str, keras.KerasTensor],
    decoder: keras.Model,
) -> keras.Model:
    """The whole, for training: [*encoder_inputs, before] -> logits, of the models "encoder" and "decoder".

    Args:
        handed: Made from `encoder_inputs`, in the order of the decoder's inputs but "before".
    """
    inputs = encoder_inputs if isinstance(encoder_inputs, list) else [encoder_inputs]
    encoder = keras.Model(inputs, list(handed.values()), name="encoder")
    fresh = [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in inputs]
    before = keras.Input((None,), dtype="int32", name="before")
    encoded = encoder(fresh if len(fresh) > 1 else fresh[0])
    encoded = list(encoded) if isinstance(encoded, list | tuple) else [encoded]
    logits, *_ = decoder([before, *encoded])
    return keras.Model([*fresh, before], logits, name="encoder_decoder")
