"""How gradients fare through time, in fresh cells and in a run's model: plain values, for a page."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.bounds import check_seed
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.settings import Training
from seqkit.core.version import __version__
from seqkit.recurrence.cells import recurrence_of
from seqkit.recurrence.diagnostics import jacobian_norms, saturation, spectral_radii, state_norms
from seqkit.recurrence.fresh import fate, fresh, linear_norms
from seqkit.recurrence.watching import Course, watch
from seqkit.report.gradients import write_gradients
from seqkit.report.wording import listed
from seqkit.runs.run import Run
from seqkit.training.optimizer import clip

CLIPPED = Training().global_clipnorm


def show_gradients(
    to: str | PathLike[str],
    *,
    run: Run | None = None,
    data: Any = None,
    rows: int = 16,
    cells: Sequence[str] = (),
    length: int = 200,
    units: int = 64,
    scales: Sequence[float] = (0.9, 1.0, 1.5),
    seed: int = 0,
) -> dict[str, Any]:
    """Write a page on what becomes of gradients on their way back through time, in fresh cells and in a run's model.

    Args:
        to: The page, .html.
        run: Whose recurrent layers are looked at, with the loss of its training on the first `rows` of `data`.
        data: Of the kind that the run was trained on.
        cells: To start afresh.
        length: Steps that a fresh cell runs for.
        units: Width of its state.
        scales: What its recurrent weights are multiplied by as they start.
        seed: Of its weights and inputs.
    Returns:
        What the page shows: "fresh", a mapping for each cell and scale, and "trained", of the run, with its "layers".
    Raises:
        InputError: There is a run without data or rows, or data without a run, no such cell or seed, or no layer that can be
            watched.
    Example:
        >>> found = seqkit.show_gradients("gradients.html", cells=["simple_rnn"], length=20, units=8, scales=[0.5])
        >>> [(one["cell"], one["fate"]) for one in found["fresh"]]
        [('simple_rnn', 'dies')]
    """
    if run is not None and data is None:
        raise InputError("A run's gradients are those of its loss on some rows: give them as data.")
    if run is None and data is not None:
        raise InputError("Data is for the gradients of a run, and there is none: name one, or leave the data out.")
    for name, value in (("length", length), ("units", units), ("rows", rows)):
        if value < 2:
            raise InputError(f"{name} is {value}: give 2 or more.")
    check_seed("seed", seed)
    found: dict[str, Any] = {"fresh": fresh_gradients(cells, length, units=units, scales=scales, seed=seed)}
    if run is not None:
        found["trained"] = run_gradients(run, data, rows=rows)
    write_gradients(to, found | {"lead": lead(found)}, version=__version__)
    return found


def fresh_gradients(
    cells: Sequence[str], length: int, *, units: int, scales: Sequence[float], seed: int = 0
) -> list[dict[str, Any]]:
    """Of each cell, and of each scale of its recurrent weights where it has such, what `fresh` finds.

    Raises:
        InputError: There is no such cell.
    """
    for cell in cells:
        try:
            recurrence_of(cell)
        except ValueError as error:
            raise InputError(str(error)) from None
    found = []
    for cell in cells:
        for scale in scales if _feeds_back(cell) else (1.0,):
            one = fresh(cell, length, units=units, scale=scale, seed=seed)
            values = {
                "cell": cell,
                "scale": scale,
                "norms": one.norms.tolist(),
                "fate": fate(one.norms),
                "weights": one.weights,
                "clipped": min(one.weights, CLIPPED),
                "radii": one.radii,
                "saturation": one.saturation,
            }
            if cell == "simple_rnn":
                values["linear"] = linear_norms(one.recurrent[0], length, seed=seed).tolist()
            found.append(values)
            notify(
                f"{cell}, scale {scale:g}: what reaches the first of {length} steps is {one.norms[0]:.1e} of the gradient."
            )
    return found


def run_gradients(run: Run, data: Any, *, rows: int = 16) -> dict[str, Any]:
    """Of a run's model, with the training's loss of what it answers on some rows of data; of two paths that is their sum.

    Args:
        data: of the kind that the run was trained on.
        rows: of them, at most: the first ones.
    Raises:
        InputError: No layer of the model can be watched, or no row is there.
    """
    examples = run.task.read(data, run.columns(None), role="test")
    examples = run.task.examined(examples)
    examples = examples.take(range(min(rows, len(examples))), examples.origin)
    training = Training(**run.info["settings"]["training"])
    if not len(examples):
        raise InputError(f"{examples.origin} has no rows.")
    batches, _ = run.task.encode_for_training(examples, len(examples))
    objective = run.task.objective(training, examples)
    descend = objective.training_loss or objective.loss
    batch = next(iter(batches.batches(stop=1)))
    weights = tf.cast(batch["weights"], tf.float32) if "weights" in batch else tf.ones(tf.shape(batch["targets"]))
    known = weights > 0 if weights.shape.rank == 1 else tf.reduce_any(weights > 0)
    if not bool(tf.reduce_all(known)):
        raise InputError(
            f"Among the first {len(examples)} rows of {examples.origin} are labels that the run doesn't know, of which "
            "there is no loss: leave such rows out."
        )
    model, names = run.model, [tensor.name for tensor in run.model.inputs]
    given = [batch[name] for name in names]
    with tf.GradientTape(persistent=True) as tape:
        outputs, courses = watch(model, given if len(given) > 1 else given[0], tape=tape)
        loss = tf.reduce_sum(descend(batch["targets"], outputs) * weights) / tf.reduce_sum(weights)
    states = [[step.after for step in course.steps] for course in courses]
    flows = [state_norms(own) for own in tape.gradient(loss, states, unconnected_gradients="zero")]
    moved = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    moved = [tf.convert_to_tensor(gradient) for gradient in moved if gradient is not None]
    clipped, norm, _ = clip(moved, training)
    answers = batches.lengths[batch["rows"].numpy()] if "rows" in batch else None
    return {
        "run": str(run.path),
        "rows": len(examples),
        "source": examples.origin,
        "loss": float(loss),
        "weights": float(norm),
        "clipped": float(tf.linalg.global_norm(clipped)),
        "layers": [
            {
                "name": course.name,
                "cell": course.cell.step.__name__,
                "norms": flow[row, :length].tolist(),
                "jacobians": jacobian_norms(course, row, length).tolist(),
                "radii": spectral_radii(course),
                "saturation": saturation(course),
            }
            for course, flow, (row, length) in zip(
                courses, flows, _longest(courses, len(batch["targets"]), answers), strict=True
            )
        ],
    }


def _longest(courses: Sequence[Course], rows: int, answers: np.ndarray | None) -> list[tuple[int, int]]:
    """For each course the row of its batch to show, and how many real steps that has: the row with the most over all courses
    together; where a course has other rows, such as words by their characters, the longest of these.

    Args:
        rows: Of the model's batch.
        answers: int, (rows,), how long they are; nothing of windows.
    """
    counts = [_real_steps(course, answers) for course in courses]
    together = sum((own for own in counts if len(own) == rows), np.zeros(rows, np.int64))
    places = [int(np.argmax(together if len(own) == rows else own)) for own in counts]
    return [(row, int(own[row])) for row, own in zip(places, counts, strict=True)]


def _real_steps(course: Course, answers: np.ndarray | None) -> np.ndarray:
    """Of each row how many steps are no padding: int, (rows,). A layer without a mask, as a decoder's, runs over answers."""
    if course.mask is not None:
        real: np.ndarray = np.asarray(course.mask, np.int64).sum(axis=1)
        return real
    rows, steps = course.steps[0].x.shape[0], len(course.steps)
    return np.full(rows, steps) if answers is None or len(answers) != rows else np.minimum(answers, steps)


