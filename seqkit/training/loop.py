"""The training loop: epochs of steps, what each scores, which one is the best, and where a training goes on.

`fit` of Keras can't do this: it clips embedding gradients by a wrong norm, weighs an epoch's loss by batches, and hides
the iterator that a resume needs. Here the whole state of a training is the variables and a few numbers (`Position`): the
order of an epoch is a function of the seed, so a checkpoint needs no iterator. A step adds up before it divides, so that
several processes can put their sum in between.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from seqkit.core.errors import TrainingError
from seqkit.core.progress import EpochProgress, notify
from seqkit.core.settings import Training
from seqkit.training.averages import averaged_weights, make_averages
from seqkit.training.checkpoint import Arrays, Position, Saving
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Rows
from seqkit.training.gradients import forgotten_gradients
from seqkit.training.interruption import Stop, interruption
from seqkit.training.monitor import Monitor, make_monitor
from seqkit.training.objectives import Objective
from seqkit.training.optimizer import make_optimizer
from seqkit.training.randomness import seeded
from seqkit.training.step import make_train_step, make_valid_step, training_executor
from seqkit.training.sums import Figures, Step, figures_of, means_of, total_sums


@forgotten_gradients()
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
    monitor: Monitor | None = None,
) -> list[dict[str, float]]:
    """Train a Keras model in place; it ends with the weights of its best epoch.

    Args:
        model: Its inputs have the names of the batches' columns.
        train: Batches with the inputs, "targets" and, where items are padded, "weights" of the targets' shape. Through
            `Windows` the recurrent state is carried from window to window, and gradients end at the window's edge
            (truncated backpropagation through time).
        valid: The same; by what these rows score the best epoch is chosen.
        callbacks: Keras callbacks; they see Keras's names (loss, val_loss, accuracy, val_accuracy ...).
        checkpoint: File for the state: written after every epoch, on Ctrl-C or SIGTERM, and where the loss is no
            number any more.
        resume: Go on from `checkpoint`, bit for bit as if nothing had been in between.
        curriculum: Gives each epoch's training rows in place of `train`, which has as many, of the same columns.
        monitor: What chooses the best epoch; nothing for what `training.monitor` names among loss and measures, or for
            val_loss.
    Returns:
        A row an epoch: epoch, loss, measures, their val_ twins, likewise what the monitor scores, with a curriculum that
        moves the size at which it stands and stage_ twins, gradient_norm (mean over steps, before clipping),
        gradient_norm_max, clipped_share, padding_share, learning_rate, tokens_per_second, seconds.
    Raises:
        TrainingError: The loss or its gradient is not finite; the model keeps its last good weights.
        KeyboardInterrupt: After Ctrl-C (or Terminated, after SIGTERM), once the step is done and the checkpoint written.
    """
    monitor = monitor or make_monitor(training, objective)
    steps = len(train) * training.epochs
    if training.warmup_steps >= steps:
        notify(
            f"training.warmup_steps is {training.warmup_steps:,}, but there are {steps:,} steps in all: the learning rate "
            f"only rises, and gets to {training.learning_rate:g} in the last one. Give fewer, or more epochs."
        )
    optimizer = make_optimizer(training, steps=steps)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer)  # callbacks look for model.optimizer
    averages = make_averages(model) if training.ema else []
    executor = training_executor(model, train, training, seed)
    variables = [variable.value for variable in (*model.variables, *optimizer.variables)] + averages + executor.states
    saving = Saving(checkpoint, variables)
    position, best = saving.restore() if resume else (Position(), model.get_weights())
    loop = _Loop(
        model=model,
        training=training,
        seed=seed,
        train=train,
        valid=valid,
        curriculum=curriculum,
        train_step=make_train_step(model, objective, training, train, averages, executor, seed),
        valid_step=make_valid_step(model, objective, valid, epochs=training.epochs),
        averages=averages,
        monitor=monitor,
        saving=saving,
        position=position,
        best=best,
    )
    loop.run(callbacks)
    model.set_weights(loop.best)
    kept = position.history[monitor.kept(position.history)]
    notify(
        f"Kept the weights of epoch {kept['epoch']} of {len(position.history)}, the best by {monitor.column}: "
        f"{kept[monitor.column]:.4g}."
    )
    return position.history


@contextlib.contextmanager
def reproducible(seed: int, precision: str) -> Iterator[None]:
    """What is random in the block follows from the seed, and layers made in it compute in Keras's policy `precision`."""
    before = keras.config.dtype_policy()
    with seeded(seed):
        keras.config.set_dtype_policy(precision)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)


