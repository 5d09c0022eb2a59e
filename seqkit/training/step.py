"""Steps as a graph, several in one call: loss, gradients, their true norm, clipping, and sums over items."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.rows import WHOLE, Part, Rows
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.settings import Training
from seqkit.recurrence.acceleration import check_followed
from seqkit.recurrence.compiled import launching
from seqkit.training.averages import move_averages
from seqkit.training.executor import Batch, Executor, executor_of
from seqkit.training.objectives import Measure, Objective, two_sided_divergence
from seqkit.training.optimizer import clip
from seqkit.training.passes import steps_of
from seqkit.training.peers import ALONE, Peers
from seqkit.training.regularisation import WeightDrop, activation_penalty, with_activations
from seqkit.training.sampled_softmax import sampled_objective, samples, without_head
from seqkit.training.scheduled_sampling import doubly_stochastic_penalty, sample_previous_tokens, with_attention
from seqkit.training.started import Started, apply
from seqkit.training.sums import Figures, Steps, means_of, total_sums

SCORED = 4  # times, at least, that a step has a batch's scores: 4.6 of 100,000 symbols, by resident memory


def make_train_steps(
    model: keras.Model,
    objective: Objective,
    training: Training,
    train: Rows,
    averages: Sequence[tf.Variable] = (),
    executor: Executor | None = None,
    seed: int = 0,
    peers: Peers = ALONE,
    wishes: tf.Variable | None = None,
    started: Started | None = None,
) -> Steps:
    """Steps as a graph that is traced once, whatever the shapes of the batches.

    Each process sums up over its part of the batch, divided by the items of the whole: what the processes add up in their
    one exchange is the loss and the gradient of the whole batch, which is then clipped and applied by each.

    Args:
        seed: Of the symbols that scheduled sampling replaces, and of those that a sampled softmax draws.
        wishes: float32, (wishes,): what a process wants after this step, 0 or 1 each.
        started: What the model goes on from.
    Returns:
        For each step sums over the batch's items ("loss", the measures, "items") and, of the step, "gradient_norm",
        "clipped" (0 or 1), "steps" (1) and "finite" (0 or 1; where it is 0 no weight was moved, and no step comes after),
        "tokens", and as "wish_0", "wish_1" ... how many processes had which wish.
    """
    variables = model.trainable_variables
    optimizer = model.optimizer
    if samples(model, training):
        objective = sampled_objective(model, training, optimizer.iterations.value, seed)
    descend = objective.training_loss or objective.loss
    executor = executor or training_executor(model, train, training, part=peers.part, started=started)
    epoch_steps = steps_of(training, train)
    total = epoch_steps * training.epochs
    wanted = tf.zeros(0) if wishes is None else wishes

    def step(batch: Batch) -> dict[str, tf.Tensor]:
        weights = _weights(batch)
        if training.scheduled_sampling:
            batch = _own_tokens_before(batch, executor, training, optimizer.iterations.value, total, seed, peers.part)
        with tf.GradientTape() as tape:
            outputs, states = executor(batch, training=True)
            draw = tf.stack([seed, optimizer.iterations.value])
            outputs, penalty = _penalised(outputs, training, weights, batch, peers, started, draw)
            losses = _of_items(descend, batch, outputs, weights, "loss")
            if training.r_drop:
                others = _own(executor(batch, training=True)[0], training, started)
                losses = (losses + _of_items(descend, batch, others, weights, "loss")) / 2.0
                losses += training.r_drop / 4.0 * two_sided_divergence(outputs, others)
            loss = tf.math.divide_no_nan(tf.reduce_sum(losses * weights), batch["items"]) + penalty
            if model.losses:
                loss += tf.add_n([tf.cast(one, tf.float32) for one in model.losses]) / peers.part.size
        found = tape.gradient(loss, [v.value for v in variables])
        reached = _reached(variables, found, peers)
        gradients = [_dense(gradient) for gradient in found if gradient is not None]
        sums = _sums(objective, batch, outputs, weights) | {"tokens": tf.cast(batch["steps"], tf.float32)}
        loss, wished, *rest = peers.sum([loss, tf.identity(wanted), *sums.values(), *gradients])
        sums, gradients = dict(zip(sums, rest, strict=False)), rest[len(sums) :]
        gradients, norm, clipped = clip(gradients, training)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)

        def move() -> bool:
            apply(optimizer, gradients, reached, started, epoch_steps)
            if averages:
                move_averages(averages, variables, training.ema, optimizer.iterations.value)
            return True

        def go_on() -> tf.Tensor:
            executor.carry(states)
            return tf.cond(batch["items"] > 0, move, lambda: False)  # what weighs nothing teaches nothing

        tf.cond(finite, go_on, lambda: False)
        own = {"gradient_norm": norm, "clipped": tf.cast(clipped, tf.float32), "steps": tf.constant(1.0)}
        wished = {f"wish_{number}": wish for number, wish in enumerate(tf.unstack(wished))}
        return sums | own | wished | {"finite": tf.cast(finite, tf.float32)}

    return _traced(step, train, peers.part)


def make_valid_steps(
    model: keras.Model, objective: Objective, valid: Rows, *, epochs: int = 1, part: Part = WHOLE
) -> Steps:
    """For each step sums over the items of a part of the batch, without dropout."""
    executor = executor_of(model, valid, epochs, part=part)

    def step(batch: Batch) -> dict[str, tf.Tensor]:
        outputs, states = executor(batch, training=False)
        executor.carry(states)
        return _sums(objective, batch, outputs, _weights(batch))

    return _traced(step, valid, part)


def evaluate(model: keras.Model, rows: Rows, objective: Objective) -> dict[str, float]:
    """Means over all items, exact whatever the batches: "loss" and the measures."""
    return means_of(total_sums(make_valid_steps(model, objective, rows), rows))


def training_executor(
    model: keras.Model,
    train: Rows,
    training: Training,
    seed: int = 0,
    part: Part = WHOLE,
    started: Started | None = None,
) -> Executor:
    """The model as it is trained: with dropped recurrent weights, and with what is penalised as outputs too.

    Args:
        model: compiled, so that it has an optimizer to count the steps.
        seed: of the dropped weights.
    Raises:
        InputError: The model isn't one of which the settings ask, or a batch's scores alone fill this machine's memory.
    """
    check_followed(model)
    _check_memory(model, train, part)
    if training.scheduled_sampling and "before" not in {tensor.name for tensor in model.inputs}:
        raise InputError(
            "training.scheduled_sampling is for models that encode and decode, such as translation's: leave it at 0."
        )
    if training.r_drop and not any(getattr(layer, "rate", 0) for layer in model._flatten_layers()):
        raise InputError(
            f"training.r_drop is {training.r_drop} for a model without dropout, of which two passes are alike: give some, "
            "to the embedding or to layers, or leave it at 0."
        )
    count = model.optimizer.iterations.value
    change = WeightDrop(training.weight_drop, seed, count) if training.weight_drop else None
    shown = without_head(model) if samples(model, training) else model
    shown = with_activations(shown) if _shows_activations(training, started) else shown
    shown = with_attention(model) if training.attention_penalty else shown
    return executor_of(shown, train, training.epochs * steps_of(training, train) / len(train), change, part)


def _shows_activations(training: Training, started: Started | None) -> bool:
    return bool(training.ar or training.tar or (started and started.tuning.language_model))


def _check_memory(model: keras.Model, train: Rows, part: Part) -> None:
    sizes = model.outputs[0].shape[1:]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    shapes = (
        [(len(rows), widths[-1]) for rows, widths in train.plan((0, 0))]
        if isinstance(train, Pipeline)
        else train.shapes()
    )
    rows, steps = max(shapes, key=lambda shape: shape[0] * (shape[1] if None in sizes else 1))
    rows, scores = part.of(rows), math.prod(steps if size is None else size for size in sizes)
    needed = SCORED * 4 * rows * scores
    if needed > memory:
        raise InputError(
            f"A batch of {rows:,} rows has {scores:,} scores a row{f' of {steps:,} steps' * (None in sizes)}, which takes "
            f"{needed / 1e9:,.0f} GB, and this machine has {memory / 1e9:,.0f}: give a smaller training.batch_size or, "
            "where few rows are that long, training.batch_tokens; or less to choose among."
        )


def _traced(step: Callable[[Batch], dict[str, tf.Tensor]], rows: Rows, part: Part) -> Steps:
    """Steps as a graph, whose figures are read in one go: each call, and each read, waits for the graph and has a cost of
    its own, of which small steps are many.
    """
    names: list[str] = []

    def several(batches: tf.data.Iterator, count: tf.Tensor) -> tf.Tensor:
        def one(done: tf.Tensor, go: tf.Tensor, read: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
            figures = step(batches.get_next())
            names[:] = figures
            values = tf.stack([tf.cast(figure, tf.float32) for figure in figures.values()])
            return done + 1, tf.cast(figures.get("finite", 1.0), tf.bool), read.write(done, values)

        start = tf.constant(0), tf.constant(True), tf.TensorArray(tf.float32, size=count)
        done, _, read = tf.while_loop(lambda done, go, read: go & (done < count), one, start, parallel_iterations=1)
        return read.gather(tf.range(done))

    signature = [tf.data.IteratorSpec(rows.batches(stop=1, part=part).element_spec), tf.TensorSpec([], tf.int32)]
    graph = tf.function(launching()(several), input_signature=signature, autograph=False)

    def steps(batches: tf.data.Iterator, count: int) -> list[Figures]:
        figures = graph(batches, tf.constant(count)).numpy().tolist()
        return [dict(zip(names, values, strict=True)) for values in figures]

    return steps


def _own_tokens_before(
    batch: Batch, executor: Executor, training: Training, step: tf.Tensor, steps: int, seed: int, part: Part
) -> Batch:
    """The batch with a share of the symbols before each replaced by what the model finds itself."""
    logits = _own(executor(batch, training=False)[0], training, None)
    before = sample_previous_tokens(
        batch["before"], logits, training, step, steps, seed, whole=batch["whole"], part=part
    )
    return batch | {"before": before}


def _penalised(
    outputs: Any,
    training: Training,
    weights: tf.Tensor,
    batch: Batch,
    peers: Peers,
    started: Started | None,
    seed: tf.Tensor,
) -> tuple[Any, tf.Tensor]:
    """The model's own outputs, and this part's share of what those that `training_executor` added to them cost."""
    own = _own(outputs, training, started)
    if _shows_activations(training, started):
        *_, said, dropped = outputs
        penalty = tf.constant(0.0)
        if training.ar or training.tar:
            penalty += activation_penalty(training, said, dropped, weights, peers)
        if started and started.tuning.language_model:
            penalty += started.language_model_loss(batch, dropped, seed, peers)
        return own, penalty
    if training.attention_penalty:
        return own, training.attention_penalty * doubly_stochastic_penalty(outputs[1], weights, batch["whole"])
    return own, tf.constant(0.0)


def _own(outputs: Any, training: Training, started: Started | None) -> Any:
    """The model's own outputs, without those that `training_executor` added to them."""
    if _shows_activations(training, started):
        own = outputs[:-2]
        return own if len(own) > 1 else own[0]
    return outputs[0] if training.attention_penalty else outputs


