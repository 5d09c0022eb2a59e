"""Answers of a model that encodes and decodes: its decoder asked step by step, in a beam, as one graph."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Search
from seqkit.decoding.beam_search import Hypotheses, beam_search
from seqkit.decoding.sampling import row_keys, sample, search_or_sample
from seqkit.layers.decoder import STATE
from seqkit.layers.stack import PAIRS
from seqkit.text.subwords import MARK, Subwords
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import BEGIN, END, PADDING, SPECIAL, UNKNOWN, Vocabulary
from seqkit.topologies.ensemble import MEMBER

Tensors = dict[str, tf.Tensor]

ASKED = (  # what a graph may be asked for: what to search with, how long an answer may be, and the seed of what is drawn
    tf.TensorSpec([], tf.int32, "beam"),
    tf.TensorSpec([], tf.float32, "temperature"),
    tf.TensorSpec([], tf.int32, "length"),
    tf.TensorSpec([], tf.int64, "seed"),
)
LOOKED_AT = 20  # rows of which it is kept where their answers looked
ROOM = 10  # symbols that an answer may have beyond `Search.ratio`


def generation_graph(model: keras.Model, search: Search) -> tf.types.experimental.PolymorphicFunction:
    """A graph from the inputs of the model's encoder to the best `Hypotheses`.

    Where all that is read are symbols and a row has none, it is answered by nothing.

    Args:
        model: From `seqkit.topologies.encoder_decoder` or `one_to_many`: it holds the models "encoder" and "decoder".
    """

    def find(*inputs: tf.Tensor) -> Hypotheses:
        longest = _longest(model, search, inputs, search.longest)
        draws = functools.partial(sample, keys=row_keys(inputs, search.seed or 0)) if search.temperature else None
        return (draws or beam_search)(**_decoding(model, search, inputs), longest=longest, search=search)

    return tf.function(find, input_signature=_signature(model), autograph=False)


def asked_generation_graph(model: keras.Model, search: Search) -> tf.types.experimental.PolymorphicFunction:
    """The same with `ASKED` as further inputs, instead of the search's own: to the best of each row, or to one draw."""
    one = dataclasses.replace(search, n_best=1)

    def find(*given: tf.Tensor) -> Hypotheses:
        inputs, (beam, temperature, length, seed) = given[: -len(ASKED)], given[-len(ASKED) :]
        return search_or_sample(
            **_decoding(model, search, inputs),
            keys=row_keys(inputs, seed),
            beam=beam,
            temperature=temperature,
            longest=_longest(model, search, inputs, length),
            search=one,
        )

    return tf.function(find, input_signature=[*_signature(model), *ASKED], autograph=False)


def _signature(model: keras.Model) -> list[tf.TensorSpec]:
    return [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in model.get_layer("encoder").inputs]


def _longest(model: keras.Model, search: Search, inputs: Sequence[tf.Tensor], length: int | tf.Tensor) -> tf.Tensor:
    """Symbols of each row at most: int32, (rows,)."""
    names = [tensor.name for tensor in model.get_layer("encoder").inputs]
    longest = tf.fill([tf.shape(inputs[0])[0]], length)
    if search.ratio and "ids" in names:
        symbols = tf.reduce_sum(tf.cast(inputs[names.index("ids")] != PADDING, tf.float32), axis=1)
        room = tf.minimum(symbols * search.ratio, tf.cast(length, tf.float32))  # it may be too great for an int32
        longest = tf.minimum(longest, tf.cast(room, tf.int32) + ROOM)
    if names == ["ids"]:
        asked = tf.reduce_any((inputs[0] != PADDING) & (inputs[0] != END), axis=1)
        longest = tf.where(asked, longest, 0)
    return longest


