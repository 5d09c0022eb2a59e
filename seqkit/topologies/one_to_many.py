"""One to many: a vector or a grid of vectors in, a sequence out."""

import keras
from keras import ops

from seqkit.core.settings import Attention, Stack
from seqkit.layers.decoder import Head, decoder_model, hand_over, joined


def one_to_many(
    inputs: keras.KerasTensor,
    grid: keras.KerasTensor,
    target: tuple[keras.KerasTensor, keras.KerasTensor],
    *,
    outputs: int,
    decoder: Stack,
    attention: Attention,
    every_step: bool = False,
    head: Head | None = None,
) -> keras.Model:
    """A model that writes about something that is there at once, such as an image.

    The mean over the grid makes the decoder's first states (Vinyals et al. 2015). Besides it may be added to every step,
    h = tanh(W_xh x + W_hh h + W_ih v) (Karpathy and Fei-Fei 2015 have it in the first), or the decoder attends to the grid
    (Xu et al. 2015).

    Args:
        inputs: The model's input, from which `grid`, float (batch, places, features), was made; of one place for a vector.
        target: The input "before" of ids and features (batch, steps, features).
        attention: Over the grid; with kind "none" the decoder sees the mean alone.
        every_step: Whether the mean is an input of every step.
        head: As in `decoder_model`.
    Returns:
        A model from [inputs, "before"] to logits, float32 (batch, steps, outputs), that holds the models "encoder" and
        "decoder".
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.layers.images import embed_images
        >>> from seqkit.topologies.one_to_many import one_to_many
        >>> image, grid = embed_images((32, 32, 3), seqkit.Encoder(units=16))
        >>> before, features, _ = embed_tokens(1000, Embedding(units=8), name="before")
        >>> decoder, attention = Stack(units=(16,)), seqkit.Attention(kind="additive")
        >>> one_to_many(image, grid, (before, features), outputs=1000, decoder=decoder, attention=attention).output_shape
        (None, None, 1000)
    """
    mean = ops.mean(grid, axis=1)  # (batch, features)
    handed = hand_over(mean, decoder, attention, grid, ops.ones_like(grid[:, :, 0], dtype="bool"))
    if every_step:
        handed = {"vector": mean} | handed
    writes = decoder_model(*target, handed, outputs=outputs, decoder=decoder, attention=attention, head=head)
    return joined(inputs, handed, writes)