@dataclasses.dataclass
class _Loop:
    """A training that is under way.

    Attributes:
        averages: Of the weights, to validate with; none where the weights themselves do.
        monitor: What chooses the best epoch.
        saving: Where it is saved.
        position: Where it stands.
        best: The weights of its best epoch.
    """

    model: keras.Model
    training: Training
    seed: int
    train: Rows
    valid: Rows
    curriculum: Curriculum | None
    train_step: Step
    valid_step: Step
    averages: list[tf.Variable]
    monitor: Monitor
    saving: Saving
    position: Position
    best: Arrays

    def run(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """All epochs that are left."""
        self.model.stop_training = self._out_of_patience()
        epochs, steps = self.training.epochs, len(self.train)
        watchers = keras.callbacks.CallbackList(list(callbacks), model=self.model, epochs=epochs, steps=steps)
        watchers.on_train_begin()
        with interruption() as interrupted, EpochProgress(epochs, steps) as progress:
            while self.position.epoch < epochs and not self.model.stop_training:
                self._epoch(watchers, progress, interrupted)
        watchers.on_train_end()

    def _epoch(
        self, watchers: keras.callbacks.CallbackList, progress: EpochProgress, interrupted: Callable[[], Stop | None]
    ) -> None:
        position = self.position
        watchers.on_epoch_begin(position.epoch)
        rows = self.train if self.curriculum is None else self.curriculum.epoch_rows(position.history)
        speed = self._steps(rows, watchers, progress, interrupted)
        logs, weights = self._scores()
        if not math.isfinite(logs["val_loss"]):
            raise self._diverged("validation", {"loss": logs["val_loss"]})
        figures = logs | {
            "padding_share": rows.padding_share(),
            "learning_rate": float(self.model.optimizer.learning_rate),
            **speed,
        }
        self._judge({"epoch": position.epoch + 1} | figures, weights)
        watchers.on_epoch_end(position.epoch - 1, logs)
        progress.epoch(position.epoch, figures)
        self._save()
        if stop := interrupted():
            raise self._stopped(stop)

    def _steps(
        self,
        rows: Rows,
        watchers: keras.callbacks.CallbackList,
        progress: EpochProgress,
        interrupted: Callable[[], Stop | None],
    ) -> Figures:
        """What is left of an epoch's steps: how fast they went, and in how many seconds."""
        position, started, tokens = self.position, time.perf_counter(), 0
        for batch in rows.batches((self.seed, position.epoch), start=position.step):
            watchers.on_train_batch_begin(position.step)
            figures = figures_of(self.train_step, batch)
            if not figures.pop("finite"):
                raise self._diverged(f"step {position.step + 1}", figures)
            position.end_step(figures)
            tokens += int(batch["steps"])
            logs = means_of(position.sums) | {"tokens_per_second": tokens / (time.perf_counter() - started)}
            watchers.on_train_batch_end(position.step - 1, logs)
            progress.step(position.epoch + 1, position.step, logs)
            if stop := interrupted():
                self._save()
                raise self._stopped(stop)
        seconds = time.perf_counter() - started
        return {"tokens_per_second": tokens / seconds, "seconds": seconds}

    def _scores(self) -> tuple[Figures, Arrays]:
        """The epoch's means: in training, in validation, at a curriculum's stage; and the weights of the last two."""
        with averaged_weights(self.model, self.averages):
            logs = means_of(self.position.sums) | self._validated("val", self.valid) | self.monitor.scores()
            if self.curriculum is not None and self.curriculum.moves:
                stage, rows = self.curriculum.stage_evaluation(self.position.history)
                logs |= stage | self._validated("stage", rows)
            return logs, self.model.get_weights()

    def _validated(self, prefix: str, rows: Rows) -> Figures:
        return {f"{prefix}_{name}": value for name, value in means_of(total_sums(self.valid_step, rows)).items()}

    def _judge(self, row: Figures, weights: Arrays) -> None:
        """Keep the best weights; where they don't get better learn slower, or end."""
        self.position.end_epoch(row)
        waited, patience = self.monitor.waited(self.position.history), self.training.plateau_patience
        if not waited:
            self.best = weights
        if patience and waited and waited % patience == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2
        if self._out_of_patience():
            self.model.stop_training = True

    def _out_of_patience(self) -> bool:
        waited = self.monitor.waited(self.position.history)
        return bool(self.training.patience and waited >= self.training.patience)

    def _save(self) -> None:
        self.saving.save(self.position, self.best)

    def _stopped(self, stop: Stop) -> KeyboardInterrupt:
        saved = "the checkpoint is saved, and the same command with --resume goes on from it"
        kept = "" if self.saving.path is None else f": {saved}"
        return stop(f"Interrupted after {self.position.epoch} epochs and {self.position.step} steps{kept}.")

    def _diverged(self, where: str, figures: Figures) -> TrainingError:
        """Save what there is, and say what to do."""
        self._save()
        training, path = self.training, self.saving.path
        what = "loss" if not math.isfinite(figures["loss"]) else "norm of the gradient"
        value = figures["loss" if what == "loss" else "gradient_norm"]
        kept = "in the model" if path is None else f"in {path}"
        return TrainingError(
            f"Epoch {self.position.epoch + 1}, {where}: the {what} is {value}. The last good weights are kept {kept}. "
            f"Try a training.learning_rate below {training.learning_rate:g}, some training.warmup_steps, or "
            f"{'clipping' if not training.global_clipnorm else 'a smaller training.global_clipnorm'}"
            f"{'' if path is None else ', with --overwrite'}."
        )