def _decoding(model: keras.Model, search: Search, inputs: Sequence[tf.Tensor]) -> dict[str, Any]:
    """What is decoded: arguments of `beam_search` that are the same for all searches."""
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    handed = [tensor.name for tensor in decoder.inputs[1:]]

    def step(ids: tf.Tensor, state: Tensors, memory: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        given = memory | state
        logits, weights, *after = decoder([ids[:, None], *(given[name] for name in handed)], training=False)
        return logits[:, 0], weights[:, 0], dict(zip(state, after, strict=True))

    encoded = encoder(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    given = dict(zip(handed, tf.nest.flatten(encoded), strict=True))
    return {
        "step": step,
        "state": {name: value for name, value in given.items() if name.startswith(STATE)},
        "memory": {name: value for name, value in given.items() if not name.startswith(STATE)},
        "begin": BEGIN,
        "end": END,
        "excluded": (PADDING, BEGIN) if search.replace_unknown else (PADDING, BEGIN, UNKNOWN),
        "places": tf.shape(given["memory"])[1] if "memory" in given else 1,
    }


def symbols_a_place(model: keras.Model) -> int:
    """How many symbols of the source a place of the memory stands for: 1, more with a pyramid, 0 without attention."""
    if "memory" not in {tensor.name for tensor in model.get_layer("decoder").inputs}:
        return 0
    names = {layer.name.partition(MEMBER)[0] for layer in model.get_layer("encoder").layers}  # all members' alike
    pairs: int = sum(name.startswith(PAIRS) for name in names)
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


class Costs(NamedTuple):
    """What the scores of hypotheses are made of, for any penalties: all (rows, n_best).

    Attributes:
        nats: float32, log-probabilities; -inf where there is no hypothesis.
        steps: int32, symbols, the end included.
        unseen: float32, the sum over the places of the source of log(min(attention in all steps, 1)).
    """

    nats: np.ndarray
    steps: np.ndarray
    unseen: np.ndarray

    def scores(self, length_penalty: float, coverage_penalty: float) -> np.ndarray:
        """Those of `seqkit.decoding.beam_search.beam_search` with these penalties: float32, (rows, n_best)."""
        divisors = ((5 + self.steps.astype(np.float32)) / 6) ** np.float32(length_penalty)
        scores: np.ndarray = self.nats / divisors + np.float32(coverage_penalty) * self.unseen
        return scores


@dataclasses.dataclass(frozen=True)
class Generated:
    """What was found for each row, the best first.

    Attributes:
        ids: int32, ragged, (rows * n_best) of them.
        scores: float32, (rows, n_best).
        weights: For the best of each of the first LOOKED_AT rows float32, (symbols + 1, places), or (symbols, places)
            where it was cut short.
        copied: Where unknown words are replaced, in step with `ids`: what to write for one, as UTF-8.
        costs: What scores are made of.
    """

    ids: Ragged
    scores: np.ndarray
    weights: Sequence[np.ndarray]
    copied: Ragged | None = None
    costs: Costs | None = None

    def texts(self, vocabulary: Vocabulary) -> list[str]:
        """All of them as texts, (rows * n_best)."""
        return vocabulary.written(self.ids, self.copied)

    def best(self) -> Ragged:
        """The ids of the best of each row."""
        return self.ids.take(np.arange(len(self.scores)) * self.scores.shape[1])

    def one_each(self, rows: np.ndarray, places: np.ndarray) -> "Generated":
        """Of some rows, which may repeat, one hypothesis each: that at this place, from the best down."""
        chosen = rows * self.scores.shape[1] + places
        copied = None if self.copied is None else self.copied.take(chosen)
        return Generated(self.ids.take(chosen), self.scores[rows, places][:, None], [], copied)


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
    scores, nats, unseen = (np.zeros((rows.rows, search.n_best), np.float32) for _ in range(3))
    steps = np.zeros((rows.rows, search.n_best), np.int32)
    weights: list[np.ndarray] = [np.empty(0)] * min(rows.rows, LOOKED_AT)
    for batch in rows.each():
        answers = find(*(batch[name] for name in names))
        instead = most_attended_words(answers, words(batch["text"])).numpy() if words else None
        found = Hypotheses(*(part.numpy() for part in answers))
        looked = found.weights.sum(axis=2)  # (batch, n_best, places)
        missed = np.log(np.clip(looked, 1e-30, 1.0), where=looked > 0, out=np.zeros_like(looked)).sum(axis=2)
        for place, row in enumerate(batch["rows"].numpy()):
            lengths = found.lengths[place]
            ids[row] = [best[:length].copy() for best, length in zip(found.ids[place], lengths, strict=True)]
            if instead is not None:
                copied[row] = [best[:length].copy() for best, length in zip(instead[place], lengths, strict=True)]
            scores[row], nats[row], unseen[row] = found.scores[place], found.log_probabilities[place], missed[place]
            steps[row] = lengths + found.ended[place]
            if row < LOOKED_AT:
                weights[row] = found.weights[place, 0, : lengths[0] + found.ended[place, 0]].copy()
    flat = _joined(ids)
    instead_of = Ragged(_joined(copied).values, flat.offsets) if words else None
    return Generated(flat, scores, weights, instead_of, Costs(nats, steps, unseen))


def _joined(rows: list[list[np.ndarray]]) -> Ragged:
    flat = [one for row in rows for one in row]
    return Ragged.of_lengths(np.concatenate(flat), np.array([len(one) for one in flat]))
