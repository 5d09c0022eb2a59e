"""Which words moved a score: integrated gradients over the embedding, and the words left out one by one."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.layers.embedding import SHARED, TABLE

Score = Callable[[Any, Mapping[str, tf.Tensor]], tf.Tensor]
WORD = "word"  # name of the layer that joins a word's vector and that of its characters
POINTS = 16  # of the path that are looked at first
AT_ONCE = 32  # rows


@dataclasses.dataclass(frozen=True)
class Integrated:
    """What each step of a row adds to a score.

    Attributes:
        values: float64, (steps,); 0 where nothing was moved.
        baseline: The score of the row whose words are zero vectors.
        score: The row's own.
        points: Of the path that were looked at.
        tolerance: How far `values` may be from adding up to the difference of the two.
    Example:
        >>> found = seqkit.explain(run, "a bad film, number 7").integrated
        >>> found.complete, found.error <= found.tolerance
        (True, True)
    """

    values: np.ndarray
    baseline: float
    score: float
    points: int
    tolerance: float

    @property
    def error(self) -> float:
        """How far they are."""
        return abs(float(self.values.sum()) - (self.score - self.baseline))

    @property
    def complete(self) -> bool:
        """Whether that is within the tolerance."""
        return self.error <= self.tolerance


def integrated_gradients(
    model: keras.Model,
    row: Mapping[str, tf.Tensor],
    score: Score,
    moved: np.ndarray,
    *,
    tolerance: float = 0.01,
    least: float = 1e-3,
    most: int = 512,
) -> Integrated:
    """Share out a score's distance from a baseline among a row's words (Sundararajan, Taly and Yan 2017):

        a_i = (x_i - x'_i) . integral from 0 to 1 of dF(x' + alpha (x - x')) / dx_i d alpha,   sum_i a_i = F(x) - F(x')

    with the words' vectors x and zero vectors x'. The integral is a Gauss-Legendre sum, whose points are doubled until the
    sum on the right holds.

    Args:
        model: That reads words by an embedding, or holds an "encoder" that does.
        row: Each input -> (1, ...).
        score: (outputs, the inputs) -> (rows,).
        moved: bool, (steps,), which steps go from zero to their own; the others stay as they are.
        tolerance: Share of the difference by which the sum may miss it.
        least: That may be missed of any difference.
        most: Points, at most.
    Raises:
        InputError: The model has no embedding of words.
    Example:
        >>> from seqkit.inference.attribution import integrated_gradients
        >>> ids = run.task.vocabulary.ids_of(["a", "bad", "film"])
        >>> row, words = {"ids": ids[None]}, np.full(3, True)
        >>> found = integrated_gradients(run.model, row, lambda outputs, row: outputs[:, 0], words)
        >>> found.values.shape, found.complete
        ((3,), True)
    """
    places = _embeddings(model)
    ends = _vectors(places, row)
    moves = [tf.where(moved[None, :, None], vectors, 0.0) for vectors in ends]
    slope = _slope(model, places, row, ends, score)
    scores, _ = slope(row, [tf.concat([end - move, end], 0) for end, move in zip(ends, moves, strict=True)])
    baseline, own = scores.numpy().astype(np.float64).tolist()
    bound, points = max(tolerance * abs(own - baseline), least), POINTS
    while True:
        nodes, weights = np.polynomial.legendre.leggauss(points)
        total = [np.zeros(end.shape[1:], np.float64) for end in ends]
        for first in range(0, points, AT_ONCE):
            alphas, shares = (nodes[first : first + AT_ONCE] + 1) / 2, weights[first : first + AT_ONCE] / 2
            left = tf.constant((1 - alphas)[:, None, None], tf.float32)
            path = [end - left * move for end, move in zip(ends, moves, strict=True)]
            _, gradients = slope(row, path)
            total = [
                one + np.tensordot(shares, slopes.numpy(), 1) for one, slopes in zip(total, gradients, strict=True)
            ]
        values = sum((one * move.numpy()[0]).sum(axis=-1) for one, move in zip(total, moves, strict=True))
        found = Integrated(np.asarray(values), baseline, own, points, bound)
        if found.complete or 2 * points > most:
            return found
        points *= 2


def _embeddings(model: keras.Model) -> list[tuple[keras.Model, keras.layers.Layer]]:
    """The layers that give each word its vector, of several models as one there are several, and what holds them."""
    holder = next((layer for layer in model.layers if layer.name == "encoder"), model)
    joined = [layer for layer in holder.layers if layer.name.partition("_of_member_")[0] == WORD]
    tables = [layer for layer in holder.layers if layer.name.partition("_of_member_")[0] in (TABLE, SHARED)]
    if not (joined or tables):
        raise InputError(f"{model.name} reads no words by an embedding, so there is no telling which of them moved it.")
    return [(holder, layer) for layer in joined or tables]


def _vectors(places: Sequence[tuple[keras.Model, keras.layers.Layer]], row: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    holder = places[0][0]
    probe = keras.Model(holder.input, [layer.output for _, layer in places])
    given = [row[tensor.name] for tensor in holder.inputs]
    found: list[tf.Tensor] = tf.nest.flatten(probe(given if len(given) > 1 else given[0], training=False))
    return [tf.cast(vectors, tf.float32) for vectors in found]


def _slope(
    model: keras.Model,
    places: Sequence[tuple[keras.Model, keras.layers.Layer]],
    row: Mapping[str, tf.Tensor],
    ends: Sequence[tf.Tensor],
    score: Score,
) -> Callable[..., tuple[tf.Tensor, list[tf.Tensor]]]:
    """(the row, vectors in place of its words', (rows, steps, units) each) -> scores, and their gradients in these."""
    stands = {id(layer): Instead(layer, name=layer.name, dtype=layer.dtype_policy) for _, layer in places}
    names = [tensor.name for tensor in model.inputs]
    copy = keras.models.clone_model(model, clone_function=lambda layer: stands.get(id(layer), layer), recursive=True)

    def slopes(row: dict[str, tf.Tensor], vectors: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        count = tf.shape(vectors[0])[0]
        rows = {name: tf.repeat(values, count, axis=0) for name, values in row.items()}
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            for layer, given in zip(stands.values(), vectors, strict=True):
                layer.vectors = given
            inputs = [rows[name] for name in names]
            found = score(copy(inputs if len(inputs) > 1 else inputs[0], training=False), rows)
        return found, tape.gradient(found, vectors, unconnected_gradients="zero")

    inputs = {name: tf.TensorSpec(row[name].shape, row[name].dtype) for name in names}
    vectors = [tf.TensorSpec((None, *end.shape[1:]), tf.float32) for end in ends]  # of any number of points
    graph = tf.function(slopes, [inputs, vectors], autograph=False)
    return lambda row, vectors: graph({name: row[name] for name in names}, vectors)


class Instead(keras.layers.Layer):
    """Gives `vectors` in place of what the layer that it holds would give; without any, and in reverse, calls that."""

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer, self.vectors = layer, None
        self.built = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "vectors":  # a tensor of one call, which Keras is not to track
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def call(self, inputs: Any, **how: Any) -> Any:
        symbolic = isinstance(tf.nest.flatten(inputs)[0], keras.KerasTensor)
        if symbolic or self.vectors is None or how.get("reverse"):
            return self.layer(inputs, **how)
        return tf.cast(self.vectors, self.compute_dtype)

    def compute_output_spec(self, inputs: Any, **how: Any) -> Any:
        return self.layer.compute_output_spec(inputs, **how)


def left_out(
    model: keras.Model,
    row: Mapping[str, tf.Tensor],
    steps: Sequence[str],
    places: Sequence[int],
    of: Callable[[Any, Mapping[str, tf.Tensor]], tuple[tf.Tensor, tf.Tensor]],
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and probabilities of a row without each of these steps in turn: float, (places, ...) each.

    Args:
        row: Each input -> (1, ...).
        steps: Names of the inputs that have such steps, (1, steps, ...).
        of: (outputs, the inputs) -> logits and probabilities.
    """
    names = [tensor.name for tensor in model.inputs]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for first in range(0, len(places), AT_ONCE):
        some = places[first : first + AT_ONCE]
        rows = {
            name: np.concatenate([np.delete(row[name], place, axis=1) for place in some])
            if name in steps
            else np.repeat(row[name], len(some), axis=0)
            for name in names
        }
        given = {name: tf.constant(values) for name, values in rows.items()}
        inputs = [given[name] for name in names]
        outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
        logits, probabilities = of(outputs, given)
        found.append((logits.numpy(), probabilities.numpy()))
    logits, probabilities = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return logits, probabilities
