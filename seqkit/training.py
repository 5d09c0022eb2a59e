"""The training loop: one step, its clipping, and exact sums over an epoch.

`fit` of Keras can't do this: it clips embedding gradients by a wrong norm, weighs an epoch's loss by batches, and hides
the iterator that a resume needs. Here the whole state of a training is the variables and a few numbers (`_State`): the
order of an epoch is a function of the seed, so a checkpoint needs no iterator. A step adds up before it divides, so that
several processes can put their sum in between.
"""

import contextlib
import dataclasses
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from seqkit.checkpoint import read_checkpoint, write_checkpoint
from seqkit.data.courses import Course
from seqkit.errors import InputError, TrainingError
from seqkit.exposure import own_symbols, unevenness, with_attention
from seqkit.progress import EpochProgress
from seqkit.regularisation import WeightDrop, activation_penalty, with_activations
from seqkit.running import Batch, Rows, Runner, runner_of
from seqkit.settings import Training

Measure = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a step minimises and what it counts.

    Attributes:
        loss: (targets, outputs) -> float, one number an item: (batch,) or (batch, steps).
        measures: Name -> function of the same form whose mean over the items is reported.
        training_loss: The loss to descend, where it is another than the one to report (label smoothing, class weights).
    """

    loss: Measure
    measures: dict[str, Measure]
    training_loss: Measure | None = None


@dataclasses.dataclass
class _State:
    """Where a training stands, beside its variables."""

    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best: float | None = None
    waited: int = 0


def fit(
    model: keras.Model,
    train: Rows,
    valid: Rows,
    *,
    objective: Objective,
    training: Training,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Path | None = None,
    resume: bool = False,
    course: Course | None = None,
) -> list[dict[str, float]]:
    """Train a Keras model in place; it ends with the weights of its best epoch.

    Args:
        model: Its inputs have the names of the batches' columns.
        train: Batches with the inputs, "targets" and, where items are padded, "weights" of the targets' shape. Through
            `Windows` the recurrent state is carried from window to window, and gradients end at the window's edge
            (truncated backpropagation through time).
        valid: The same; its `training.monitor` chooses the best epoch.
        callbacks: Keras callbacks; they see Keras's names (loss, val_loss, accuracy, val_accuracy ...).
        checkpoint: File for the state: written after every epoch, on Ctrl-C, and where the loss is no number any more.
        resume: Go on from `checkpoint`, bit for bit as if nothing had been in between.
        course: Gives each epoch's training rows in place of `train`, which has as many, of the same columns.
    Returns:
        A row an epoch: epoch, loss, measures, their val_ twins, with a course that moves the size at which it stands and
        stage_ twins, gradient_norm (mean over steps, before clipping), gradient_norm_max, clipped_share, padding_share,
        learning_rate, tokens_per_second, seconds.
    Raises:
        TrainingError: The loss or its gradient is not finite; the model keeps its last good weights.
        KeyboardInterrupt: After Ctrl-C, once the step is done and the checkpoint written.
    """
    names = ("loss", *objective.measures)
    if training.monitor not in (*names, *(f"val_{name}" for name in names)):
        choices = ", ".join(f"{name}, val_{name}" for name in names)
        raise InputError(f"training.monitor is {training.monitor!r}: choose one of {choices}.")
    optimizer = make_optimizer(training, steps=len(train) * training.epochs)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer)  # callbacks look for model.optimizer
    averages = [tf.Variable(variable.value) for variable in model.trainable_variables] if training.ema else []
    runner = training_runner(model, train, training, seed)
    train_step = make_train_step(model, objective, training, train, averages, runner, seed)
    valid_step = make_valid_step(model, objective, valid, epochs=training.epochs)
    state, best = _State(), model.get_weights()
    variables = [variable.value for variable in (*model.variables, *optimizer.variables)] + averages + runner.states
    if resume:
        kept, arrays, best = read_checkpoint(_existing(checkpoint))
        state = _State(**kept)
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
    model.stop_training = bool(training.patience and state.waited >= training.patience)
    watchers = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=training.epochs, steps=len(train))

    def save() -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, dataclasses.asdict(state), [v.numpy() for v in variables], best)

    watchers.on_train_begin()
    with _interruption() as interrupted, EpochProgress(training.epochs, len(train)) as progress:
        while state.epoch < training.epochs and not model.stop_training:
            watchers.on_epoch_begin(state.epoch)
            lessons = train if course is None else course.lessons(state.history)
            started, tokens = time.perf_counter(), 0
            for batch in lessons.batches((seed, state.epoch), start=state.step):
                watchers.on_train_batch_begin(state.step)
                figures = {name: float(value) for name, value in train_step(batch).items()}
                if not figures.pop("finite"):
                    save()
                    raise TrainingError(_came_apart(f"step {state.step + 1}", state, figures, training, checkpoint))
                tokens += int(batch["steps"])
                _add(state.sums, figures)
                state.step += 1
                seconds = time.perf_counter() - started
                logs = _means(state.sums) | {"tokens_per_second": tokens / seconds}
                watchers.on_train_batch_end(state.step - 1, logs)
                progress.step(state.epoch + 1, state.step, logs)
                if interrupted():
                    save()
                    raise KeyboardInterrupt(_stopped(state, checkpoint))
            seconds = time.perf_counter() - started
            live = [variable.numpy() for variable in model.trainable_variables]
            for variable, average in zip(model.trainable_variables, averages, strict=bool(averages)):
                variable.assign(average)
            logs = _means(state.sums) | {
                f"val_{name}": value for name, value in _means(_total(valid_step, valid)).items()
            }
            if course is not None and course.moves:
                figures, trial = course.trial(state.history)
                passed = _means(_total(valid_step, trial))
                logs |= figures | {f"stage_{name}": value for name, value in passed.items()}
            row = (
                {"epoch": state.epoch + 1}
                | logs
                | {
                    "padding_share": lessons.padding_share(),
                    "learning_rate": float(optimizer.learning_rate),
                    "tokens_per_second": tokens / seconds,
                    "seconds": seconds,
                }
            )
            scored = model.get_weights()
            for variable, value in zip(model.trainable_variables, live, strict=True):
                variable.assign(value)
            if not math.isfinite(logs["val_loss"]):
                save()
                raise TrainingError(_came_apart("validation", state, {"loss": logs["val_loss"]}, training, checkpoint))
            state.history.append(row)
            if _better(logs[training.monitor], state.best, training.monitor):
                state.best, state.waited, best = logs[training.monitor], 0, scored
            else:
                state.waited += 1
            if training.plateau_patience and state.waited and state.waited % training.plateau_patience == 0:
                optimizer.learning_rate = float(optimizer.learning_rate) / 2
            if training.patience and state.waited >= training.patience:
                model.stop_training = True
            state.epoch, state.step, state.sums = state.epoch + 1, 0, {}
            watchers.on_epoch_end(state.epoch - 1, logs)
            progress.epoch(state.epoch, {name: value for name, value in row.items() if name != "epoch"})
            save()
            if interrupted():
                raise KeyboardInterrupt(_stopped(state, checkpoint))
    watchers.on_train_end()
    model.set_weights(best)
    return state.history


@contextlib.contextmanager
def reproducible(seed: int, precision: str) -> Iterator[None]:
    """Seed Python, NumPy and TensorFlow, and let layers made in the block compute in Keras's policy `precision`."""
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_optimizer(training: Training, *, steps: int) -> keras.optimizers.Optimizer:
    """Keras's optimizer of that name with the schedule of `training` over `steps` steps; it doesn't clip."""
    rate: Any = training.learning_rate
    if training.schedule == "cosine" or training.warmup_steps:
        warm = min(training.warmup_steps, steps - 1)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warm else training.learning_rate,
            decay_steps=max(steps - warm, 1),
            alpha=0.0 if training.schedule == "cosine" else 1.0,
            warmup_target=training.learning_rate if warm else None,
            warmup_steps=warm,
        )
    makers = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    decay = {} if training.weight_decay is None else {"weight_decay": training.weight_decay}
    return makers[training.optimizer](learning_rate=rate, **decay)


