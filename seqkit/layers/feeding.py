"""A recurrence that attends: what it looked at in one step is an input of the next (input feeding, Luong et al. 2015)."""

import functools
from typing import Any

import keras
import tensorflow as tf

from seqkit.bptt import scan
from seqkit.cells import CELLS, GateCell, PlainOps
from seqkit.step import Cell


@functools.cache
def attentive(cell: str, kind: str) -> Cell:
    """A recurrence of `CELLS` with attention in its step; its states are those of the cell, then a.

    h_t = cell([x_t; a_{t-1}], h_{t-1}), e_ts = v . tanh(W_m m_s + W_h h_t) or h_t . W_m m_s, w_t = softmax_s(e_ts),
    a_t = tanh(W_a h_t + sum_s w_ts (W_c m_s + b)) (Luong et al. 2015, (5); additive scores of Bahdanau et al. 2015).

    `op.memory` holds the keys W_m m_s and the values W_c m_s + b, (batch, places, units), both made before the loop, and
    which places are real, (batch, places).
    """
    inner, additive = CELLS[cell].cell, kind == "additive"

    def step(op, x, state, vectors):
        *state, before = state
        x = tuple(p + q for p, q in zip(x, op.product(before, 0), strict=True))
        new = inner.step(_After(op), x, tuple(state), vectors[: inner.vectors])
        h = new[0]
        *asked, said = op.product(h, 1 + len(inner.products))
        keys, values, real = op.memory
        if additive:
            scores = tf.reduce_sum(tf.tanh(keys + asked[0][:, None]) * tf.expand_dims(vectors[-1], -2), axis=-1)
        else:
            scores = tf.reduce_sum(keys * h[:, None], axis=-1)  # (batch, places)
        weights = tf.nn.softmax(tf.where(real > 0, scores, -1e4))
        return (*new, op.tanh(said + tf.reduce_sum(weights[:, :, None] * values, axis=1)))

    return Cell(
        step,
        gates=inner.gates,
        products=(inner.gates, *inner.products, 2 if additive else 1),
        states=inner.states + 1,
        vectors=inner.vectors + additive,
        memory=(3, 3, 2),
    )


class _After:
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
        cell: A key of `seqkit.cells.CELLS`.
        kind: "additive" or "multiplicative".
        recurrent_initializer: As in `seqkit.cells.Recurrent`.
    Call arguments:
        A list: sequences, float (batch, steps, features); keys and values, float (batch, places, units); real, bool
        (batch, places); and the states, (batch, units) each.
    Returns:
        a, float (batch, steps, units); weights, float (batch, steps, places); the states after.
    """

    def __init__(self, units: int, cell: str, kind: str, recurrent_initializer: Any = "orthogonal", **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.kind = units, kind
        self.cell = GateCell(units, cell, recurrent_initializer, dtype=self.dtype_policy)
        self.supports_masking = True  # by the mask that it is given

    def build(self, shapes):
        gates, units = self.cell.recurrence.cell.gates, self.units
        self.cell.build(shapes[0])
        self.feed = self.add_weight((units, gates * units), name="feed_kernel")
        blocks = 2 if self.kind == "additive" else 1
        self.tail = self.add_weight((units, blocks * units), name="attention_kernel")
        self.score = [self.add_weight((units, 1), name="attention_score")] if blocks == 2 else []

    def compute_output_spec(self, given, training=False):
        sequences, keys, _, _, *states = given
        said = keras.KerasTensor((*sequences.shape[:2], self.units), self.compute_dtype)
        weights = keras.KerasTensor((*sequences.shape[:2], keys.shape[1]), self.compute_dtype)
        return said, weights, *(keras.KerasTensor(state.shape, self.compute_dtype) for state in states)

    def compute_mask(self, given, previous_mask):
        return None

    def call(self, given, training=False):
        sequences, keys, values, real, *states = given
        cell, own = attentive(self.cell.kind, self.kind), self.cell.scan_weights()
        tail = tf.convert_to_tensor(self.tail)
        own["recurrent"] = [tf.convert_to_tensor(self.feed), *own["recurrent"], tail]
        own["vectors"] = [*own["vectors"], *(tf.convert_to_tensor(score)[:, 0] for score in self.score)]
        memory = (keys, values, tf.cast(real, keys.dtype))
        if sequences.shape[1] == 1:  # of a search, which an exported graph holds
            x = tf.split(sequences[:, 0] @ own["kernel"] + own["bias"], cell.gates, axis=1)
            new = cell.step(PlainOps(cell, own["recurrent"], memory), tuple(x), tuple(states), tuple(own["vectors"]))
            outputs = new[0][:, None]
        else:
            outputs, new = scan(cell, sequences, initial_state=states, memory=memory, **own)
        # what was said and looked at in all steps at once, from the states: the loop keeps neither
        said = tf.split(tf.matmul(outputs, tail), tail.shape[-1] // self.units, axis=-1)
        if self.kind == "additive":
            scores = tf.tensordot(tf.tanh(said[0][:, :, None] + keys[:, None]), own["vectors"][-1], 1)
        else:
            scores = tf.matmul(outputs, keys, transpose_b=True)  # (batch, steps, places)
        weights = tf.nn.softmax(tf.where(real[:, None], scores, -1e4))
        return tf.tanh(said[-1] + tf.matmul(weights, values)), weights, *new

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "cell": self.cell.kind,
            "kind": self.kind,
            "recurrent_initializer": keras.initializers.serialize(self.cell.recurrent_initializer),
        }
