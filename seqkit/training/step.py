"""One step as a graph: loss, gradients, their true norm, clipping, and sums over items."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.training.executor import Batch, Executor, Rows, executor_of
from seqkit.training.objectives import Objective
from seqkit.training.optimizer import clip
from seqkit.training.regularisation import WeightDrop, activation_penalty, with_activations
from seqkit.training.scheduled_sampling import doubly_stochastic_penalty, sample_previous_tokens, with_attention


def make_train_step(
    model: keras.Model,
    objective: Objective,
    training: Training,
    train: Rows,
    averages: Sequence[tf.Variable] = (),
    executor: Executor | None = None,
    seed: int = 0,
) -> Callable[[Batch], dict[str, tf.Tensor]]:
    """One step as a graph that is traced once, whatever the batch's shape.

    Args:
        seed: Of the symbols that scheduled sampling replaces.
    Returns:
        batch -> sums over the batch's items ("loss", the measures, "items") and, of the step, "gradient_norm",
        "clipped" (0 or 1), "steps" (1) and "finite" (0 or 1; where it is 0 no weight was moved).
    """
    variables = model.trainable_variables
    optimizer = model.optimizer
    descend = objective.training_loss or objective.loss
    executor = executor or training_executor(model, train, training)
    total = len(train) * training.epochs

    def step(batch):
        weights = _weights(batch)
        if training.scheduled_sampling:
            found, _ = executor(batch, training=False)
            logits = found[0] if training.attention_penalty else found
            before = sample_previous_tokens(batch["before"], logits, training, optimizer.iterations.value, total, seed)
            batch = batch | {"before": before}
        items = tf.reduce_sum(weights)  # of all processes, once there are several
        with tf.GradientTape() as tape:
            outputs, states = executor(batch, training=True)
            penalty = tf.constant(0.0)
            if training.ar or training.tar:
                *outputs, said, dropped = outputs
                outputs = outputs if len(outputs) > 1 else outputs[0]
                penalty = activation_penalty(training, said, dropped, weights)
            elif training.attention_penalty:
                outputs, looked = outputs
                penalty = training.attention_penalty * doubly_stochastic_penalty(looked, weights)
            loss = tf.reduce_sum(descend(batch["targets"], outputs) * weights) / items + penalty
            if model.losses:
                loss += tf.add_n(model.losses)
        gradients = [_dense(gradient) for gradient in tape.gradient(loss, [v.value for v in variables])]
        gradients, norm, clipped = clip(gradients, training)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)

        def move():
            optimizer.apply(gradients, variables)
            for variable, value in zip(executor.states, states, strict=True):
                variable.assign(value)
            done = tf.cast(optimizer.iterations.value, tf.float32)
            momentum = tf.minimum(training.ema, (1.0 + done) / (10.0 + done))  # no long memory of the first weights
            for average, variable in zip(averages, variables, strict=bool(averages)):
                average.assign(momentum * average + (1.0 - momentum) * variable.value)
            return True

        tf.cond(finite, move, lambda: False)
        return _sums(objective, batch, outputs, weights) | {
            "gradient_norm": norm,
            "clipped": tf.cast(clipped, tf.float32),
            "steps": tf.constant(1.0),
            "finite": tf.cast(finite, tf.float32),
        }

    return tf.function(step, input_signature=[train.batches().element_spec], autograph=False)


def make_valid_step(
    model: keras.Model, objective: Objective, valid: Rows, *, epochs: int = 1
) -> Callable[[Batch], dict[str, tf.Tensor]]:
    """batch -> sums over the batch's items, without dropout."""
    executor = executor_of(model, valid, epochs)

    def step(batch):
        outputs, states = executor(batch, training=False)
        for variable, value in zip(executor.states, states, strict=True):
            variable.assign(value)
        return _sums(objective, batch, outputs, _weights(batch))

    return tf.function(step, input_signature=[valid.batches().element_spec], autograph=False)


def evaluate(model: keras.Model, rows: Rows, objective: Objective) -> dict[str, float]:
    """Means over all items, exact whatever the batches: "loss" and the measures."""
    return means_of(total_sums(make_valid_step(model, objective, rows), rows))


def training_executor(model: keras.Model, train: Rows, training: Training, seed: int = 0) -> Executor:
    """The model as it is trained: with dropped recurrent weights, and with what is penalised as outputs too.

    Args:
        model: compiled, so that it has an optimizer to count the steps.
        seed: of the dropped weights.
    Raises:
        InputError: The model isn't one of which the settings ask.
    """
    if training.scheduled_sampling and "before" not in {tensor.name for tensor in model.inputs}:
        raise InputError(
            "training.scheduled_sampling is for models that encode and decode, such as translation's: leave it at 0."
        )
    count = model.optimizer.iterations.value
    change = WeightDrop(training.weight_drop, seed, count) if training.weight_drop else None
    shown = with_activations(model) if training.ar or training.tar else model
    shown = with_attention(model) if training.attention_penalty else shown
    return executor_of(shown, train, training.epochs, change)


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    # A token that repeats has several slices: the norm is right only of their sum.
    if isinstance(gradient, tf.IndexedSlices):
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])
    return gradient


def _weights(batch: dict[str, tf.Tensor]) -> tf.Tensor:
    if "weights" in batch:
        return tf.cast(batch["weights"], tf.float32)
    return tf.ones(tf.shape(batch["targets"]), tf.float32)


def _sums(objective: Objective, batch: dict, outputs: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
    figures = {"loss": objective.loss} | objective.measures
    sums = {name: tf.reduce_sum(figure(batch["targets"], outputs) * weights) for name, figure in figures.items()}
    return sums | {"items": tf.reduce_sum(weights)}


def total_sums(step: Callable, pipeline: Rows) -> dict[str, float]:
    sums: dict[str, float] = {}
    for batch in pipeline.batches():
        add_sums(sums, {name: float(value) for name, value in step(batch).items()})
    return sums


def add_sums(sums: dict[str, float], figures: dict[str, float]) -> None:
    for name, value in figures.items():
        sums[name] = sums.get(name, 0.0) + value
    if "gradient_norm" in figures:
        sums["gradient_norm_max"] = max(sums.get("gradient_norm_max", 0.0), figures["gradient_norm"])


def means_of(sums: dict[str, float]) -> dict[str, float]:
    of_a_step = {"gradient_norm": "gradient_norm", "clipped": "clipped_share"}
    apart = {*of_a_step, "gradient_norm_max", "items", "steps"}
    means = {name: value / sums["items"] for name, value in sums.items() if name not in apart}
    if "steps" in sums:
        means |= {name: sums[key] / sums["steps"] for key, name in of_a_step.items()}
        means["gradient_norm_max"] = sums["gradient_norm_max"]
    return means