def make_train_step(
    model: keras.Model,
    objective: Objective,
    training: Training,
    train: Rows,
    averages: Sequence[tf.Variable] = (),
    runner: Runner | None = None,
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
    runner = runner or training_runner(model, train, training)
    total = len(train) * training.epochs

    def step(batch):
        weights = _weights(batch)
        if training.scheduled_sampling:
            found, _ = runner(batch, training=False)
            logits = found[0] if training.attention_penalty else found
            before = own_symbols(batch["before"], logits, training, optimizer.iterations.value, total, seed)
            batch = batch | {"before": before}
        items = tf.reduce_sum(weights)  # of all processes, once there are several
        with tf.GradientTape() as tape:
            outputs, states = runner(batch, training=True)
            penalty = tf.constant(0.0)
            if training.ar or training.tar:
                *outputs, said, dropped = outputs
                outputs = outputs if len(outputs) > 1 else outputs[0]
                penalty = activation_penalty(training, said, dropped, weights)
            elif training.attention_penalty:
                outputs, looked = outputs
                penalty = training.attention_penalty * unevenness(looked, weights)
            loss = tf.reduce_sum(descend(batch["targets"], outputs) * weights) / items + penalty
            if model.losses:
                loss += tf.add_n(model.losses)
        gradients = [_dense(gradient) for gradient in tape.gradient(loss, [v.value for v in variables])]
        gradients, norm, clipped = clip(gradients, training)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)

        def move():
            optimizer.apply(gradients, variables)
            for variable, value in zip(runner.states, states, strict=True):
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
    runner = runner_of(model, valid, epochs)

    def step(batch):
        outputs, states = runner(batch, training=False)
        for variable, value in zip(runner.states, states, strict=True):
            variable.assign(value)
        return _sums(objective, batch, outputs, _weights(batch))

    return tf.function(step, input_signature=[valid.batches().element_spec], autograph=False)


