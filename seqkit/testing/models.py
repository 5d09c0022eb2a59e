"""What every topology's model has to pass, trained or not.

Rows come as the columns of a `seqkit.batches.pipeline.Pipeline`: the model's inputs by name, "targets" and, in step,
"weights".
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.derived import InStep
from seqkit.batches.pipeline import Column, Pipeline, boundaries
from seqkit.recurrence.stateful import stateful
from seqkit.training.objectives import Objective

Columns = Mapping[str, Column]
Batch = dict[str, np.ndarray]


def axes_of(columns: Columns, most: int = 1) -> dict[str, tuple[int, ...]]:
    """The first of the ragged columns of each set of lengths, with its widths."""
    axes: dict[bytes, tuple[str, InStep]] = {}
    for name, column in columns.items():
        if isinstance(column, InStep):
            axes.setdefault(column.lengths.tobytes(), (name, column))
    return {name: boundaries(column.lengths, most=most) for name, column in axes.values()}


def as_batch(columns: Columns, more: int = 0) -> Batch:
    """All rows as one batch in their order, padded to the longest and `more`."""
    axes: dict[str, tuple[int, ...]] = {}
    for name in axes_of(columns):
        column = columns[name]
        assert isinstance(column, InStep)
        axes[name] = (int(column.lengths.max()) + more,)
    rows = Pipeline(dict(columns), axes, len(next(iter(columns.values()))))
    batch: Batch = next(iter(rows.batches().as_numpy_iterator()))
    order = np.argsort(batch.pop("rows"))
    return {name: batch[name][order] for name in columns}


def inputs_of(model: keras.Model, batch: Mapping[str, Any]) -> Any:
    """What the model takes of a batch."""
    inputs = [batch[tensor.name] for tensor in model.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def check_padding(model: keras.Model, columns: Columns, *, more: int = 3) -> None:
    """Each row alone, unpadded, gives what it gives in a padded batch with others.

    That is asked with noise on all that is trained: the biases of a fresh model are zero, and through these a state that is
    zero stays so over the padding, whether that is masked or not.

    Args:
        columns: Rows of different lengths.
        more: Padding beyond the longest row.
    Example:
        >>> from seqkit.core.ragged import Ragged
        >>> from seqkit.testing.models import check_padding
        >>> rows = {"ids": Ragged.of_lengths(np.array([5, 6, 7, 8, 9], "int32"), np.array([3, 2]))}  # two texts
        >>> check_padding(run.model, rows)
    """
    with _stirred(model):
        together = np.asarray(model(inputs_of(model, as_batch(columns, more=more))))
        for row in range(len(together)):
            one = {
                name: column[row : row + 1] if isinstance(column, np.ndarray) else column.take(np.array([row]))
                for name, column in columns.items()
            }
            alone = np.asarray(model(inputs_of(model, as_batch(one))))[0]
            np.testing.assert_allclose(together[row][: len(alone)], alone, rtol=1e-5, atol=1e-5)


@contextlib.contextmanager
def _stirred(model: keras.Model) -> Iterator[None]:
    """The model with noise on its trained weights, which it has back afterwards."""
    before, rng = model.get_weights(), np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(scale=0.1, size=variable.shape))
    try:
        yield
    finally:
        model.set_weights(before)


def check_causality(model: keras.Model, batch: Batch, other: Batch, *, step: int) -> None:
    """Outputs before `step` are the same for two batches that differ from `step` on; after it they differ.

    Args:
        batch, other: The model's inputs by name, (batch, steps, ...).
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.testing.models import check_causality
        >>> from seqkit.topologies.many_to_many import many_to_many
        >>> model = many_to_many(*embed_tokens(10, Embedding(units=4)), outputs=3, stack=one_layer)
        >>> check_causality(model, {"ids": np.array([[4, 5, 6]])}, {"ids": np.array([[4, 5, 9]])}, step=2)
    """
    before, after = (np.asarray(model(inputs_of(model, given))) for given in (batch, other))
    np.testing.assert_array_equal(before[:, :step], after[:, :step])
    assert np.abs(before[:, step:] - after[:, step:]).max() > 1e-5, "outputs do not depend on the inputs after the step"


def dense_gradients(model: keras.Model, columns: Columns, objective: Objective) -> dict[str, np.ndarray]:
    """Number and path of each weight -> the gradient of the mean loss, repeated tokens added up."""
    batch = as_batch(columns)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(objective.loss(batch["targets"], model(inputs_of(model, batch))))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    paths = [f"{number} {variable.path}" for number, variable in enumerate(model.trainable_variables)]
    return {path: tf.convert_to_tensor(gradient).numpy() for path, gradient in zip(paths, gradients, strict=True)}


def check_gradients(model: keras.Model, columns: Columns, objective: Objective) -> None:
    """The gradient of the loss reaches every weight.

    Example:
        >>> from seqkit.core.ragged import Ragged
        >>> from seqkit.testing.models import check_gradients
        >>> ids = Ragged.of_lengths(np.array([5, 6, 7, 8, 9], "int32"), np.array([3, 2]))  # two texts
        >>> objective = run.task.objective(Training(), run.task.read("rows.tsv", run.task.columns))
        >>> check_gradients(run.model, {"ids": ids, "targets": np.array([0, 1])}, objective)
    """
    for path, gradient in dense_gradients(model, columns, objective).items():
        assert np.abs(gradient).max() > 0, f"no gradient reaches {path}"


def check_streaming(model: keras.Model, batch: Batch, real: np.ndarray, *, size: int, copy: Any = None) -> None:
    """Piece by piece, with the state handed on, a one-directional model answers every real step as it answers the whole.

    Args:
        real: bool, (batch, steps), False on padding.
        size: Steps of a piece.
        copy: The model with its states as inputs and outputs; None for `seqkit.recurrence.stateful.stateful`'s.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.testing.models import check_streaming
        >>> from seqkit.topologies.many_to_many import many_to_many
        >>> model = many_to_many(*embed_tokens(10, Embedding(units=4)), outputs=3, stack=one_layer)
        >>> ids = np.array([[4, 5, 6, 7], [8, 9, 0, 0]])
        >>> check_streaming(model, {"ids": ids}, ids != 0, size=1)  # token by token
    """
    copy = stateful(model, steps=1 if size == 1 else None) if copy is None else copy
    whole, steps = np.asarray(model(inputs_of(model, batch))), real.shape[1]
    states = [np.zeros((len(real), state.shape[1]), "float32") for state in copy.inputs[len(model.inputs) :]]
    pieces = []
    for start in range(0, steps, size):
        inputs = [batch[tensor.name][:, start : start + size] for tensor in model.inputs]
        answer, *states = map(np.asarray, copy([*inputs, *states]))
        pieces.append(answer)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1)[real], whole[real], rtol=1e-4, atol=1e-5)