def _reached(
    variables: Sequence[keras.Variable], gradients: Sequence[tf.Tensor | None], peers: Peers
) -> list[keras.Variable]:
    """The variables with a gradient; of the others it is told, once for the graph, that they stay."""
    reached = [variable for variable, gradient in zip(variables, gradients, strict=True) if gradient is not None]
    left = [variable.path for variable, gradient in zip(variables, gradients, strict=True) if gradient is None]
    if not reached:
        raise InputError(
            f"The objective's loss reaches none of the model's {len(variables)} trainable variables: make it of the "
            "outputs, by TensorFlow's operations."
        )
    if left and peers.first:
        notify(f"The loss doesn't reach {', '.join(left)}: what is not reached stays as it is.")
    return reached


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    # A token that repeats has several slices: the norm is right only of their sum.
    if isinstance(gradient, tf.IndexedSlices):
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])
    return gradient


def _weights(batch: Batch) -> tf.Tensor:
    if "targets" not in batch:
        raise InputError("The rows have no column named targets, with which the objective compares the outputs.")
    weights = tf.cast(batch["weights"], tf.float32) if "weights" in batch else tf.ones(tf.shape(batch["targets"]))
    return weights * batch["counts"]


def _sums(objective: Objective, batch: Batch, outputs: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
    figures = {"loss": objective.loss} | objective.measures
    values = {name: _of_items(figure, batch, outputs, weights, name) for name, figure in figures.items()}
    sums = {name: tf.reduce_sum(value * weights) for name, value in values.items()}
    return sums | {"items": tf.reduce_sum(weights)}


def _of_items(figure: Measure, batch: Batch, outputs: Any, weights: tf.Tensor, name: str) -> tf.Tensor:
    """A figure of the outputs, a number an item: another, such as a column, would be multiplied with every item's weight.

    It is made in float32, as Keras's losses are, whatever the model computes in.
    """
    outputs = tf.nest.map_structure(lambda one: tf.cast(one, tf.float32) if one.dtype.is_floating else one, outputs)
    values = tf.cast(figure(batch["targets"], outputs), tf.float32)
    if not values.shape.is_compatible_with(weights.shape):
        raise InputError(
            f"The objective's {name} has the shape {values.shape}, where the targets have {weights.shape}: expected a "
            "number for each of these."
        )
    ours, theirs = values.shape, weights.shape  # of which a batch alone may know some
    if ours.rank is None or any(one is not None for one, other in zip(ours, theirs, strict=True) if other is None):
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(values), tf.shape(weights), name)]):
            return tf.identity(values)
    return values
