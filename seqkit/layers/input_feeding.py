"""A recurrence that attends: what it looked at in one step is an input of the next (input feeding, Luong et al. 2015)."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import GateCell
from seqkit.recurrence.step import Cell, Functions, PlainOps

Tensors = tuple[tf.Tensor, ...]


@functools.cache
def attentive(inner: Cell, kind: str, coverage: bool = False) -> Cell:
    """A recurrence with attention in its step; its states are those of the cell, then a.

    h_t = cell([x_t; a_{t-1}], h_{t-1}), e_ts = v . tanh(W_m m_s + W_h h_t) or h_t . W_m m_s, w_t = softmax_s(e_ts),
    a_t = tanh(W_a h_t + sum_s w_ts (W_c m_s + b)) (Luong et al. 2015, (5); additive scores of Bahdanau et al. 2015). With
    coverage the last state is c_ts = c_t-1,s + w_ts, (batch, places), and additive scores have one more term, as in
    v . tanh(W_m m_s + W_h h_t + w_c c_t-1,s) (Tu et al. 2016; See et al. 2017, (11)).

    `op.memory` holds the keys W_m m_s and the values W_c m_s + b, (batch, places, units), both made before the loop, and
    which places are real, (batch, places).
    """
    additive = kind == "additive"

    def step(op: Any, x: Tensors, state: Tensors, vectors: Tensors) -> Tensors:
        *own, before, covered = state if coverage else (*state, None)
        x = tuple(p + q for p, q in zip(x, op.product(before, 0), strict=True))
        new = inner.step(_After(op), x, tuple(own), vectors[: inner.vectors])
        said, weights = look(op, 1 + len(inner.products), new[0], vectors[inner.vectors :], covered)
        return (*new, said, covered + weights) if coverage else (*new, said)

    return Cell(
        step,
        gates=inner.gates,
        products=(inner.gates, *inner.products, 2 if additive else 1),
        states=inner.states + 1 + coverage,
        vectors=inner.vectors + additive + coverage,
        memory=(3, 3, 2),
        wide=int(coverage),
    )


def look(op: Any, product: int, h: Any, vectors: Sequence[Any], covered: Any = None) -> tuple[Any, Any]:
    """What a step of `attentive` says, and the weights of the places, by Keras's operations.

    Args:
        product: Which of `op` the attention's is.
        h: (batch, units), the cell's output.
        vectors: Behind those of the cell: none where scores are multiplicative.
        covered: (batch, places), where the scores know of it.
    Returns:
        a, (batch, units), and w, (batch, places).
    """
    *asked, said = op.product(h, product)
    keys, values, real = op.memory
    if vectors:
        hidden = keys + asked[0][:, None]  # (batch, places, units)
        if covered is not None:
            hidden += covered[:, :, None] * ops.expand_dims(vectors[1], -2)
        scores = ops.sum(ops.tanh(hidden) * ops.expand_dims(vectors[0], -2), axis=-1)
    else:
        scores = ops.sum(keys * h[:, None], axis=-1)  # (batch, places)
    weights = ops.softmax(ops.where(real > 0, scores, -1e4))
    return op.tanh(said + ops.sum(weights[:, :, None] * values, axis=1)), weights


class _After(Functions):
    """The operations of a cell whose products come after the first."""

    def __init__(self, op: Any):
        self.sigmoid, self.tanh, self._op = op.sigmoid, op.tanh, op

    def product(self, left: tf.Tensor, k: int = 0) -> Any:
        return self._op.product(left, k + 1)


@keras.saving.register_keras_serializable(package="seqkit")
class Attentive(keras.layers.Layer):
    """A layer of the recurrence `attentive`.

    Args:
        units: Width of the states.
        cell: A name that `seqkit.recurrence.cells.recurrence_of` knows.
        kind: "additive" or "multiplicative".
        coverage: Whether additive scores know what was looked at before.
        recurrent_initializer, heads: As in `seqkit.recurrence.cells.Recurrent`.
    Call arguments:
        A list: sequences, float (batch, steps, features); keys and values, float (batch, places, units); real, bool
        (batch, places); and the states, (batch, units) each, the coverage (batch, places).
    Returns:
        a, float (batch, steps, units); weights, float (batch, steps, places); the states after.
    """

    def __init__(
        self,
        units: int,
        cell: str,
        kind: str,
        recurrent_initializer: Any = "orthogonal",
        coverage: bool = False,
        heads: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units, self.kind, self.coverage = units, kind, coverage
        self.cell = GateCell(units, cell, recurrent_initializer, heads=heads, dtype=self.dtype_policy)
        self.supports_masking = True  # by the mask that it is given

    def build(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        gates, units = self.cell.recurrence.cell.gates, self.units
        self.cell.build(shapes[0])
        self.feed = self.add_weight((units, gates * units), name="feed_kernel")
        blocks = 2 if self.kind == "additive" else 1
        self.tail = self.add_weight((units, blocks * units), name="attention_kernel")
        names = ["attention_score"] * (blocks == 2) + ["coverage_kernel"] * self.coverage
        self.score = [self.add_weight((units, 1), name=name) for name in names]

    def compute_output_spec(self, given: Sequence[Any], training: bool = False) -> tuple[keras.KerasTensor, ...]:
        sequences, keys, _, _, *states = given
        said = keras.KerasTensor((*sequences.shape[:2], self.units), self.compute_dtype)
        weights = keras.KerasTensor((*sequences.shape[:2], keys.shape[1]), self.compute_dtype)
        return said, weights, *(keras.KerasTensor(state.shape, self.compute_dtype) for state in states)

    def compute_mask(self, given: Sequence[Any], previous_mask: Any) -> None:
        return None

    def call(self, given: Sequence[tf.Tensor], training: bool = False) -> Tensors:
        sequences, keys, values, real, *states = given
        cell, own = attentive(self.cell.recurrence.cell, self.kind, self.coverage), self.cell.scan_weights()
        tail = tf.convert_to_tensor(self.tail)
        own["recurrent"] = [tf.convert_to_tensor(self.feed), *own["recurrent"], tail]
        own["vectors"] = [*own["vectors"], *(tf.convert_to_tensor(score)[:, 0] for score in self.score)]
        memory = (keys, values, tf.cast(real, keys.dtype))
        if sequences.shape[1] == 1:  # of a search, which an exported graph holds
            x = tf.split(sequences[:, 0] @ own["kernel"] + own["bias"], cell.gates, axis=1)
            new = cell.step(PlainOps(cell, own["recurrent"], memory), tuple(x), tuple(states), tuple(own["vectors"]))
            outputs, covered = new[0][:, None], states[-1][:, None]
        else:
            outputs, new = scan(cell, sequences, initial_state=states, memory=memory, keep=training, **own)
            covered = new[-1][:, :-1]
            new = (*new[:-1], new[-1][:, -1]) if self.coverage else new
        # what was said and looked at in all steps at once, from the states: the loop keeps neither
        said = tf.split(tf.matmul(outputs, tail), tail.shape[-1] // self.units, axis=-1)
        if self.kind == "additive":
            hidden = said[0][:, :, None] + keys[:, None]  # (batch, steps, places, units)
            score = own["vectors"][-1]
            if self.coverage:
                *_, score, last = own["vectors"]
                hidden += covered[..., None] * last
            scores = tf.tensordot(tf.tanh(hidden), score, 1)
        else:
            scores = tf.matmul(outputs, keys, transpose_b=True)  # (batch, steps, places)
        weights = tf.nn.softmax(tf.where(real[:, None], scores, -1e4))
        return tf.tanh(said[-1] + tf.matmul(weights, values)), weights, *new

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | {
            "units": self.units,
            "cell": self.cell.kind,
            "kind": self.kind,
            "coverage": self.coverage,
            "heads": self.cell.heads,
            "recurrent_initializer": keras.initializers.serialize(self.cell.recurrent_initializer),
        }
