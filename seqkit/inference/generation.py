"""Answers of a model that encodes and decodes: its decoder asked step by step, in a beam, as one graph."""

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Search
from seqkit.decoding.beam_search import Hypotheses, beam_search
from seqkit.decoding.sampling import row_keys, sample
from seqkit.layers.decoder import STATE
from seqkit.layers.stack import PAIRS
from seqkit.text.subwords import MARK, Subwords
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import BEGIN, END, PADDING, SPECIAL, UNKNOWN, Vocabulary

Tensors = dict[str, tf.Tensor]

ROOM = 10  # symbols that an answer may have beyond `Search.ratio`


def generation_graph(model: keras.Model, search: Search) -> tf.types.experimental.PolymorphicFunction:
    """A graph from the inputs of the model's encoder to the best `Hypotheses`.

    Where all that is read are symbols and a row has none, it is answered by nothing.

    Args:
        model: From `seqkit.topologies.encoder_decoder` or `one_to_many`: it holds the models "encoder" and "decoder".
    """
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    handed = [tensor.name for tensor in decoder.inputs[1:]]
    names = [tensor.name for tensor in encoder.inputs]

    def step(ids: tf.Tensor, state: Tensors, memory: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
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
        if names == ["ids"]:
            asked = tf.reduce_any((inputs[0] != PADDING) & (inputs[0] != END), axis=1)
            longest = tf.where(asked, longest, 0)
        draws = functools.partial(sample, keys=row_keys(inputs, search.seed or 0)) if search.temperature else None
        return (draws or beam_search)(
            step,
            {name: value for name, value in given.items() if name.startswith(STATE)},
            {name: value for name, value in given.items() if not name.startswith(STATE)},
            begin=BEGIN,
            end=END,
            longest=longest,
            search=search,
            excluded=(PADDING, BEGIN) if search.replace_unknown else (PADDING, BEGIN, UNKNOWN),
            places=tf.shape(given["memory"])[1] if "memory" in given else 1,
        )

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in encoder.inputs]
    return tf.function(find, input_signature=signature, autograph=False)


def symbols_a_place(model: keras.Model) -> int:
    """How many symbols of the source a place of the memory stands for: 1, more with a pyramid, 0 without attention."""
    if "memory" not in {tensor.name for tensor in model.get_layer("decoder").inputs}:
        return 0
    pairs: int = sum(layer.name.startswith(PAIRS) for layer in model.get_layer("encoder").layers)
    return 1 << pairs


def most_attended_words(found: Hypotheses, words: tf.RaggedTensor) -> tf.Tensor:
    """For each symbol that was written the word of the source that was looked at most, its end left aside.

    Args:
        words: string, (rows, None), marked, of the source; where there are none it is the unknown word.
    Returns:
        string, (rows, n_best, steps).
    """
    weights = found.weights[:, :, : tf.shape(found.ids)[2]]  # (rows, n_best, steps, places)
    real = tf.sequence_mask(words.row_lengths(), tf.shape(weights)[3])  # (rows, places)
    places = tf.argmax(tf.where(real[:, None, None], weights, -1.0), axis=3)
    nothing = tf.fill([words.nrows(), 1], MARK + SPECIAL[UNKNOWN])
    return tf.gather(tf.concat([words, nothing], axis=1).to_tensor(), places, batch_dims=1)


@dataclasses.dataclass(frozen=True)
class Generated:
    """What was found for each row, the best first.

    Attributes:
        ids: int32, ragged, (rows * n_best) of them.
        scores: float32, (rows, n_best).
        weights: For the best of each row float32, (symbols + 1, places), or (symbols, places) where it was cut short.
        copied: Where unknown words are replaced, in step with `ids`: what to write for one, as UTF-8.
    """

    ids: Ragged
    scores: np.ndarray
    weights: Sequence[np.ndarray]
    copied: Ragged | None = None

    def texts(self, vocabulary: Vocabulary) -> list[str]:
        """All of them as texts, (rows * n_best)."""
        return vocabulary.written(self.ids, self.copied)

    def best(self) -> Ragged:
        """The ids of the best of each row."""
        return self.ids.take(np.arange(len(self.scores)) * self.scores.shape[1])


def generate_answers(
    find: tf.types.experimental.PolymorphicFunction,
    rows: Pipeline,
    search: Search,
    words: Tokenizer | Subwords | None = None,
) -> Generated:
    """Search for the answers to all rows, in their order.

    Args:
        find: The `generation_graph` of a model and this search.
        words: Where unknown words are replaced, what splits the column "text" of the rows into words of the source.
    """
    names = [spec.name for spec in find.input_signature]
    ids: list[list[np.ndarray]] = [[]] * rows.rows
    copied: list[list[np.ndarray]] = [[]] * rows.rows
    scores = np.zeros((rows.rows, search.n_best), np.float32)
    weights: list[np.ndarray] = [np.empty(0)] * rows.rows
    for batch in rows.batches():
        answers = find(*(batch[name] for name in names))
        instead = most_attended_words(answers, words(batch["text"])).numpy() if words else None
        found = Hypotheses(*(part.numpy() for part in answers))
        for place, row in enumerate(batch["rows"].numpy()):
            lengths = found.lengths[place]
            ids[row] = [best[:length] for best, length in zip(found.ids[place], lengths, strict=True)]
            if instead is not None:
                copied[row] = [best[:length] for best, length in zip(instead[place], lengths, strict=True)]
            scores[row] = found.scores[place]
            weights[row] = found.weights[place, 0, : lengths[0] + found.ended[place, 0]]
    flat = _joined(ids)
    return Generated(flat, scores, weights, Ragged(_joined(copied).values, flat.offsets) if words else None)


def _joined(rows: list[list[np.ndarray]]) -> Ragged:
    flat = [one for row in rows for one in row]
    return Ragged.of_lengths(np.concatenate(flat), np.array([len(one) for one in flat]))
