"""What happens to a gradient on its way back through time: arrays in, pictures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from seqkit.recurrence.bptt import scan
from seqkit.recurrence.step import Cell


def gradient_flow(
    cell: Cell,
    inputs: tf.Tensor,
    upstream: tf.Tensor,
    *,
    initial_state: Sequence[tf.Tensor] | None = None,
    **weights: Any,
) -> np.ndarray:
    """How large the gradient of the last step's loss is in every state (Bengio, Simard and Frasconi 1994).

    Where the norm falls with the distance, the loss can't teach the cell to keep what it saw so long ago; where it grows,
    a step of training goes astray unless it is clipped (Pascanu, Mikolov and Bengio 2013).

    Args:
        cell: the equations, as `seqkit.recurrence.cells.weights_of` gives them for a layer.
        inputs: float, (batch, steps, features).
        upstream: float, (batch, units), the gradient of the loss in the last output.
        initial_state: as in `bptt.scan`.
        **weights: kernel, bias, recurrent and so on, as in `bptt.scan`.
    Returns:
        float, (batch, steps): the Euclidean norm of dL/ds_t, where s_t is all that step t hands on, such as h_t and c_t.
    """
    inputs = tf.convert_to_tensor(inputs)
    states: Any = initial_state
    visited = []
    with tf.GradientTape() as tape:
        for t in range(inputs.shape[1]):
            _, states = scan(cell, inputs[:, t : t + 1], initial_state=states, return_sequences=False, **weights)
            tape.watch(states)
            visited.append(states)
        loss = tf.reduce_sum(states[0] * tf.cast(upstream, inputs.dtype))
    gradients = tape.gradient(loss, visited, unconnected_gradients="zero")
    return np.stack([np.linalg.norm(tf.concat(d, axis=-1).numpy(), axis=-1) for d in gradients], axis=1)


def gradient_flow_picture(flows: Mapping[str, np.ndarray]) -> Figure:
    """The norms of `gradient_flow` over the distance from the last step, on a logarithmic scale.

    Args:
        flows: by the name of the curve, (batch, steps); drawn is the batch's median, as a share of the last step's.
    """
    picture = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = picture.add_subplot()
    for name, norms in flows.items():
        back = np.median(norms / norms[:, -1:], axis=0)[::-1]
        ax.plot(np.where(back > 0, back, np.nan), label=name)
    ax.set_yscale("log")
    ax.set_xlabel("steps back from the loss")
    ax.set_ylabel("norm of the gradient in the state")
    ax.axhline(1, color="grey", linewidth=0.8, zorder=0)
    ax.legend(frameon=False)
    return picture
