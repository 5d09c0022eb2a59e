"""Answers of a model that encodes and decodes: its decoder asked step by step, in a beam, as one graph."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from seqkit.data.pipelines import Pipeline
from seqkit.data.ragged import Ragged
from seqkit.data.vocabulary import BEGIN, END, PADDING, UNKNOWN
from seqkit.decoding import Hypotheses, beam_search, sample
from seqkit.drawing import row_keys
from seqkit.layers.decoder import STATE
from seqkit.layers.stack import PAIRS
from seqkit.settings import Search

ROOM = 10  # symbols that an answer may have beyond `Search.ratio`


@functools.lru_cache(maxsize=8)
def searcher(model: keras.Model, search: Search) -> Callable[..., Hypotheses]:
    """A graph from the inputs of the model's encoder to the best hypotheses.

    Args:
        model: From `seqkit.topologies.encoder_decoder` or `one_to_many`: it holds the models "encoder" and "decoder".
    """
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    handed = [tensor.name for tensor in decoder.inputs[1:]]
    names = [tensor.name for tensor in encoder.inputs]

    def step(ids, state, memory):
        given = memory | state
        logits, weights, *after = decoder([ids[:, None], *(given[name] for name in handed)], training=False)
        return logits[:, 0], weights[:, 0], dict(zip(state, after, strict=True))

    def find(*inputs: tf.Tensor) -> Hypotheses:
        encoded = encoder(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        given = dict(zip(handed, tf.nest.flatten(encoded), strict=True))
        longest = tf.fill([tf.shape(inputs[0])[0]], search.longest)
        if search.ratio and "ids" in names:
            symbols = tf.reduce_sum(tf.cast(inputs[names.index("ids")] != PADDING, tf.float32), axis=1)
            longest = tf.minimum(longest, tf.cast(symbols * search.ratio, tf.int32) + ROOM)
        draws = functools.partial(sample, keys=row_keys(inputs, search.seed or 0)) if search.temperature else None
        return (draws or beam_search)(
            step,
            {name: value for name, value in given.items() if name.startswith(STATE)},
            {name: value for name, value in given.items() if not name.startswith(STATE)},
            begin=BEGIN,
            end=END,
            longest=longest,
            search=search,
            excluded=(PADDING, UNKNOWN, BEGIN),
            places=tf.shape(given["memory"])[1] if "memory" in given else 1,
        )

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in encoder.inputs]
    return tf.function(find, input_signature=signature, autograph=False)


def symbols_a_place(model: keras.Model) -> int:
    """How many symbols of the source a place of the memory stands for: 1, more with a pyramid, 0 without attention."""
    if "memory" not in {tensor.name for tensor in model.get_layer("decoder").inputs}:
        return 0
    return 2 ** sum(layer.name.startswith(PAIRS) for layer in model.get_layer("encoder").layers)


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found for each row, the best first.

    Attributes:
        ids: int32, ragged, (rows * n_best) of them.
        scores: float32, (rows, n_best).
        weights: For the best of each row float32, (symbols + 1, places), or (symbols, places) where it was cut short.
    """

    ids: Ragged
    scores: np.ndarray
    weights: Sequence[np.ndarray]

    def best(self) -> Ragged:
        """The ids of the best of each row."""
        return self.ids.take(np.arange(len(self.scores)) * self.scores.shape[1])


def find(model: keras.Model, rows: Pipeline, search: Search) -> Found:
    """Search for the answers to all rows, in their order."""
    run = searcher(model, search)
    names = [tensor.name for tensor in model.get_layer("encoder").inputs]
    ids: list[list[np.ndarray]] = [[]] * rows.rows
    scores = np.zeros((rows.rows, search.n_best), np.float32)
    weights: list[np.ndarray] = [np.empty(0)] * rows.rows
    for batch in rows.batches():
        found = Hypotheses(*(part.numpy() for part in run(*(batch[name] for name in names))))
        for place, row in enumerate(batch["rows"].numpy()):
            lengths = found.lengths[place]
            ids[row] = [best[:length] for best, length in zip(found.ids[place], lengths, strict=True)]
            scores[row] = found.scores[place]
            weights[row] = found.weights[place, 0, : lengths[0] + found.ended[place, 0]]
    flat = [one for row in ids for one in row]
    lengths = np.array([len(one) for one in flat])
    return Found(Ragged.of_lengths(np.concatenate(flat), lengths), scores, weights)
