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

import keras
import tensorflow as tf

from seqkit.core.errors import InputError, TrainingError
from seqkit.core.progress import EpochProgress
from seqkit.core.settings import Training
from seqkit.training.checkpoint import read_checkpoint, write_checkpoint
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Rows
from seqkit.training.objectives import Objective
from seqkit.training.optimizer import make_optimizer
from seqkit.training.step import add_sums, make_train_step, make_valid_step, means_of, total_sums, training_executor


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
    curriculum: Curriculum | None = None,
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
        curriculum: Gives each epoch's training rows in place of `train`, which has as many, of the same columns.
    Returns:
        A row an epoch: epoch, loss, measures, their val_ twins, with a curriculum that moves the size at which it stands and
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
    executor = training_executor(model, train, training, seed)
    train_step = make_train_step(model, objective, training, train, averages, executor, seed)
    valid_step = make_valid_step(model, objective, valid, epochs=training.epochs)
    state, best = _State(), model.get_weights()
    variables = [variable.value for variable in (*model.variables, *optimizer.variables)] + averages + executor.states
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
            epoch_rows = train if curriculum is None else curriculum.epoch_rows(state.history)
            started, tokens = time.perf_counter(), 0
            for batch in epoch_rows.batches((seed, state.epoch), start=state.step):
                watchers.on_train_batch_begin(state.step)
                figures = {name: float(value) for name, value in train_step(batch).items()}
                if not figures.pop("finite"):
                    save()
                    raise TrainingError(_diverged(f"step {state.step + 1}", state, figures, training, checkpoint))
                tokens += int(batch["steps"])
                add_sums(state.sums, figures)
                state.step += 1
                seconds = time.perf_counter() - started
                logs = means_of(state.sums) | {"tokens_per_second": tokens / seconds}
                watchers.on_train_batch_end(state.step - 1, logs)
                progress.step(state.epoch + 1, state.step, logs)
                if interrupted():
                    save()
                    raise KeyboardInterrupt(_stopped(state, checkpoint))
            seconds = time.perf_counter() - started
            live = [variable.numpy() for variable in model.trainable_variables]
            for variable, average in zip(model.trainable_variables, averages, strict=bool(averages)):
                variable.assign(average)
            logs = means_of(state.sums) | {
                f"val_{name}": value for name, value in means_of(total_sums(valid_step, valid)).items()
            }
            if curriculum is not None and curriculum.moves:
                figures, stage_rows = curriculum.stage_evaluation(state.history)
                passed = means_of(total_sums(valid_step, stage_rows))
                logs |= figures | {f"stage_{name}": value for name, value in passed.items()}
            row = (
                {"epoch": state.epoch + 1}
                | logs
                | {
                    "padding_share": epoch_rows.padding_share(),
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
                raise TrainingError(_diverged("validation", state, {"loss": logs["val_loss"]}, training, checkpoint))
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


def _better(value: float, best: float | None, monitor: str) -> bool:
    if best is None:
        return True
    return value < best if monitor.endswith("loss") else value > best


def _diverged(where: str, state: _State, figures: dict[str, float], training: Training, checkpoint: Path | None) -> str:
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
