"""A language model on one text from its beginning to its end, whose weights may go on learning as it reads."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.windows import Windows
from seqkit.recurrence.compiled import launching
from seqkit.training.executor import Batch, executor_of
from seqkit.training.regularisation import with_activations


def read_on(
    model: keras.Model, rows: Windows, *, rate: float = 0.0, decay: float = 0.0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Dynamic evaluation (Mikolov et al. 2010; Krause et al. 2018, with plain gradients): each segment is predicted, and
    then the weights move:

        w <- w - rate dL/dw + decay (w_trained - w)

    with L the mean of the segment's nats, through which alone the gradient flows. In the end the model has its trained
    weights again.

    Args:
        rows: One row, in one slot; a window is a segment.
        rate: 0 for a model that stays as it is.
    Yields:
        For each segment float32 (steps,), the log-probability of each symbol before the weights moved; and (steps, units),
        the outputs of the stack.
    """
    executor = executor_of(with_activations(model), rows, 1)
    variables = [variable.value for variable in model.trainable_variables]
    trained = [tf.constant(variable.numpy()) for variable in variables]

    def step(batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs, states = executor(batch, training=False)
            logits, said = tf.cast(outputs[0], tf.float32), outputs[1]
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["targets"], logits)  # (1, steps)
            weights = tf.cast(batch["weights"], tf.float32)
            loss = tf.reduce_sum(nats * weights) / tf.reduce_sum(weights)
        if rate:
            for variable, gradient, start in zip(variables, tape.gradient(loss, variables), trained, strict=True):
                moved = variable - rate * tf.cast(tf.convert_to_tensor(gradient), variable.dtype)
                variable.assign(moved + decay * (start - variable))
        executor.carry(states)
        return -nats[0], said[0]

    batches = rows.batches()
    read = tf.function(launching()(step), input_signature=[batches.element_spec], autograph=False)
    try:
        for batch, sizes in zip(batches, rows.plan()[1], strict=True):
            nats, said = read(batch)
            yield nats.numpy()[: sizes[0]], said.numpy()[: sizes[0]]
    finally:
        for variable, start in zip(variables, trained, strict=True):
            variable.assign(start)
