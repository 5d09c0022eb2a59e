"""What happens to a gradient on its way back through time: arrays in, pictures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from seqkit.recurrence.step import Cell
from seqkit.recurrence.watching import Course, OpenOps, open_steps


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
    Example:
        >>> from seqkit.recurrence.cells import Recurrent, weights_of
        >>> from seqkit.recurrence.diagnostics import gradient_flow
        >>> layer, x = Recurrent(8, "simple_rnn"), rng.normal(size=(4, 30, 3)).astype("float32")
        >>> layer.build(x.shape)
        >>> cell, weights = weights_of(layer)
        >>> norms = gradient_flow(cell, x, np.ones((4, 8), "float32"), **weights)
        >>> norms.shape, bool(norms[0, 0] < norms[0, -1])  # it vanishes on its way back
        ((4, 30), True)
    """
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape() as tape:
        steps = open_steps(cell, weights, inputs, initial_state, tape=tape)
        loss = tf.reduce_sum(steps[-1].after[0] * tf.cast(upstream, inputs.dtype))
    return state_norms(tape.gradient(loss, [step.after for step in steps], unconnected_gradients="zero"))


def state_norms(gradients: Sequence[Sequence[tf.Tensor]]) -> np.ndarray:
    """float, (batch, steps): Euclidean norms over all states of a step, from their gradients, step by step."""
    return np.stack([np.linalg.norm(tf.concat(own, axis=-1).numpy(), axis=-1) for own in gradients], axis=1)


def jacobian_norms(course: Course, row: int = 0, length: int | None = None) -> np.ndarray:
    """Spectral norms of ds_T/ds_t: how much of a small change of the state at step t is left at the last step, at most.

    Args:
        row: which of the batch's.
        length: of that row; nothing where it has all steps.
    Returns:
        float, (length,), 1 at the last one; of a course from the text's end on the first step is the last.
    """
    units = [state.shape[-1] for state in course.steps[0].after]

    @tf.function(autograph=False)
    def jacobian(x: tf.Tensor, joined: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(joined)
            op = OpenOps(course.cell, course.weights)
            states = tuple(tf.split(joined, units, axis=1))
            new = course.cell.step(op, op.projected(x), states, tuple(course.weights.get("vectors", ())))
            after = tf.concat(new, axis=1)
        return tape.jacobian(after, joined)[0, :, 0]  # (after, before)

    product, norms = np.eye(sum(units)), [1.0]
    steps = course.steps[:length]
    order = steps if course.reverse else steps[::-1]
    for step in order[:-1]:  # from the last on
        x, before = step.x[row : row + 1], tf.concat([state[row : row + 1] for state in step.before], axis=1)
        product = product @ np.asarray(jacobian(x, before), np.float64)
        norms.append(float(np.linalg.norm(product, 2)))
    return np.array(norms if course.reverse else norms[::-1])


def spectral_radii(course: Course) -> dict[str, float]:
    """The largest absolute eigenvalue of each square block of the recurrent matrices: what multiplies the state of a step,
    gate by gate, in the order of the cell's products; of several heads the largest. None of a cell that is linear in its
    state, whose matrices, if any, lead out of it.
    """
    found: dict[str, float] = {}
    if course.cell.linear:
        return found
    for k, (kernel, blocks) in enumerate(zip(course.weights["recurrent"], course.cell.products, strict=True)):
        whole = np.asarray(kernel, np.float64)
        for number, block in enumerate(np.split(whole, blocks, axis=-1)):
            if block.shape[-1] == block.shape[-2]:
                found[f"R{k + 1}.{number + 1}"] = float(np.abs(np.linalg.eigvals(block)).max())
    return found


def saturation(course: Course) -> dict[str, tuple[float, float]]:
    """Of each gate the share of its values, over rows, units and steps without padding, near its lower and upper end:
    within a tenth of its range, as Karpathy, Johnson and Fei-Fei 2015 count them.
    """
    found = {}
    real = slice(None) if course.mask is None else np.asarray(course.mask).T  # (steps, batch)
    for name, (kind, _) in course.steps[0].gates.items():
        values = np.stack([step.gates[name][1] for step in course.steps])[real]
        low, high = (0.1, 0.9) if kind == "sigmoid" else (-0.8, 0.8)
        found[name] = (float((values < low).mean()), float((values > high).mean()))
    return found


def gradient_flow_picture(flows: Mapping[str, np.ndarray]) -> Figure:
    """The norms of `gradient_flow` over the distance from the last step, on a logarithmic scale.

    Args:
        flows: by the name of the curve, (batch, steps); drawn is the batch's median, as a share of the last step's.
    Example:
        >>> from seqkit.recurrence.diagnostics import gradient_flow_picture
        >>> steps = np.arange(30)
        >>> figure = gradient_flow_picture({"falls": 0.8 ** steps[None, ::-1], "grows": 1.1 ** steps[None, ::-1]})
        >>> figure.savefig("flow.png")
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