def lead(found: Mapping[str, Any]) -> str:
    """What is found, in a sentence or two."""
    fates: dict[str, list[str]] = {}
    for cell in dict.fromkeys(one["cell"] for one in found["fresh"]):
        own = {one["scale"]: one["fate"] for one in found["fresh"] if one["cell"] == cell}
        for name in dict.fromkeys(own.values()):
            scales = [f"{scale:g}" for scale, other in own.items() if other == name]
            fates.setdefault(name, []).append(
                cell if len(set(own.values())) == 1 else f"{cell} (scale {' and '.join(scales)})"
            )
    said = [f"it {name} in {listed(own)}" for name, own in fates.items()]
    steps = len(found["fresh"][0]["norms"]) if found["fresh"] else 0
    parts = [f"Over {steps} steps before any training, {'; '.join(said)}."] if said else []
    if "trained" in found:
        trained = found["trained"]
        parts.append(
            f"In {trained['run']} the gradient of the weights has a norm of {trained['weights']:.3g}, after clipping "
            f"{trained['clipped']:.3g}."
        )
    return " ".join(["What becomes of a gradient on its way back through time.", *parts])


def _feeds_back(cell: str) -> bool:
    """Whether a matrix multiplies the state on its way to the next step."""
    equations = recurrence_of(cell).cell
    return bool(equations.products) and not equations.linear
