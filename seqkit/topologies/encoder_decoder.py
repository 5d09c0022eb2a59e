"""Encoder to decoder: a sequence in, another sequence out."""

import keras
from keras import ops

from seqkit.core.errors import InputError
from seqkit.core.settings import Attention, Pooling, Stack
from seqkit.layers.decoder import Head, decoder_model, hand_over, joined
from seqkit.layers.images import compare
from seqkit.layers.pooling import summarise


def encoder_decoder(
    source: tuple[keras.KerasTensor | list[keras.KerasTensor], keras.KerasTensor, keras.KerasTensor],
    target: tuple[keras.KerasTensor, keras.KerasTensor],
    *,
    outputs: int,
    encoder: Stack,
    decoder: Stack,
    attention: Attention,
    pooling: Pooling = "last",
    grid: keras.KerasTensor | None = None,
    hops: int = 1,
    head: Head | None = None,
) -> keras.Model:
    """A model that reads one sequence and writes another.

    Args:
        source: Inputs, features (batch, steps, features) and mask (batch, steps), as `embed_tokens` gives them; the grid's
            input is one of the inputs.
        target: The input "before" of ids and features (batch, steps, features).
        encoder: Its summary, each direction's last state, makes the decoder's first states; its outputs are the memory. With
            a pyramidal one a place is several steps of the source.
        attention: With copying the ids of the source have the meaning of the outputs.
        pooling: How its outputs become the summary, where not by the last states.
        grid: float, (batch, places, units): what the sequence is about, such as an image, where there is such a thing; the
            summary looks at it `hops` times, by attention, before it makes the first states, and the grid is the memory.
        head: As in `decoder_model`.
    Returns:
        A model from [source's inputs, "before"] to logits, float32 (batch, steps, outputs), that holds the models "encoder"
        and "decoder".
    Raises:
        InputError: There is copying, and the encoder is pyramidal or there is a grid.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.topologies.encoder_decoder import encoder_decoder
        >>> source, (before, features, _) = embed_tokens(500, Embedding(8)), embed_tokens(400, Embedding(8), name="before")
        >>> parts = {"encoder": Stack(units=(16,)), "decoder": Stack(units=(16,)), "attention": seqkit.Attention()}
        >>> model = encoder_decoder(source, (before, features), outputs=400, **parts)
        >>> model([np.array([[5, 6, 7]]), np.array([[2, 9]])]).shape  # what comes after each of two symbols
        TensorShape([1, 2, 400])
    """
    if attention.copying and encoder.pyramidal:
        raise InputError(
            "attention.copying and encoder.pyramidal are both on, but a place of several symbols is none to copy: leave one "
            "of them off."
        )
    inputs, features, mask = source
    symbols = inputs
    memory, real, summary = summarise(features, mask, encoder, pooling)  # (batch, places, width) and (batch, width)
    if grid is not None:
        summary, symbols = compare(summary, grid, hops=hops), None
        memory, real = grid, ops.ones_like(grid[:, :, 0], dtype="bool")
    handed = hand_over(summary, decoder, attention, memory, real, symbols)
    writes = decoder_model(*target, handed, outputs=outputs, decoder=decoder, attention=attention, head=head)
    return joined(inputs, handed, writes)
