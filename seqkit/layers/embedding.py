"""Token ids to vectors."""

from collections.abc import Callable

import keras
import numpy as np

from seqkit.core.settings import Embedding

PADDING = 0
OF_LANGUAGE_MODELS, OF_TAGGERS = 1.0, 0.3  # spreads that benchmarks/embeddings.py chose; texts of one label do worse so
# names of layers: of one with a variable of its own, and of one that takes another's
TABLE, SHARED = "embedding", "shared_embedding"


def embed_tokens(
    tokens: int,
    embedding: Embedding,
    vectors: np.ndarray | None = None,
    *,
    unknown: int | None = None,
    reversible: bool = False,
    shared: keras.layers.Embedding | None = None,
    spread: float | None = None,
    name: str = "ids",
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """The input of a model that reads token ids.

    Args:
        tokens: Size of the vocabulary.
        embedding: Width and dropouts.
        vectors: float, (tokens, units): pretrained rows to start from, whose width wins over `embedding.units`.
        unknown: The id that a dropped word takes, so that it is trained as the words are for which it stands; without it a
            dropped word is zeros.
        reversible: Whether `tied_head` may use the table for the output too.
        shared: The embedding, from `table_of`, of another input whose variable this one takes.
        spread: Standard deviation of the normal draw that a table starts from, which is no output too; nothing for Keras's
            draw, uniform to 0.05.
        name: Of the input.
    Returns:
        ids, int32 (batch, steps); features, float (batch, steps, units); mask, bool (batch, steps), False on padding.
        The mask is passed on by hand: Keras drops an implicit one wherever a layer has a second tensor argument.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> ids, features, mask = embed_tokens(1000, Embedding(units=8))
        >>> features.shape, mask.shape
        ((None, None, 8), (None, None))
    """
    ids = keras.Input((None,), dtype="int32", name=name)
    mask = keras.ops.not_equal(ids, PADDING)
    units = embedding.units if vectors is None else vectors.shape[1]
    options = {"trainable": embedding.trainable, "name": TABLE if shared is None else SHARED}
    if reversible:
        # a draw as wide as an output needs: with Keras's for an input, four times narrower at 64 units, little is learned
        draw = keras.initializers.RandomNormal(stddev=units**-0.5)
        table = keras.layers.ReversibleEmbedding(
            tokens, units, embeddings_initializer=draw, reverse_dtype="float32", **options
        )
    else:
        start = "uniform" if spread is None else keras.initializers.RandomNormal(stddev=spread)
        table = keras.layers.Embedding(tokens, units, embeddings_initializer=start, **options)
    if shared is not None:
        # one variable, of two layers: a layer of two models would not come back from a file as one; see `share_again`
        table.add_weight = lambda **options: shared.embeddings
    if embedding.word_dropout and unknown is not None:
        kept = keras.layers.Dropout(embedding.word_dropout, name="word_dropout")(keras.ops.ones_like(ids, "float32"))
        features = table(keras.ops.where(keras.ops.equal(kept, 0.0), unknown, ids))
    else:
        features = table(ids)
    if vectors is not None:
        table.set_weights([vectors])
    if embedding.word_dropout and unknown is None:
        whole_words = keras.layers.Dropout(embedding.word_dropout, noise_shape=(None, None, 1), name="word_dropout")
        features = whole_words(features)
    if embedding.dropout:
        same_at_every_step = keras.layers.Dropout(
            embedding.dropout, noise_shape=(None, 1, None), name="embedding_dropout"
        )
        features = same_at_every_step(features)
    return ids, features, mask


def table_of(ids: keras.KerasTensor, features: keras.KerasTensor) -> keras.layers.Embedding:
    """The embedding that `embed_tokens` made."""
    (table,) = (layer for layer in keras.Model(ids, features).layers if layer.name in (TABLE, SHARED))
    return table


def share_again(model: keras.Model) -> None:
    """Make one variable, in place, of two that a file holds of a shared embedding: to Keras each layer has its own."""
    layers = {layer.name: layer for layer in model._flatten_layers() if layer.name in (TABLE, SHARED)}
    if SHARED in layers:
        table, shared = layers[SHARED], layers[TABLE].embeddings
        table._tracker.unlock()
        table._untrack_variable(table.embeddings)
        table._embeddings = shared
        table._tracker.lock()


def tied_head(ids: keras.KerasTensor, features: keras.KerasTensor) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """A head for `many_to_many` whose logits are products with the embedding of the input (Press and Wolf 2017).

    Args:
        ids, features: From `embed_tokens` with `reversible`.
    """
    table = table_of(ids, features)
    # the copy leaves the mask behind, which the table would complain about
    return lambda sequence: table(keras.ops.copy(sequence), reverse=True)