def evaluate(model: keras.Model, rows: Rows, objective: Objective) -> dict[str, float]:
    """Means over all items, exact whatever the batches: "loss" and the measures."""
    return _means(_total(make_valid_step(model, objective, rows), rows))


def training_runner(model: keras.Model, train: Rows, training: Training, seed: int = 0) -> Runner:
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
    return runner_of(shown, train, training.epochs, change)


def clip(gradients: Sequence[tf.Tensor], training: Training) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Clip dense gradients as `training` says.

    Returns:
        The clipped gradients; their true global norm before; whether anything was clipped.
    """
    norm = tf.linalg.global_norm(gradients)
    if training.global_clipnorm:
        clipped = norm > training.global_clipnorm
        factor = tf.where(clipped, training.global_clipnorm / norm, 1.0)
        return [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients], norm, clipped
    if training.clipnorm:
        clipped = tf.reduce_any([tf.norm(gradient) > training.clipnorm for gradient in gradients])
        return [tf.clip_by_norm(gradient, training.clipnorm) for gradient in gradients], norm, clipped
    if training.clipvalue:
        bound = training.clipvalue
        clipped = tf.reduce_any([tf.reduce_max(tf.abs(gradient)) > bound for gradient in gradients])
        return [tf.clip_by_value(gradient, -bound, bound) for gradient in gradients], norm, clipped
    return list(gradients), norm, tf.constant(False)


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


def _total(step: Callable, pipeline: Rows) -> dict[str, float]:
    sums: dict[str, float] = {}
    for batch in pipeline.batches():
        _add(sums, {name: float(value) for name, value in step(batch).items()})
    return sums


def _add(sums: dict[str, float], figures: dict[str, float]) -> None:
    for name, value in figures.items():
        sums[name] = sums.get(name, 0.0) + value
    if "gradient_norm" in figures:
        sums["gradient_norm_max"] = max(sums.get("gradient_norm_max", 0.0), figures["gradient_norm"])


def _means(sums: dict[str, float]) -> dict[str, float]:
    of_a_step = {"gradient_norm": "gradient_norm", "clipped": "clipped_share"}
    apart = {*of_a_step, "gradient_norm_max", "items", "steps"}
    means = {name: value / sums["items"] for name, value in sums.items() if name not in apart}
    if "steps" in sums:
        means |= {name: sums[key] / sums["steps"] for key, name in of_a_step.items()}
        means["gradient_norm_max"] = sums["gradient_norm_max"]
    return means


def _better(value: float, best: float | None, monitor: str) -> bool:
    if best is None:
        return True
    return value < best if monitor.endswith("loss") else value > best


def _came_apart(
    where: str, state: _State, figures: dict[str, float], training: Training, checkpoint: Path | None
) -> str:
    what = "loss" if not math.isfinite(figures["loss"]) else "norm of the gradient"
    value = figures["loss" if what == "loss" else "gradient_norm"]
    kept = "in the model" if checkpoint is None else f"in {checkpoint}"
    return (
        f"Epoch {state.epoch + 1}, {where}: the {what} is {value}. The last good weights are kept {kept}. "
        f"Try a training.learning_rate below {training.learning_rate:g}, some training.warmup_steps, or "
        f"{'clipping' if not training.global_clipnorm else 'a smaller training.global_clipnorm'}"
        f"{'' if checkpoint is None else ', with --overwrite'}."
    )


def _stopped(state: _State, checkpoint: Path | None) -> str:
    kept = "" if checkpoint is None else ": the checkpoint is saved, and the same command with --resume goes on from it"
    return f"Interrupted after {state.epoch} epochs and {state.step} steps{kept}."


def _existing(checkpoint: Path | None) -> Path:
    if checkpoint is None or not checkpoint.exists():
        raise InputError(f"{checkpoint} does not exist: there is no interrupted training to resume.")
    return checkpoint


@contextlib.contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """Ctrl-C sets a flag which is looked at between steps; a second Ctrl-C stops at once."""
    pressed = False

    def note(number, frame):
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread: signals go elsewhere
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
