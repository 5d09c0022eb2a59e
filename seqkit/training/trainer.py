"""What the loop does: epochs of steps, what each scores, which one is the best, and where a training goes on.

`fit` of Keras can't do this: it clips embedding gradients by a wrong norm, weighs an epoch's loss by batches, and hides
the iterator that a resume needs. Here the whole state of a training is the variables and a few numbers (`checkpoint.py`):
the order of an epoch is a function of the seed, so a checkpoint needs no iterator. A step adds up before it divides, so that
several processes put their one sum in between (`step.py`, `peers.py`).
"""

import contextlib
import dataclasses
import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.rows import Rows
from seqkit.core.errors import InputError, Terminated, TrainingError, reason_of
from seqkit.core.gradients import forgotten_gradients
from seqkit.core.progress import EpochProgress, notify
from seqkit.core.settings import Training
from seqkit.training.averages import averaged_weights, make_averages
from seqkit.training.checkpoint import Arrays, Checkpoint, Position, State, as_kept, gone_on
from seqkit.training.curriculum import Curriculum
from seqkit.training.interruption import Interruption, Stop, interruption
from seqkit.training.monitor import Monitor, make_monitor
from seqkit.training.objectives import Objective
from seqkit.training.optimizer import make_optimizer
from seqkit.training.passes import epoch_batches, steps_of
from seqkit.training.peers import ALONE, Peers, WorkerLostError, seeds_apart
from seqkit.training.randomness import seeded
from seqkit.training.started import Started
from seqkit.training.step import make_train_steps, make_valid_steps, training_executor
from seqkit.training.sums import Figures, Pace, Steps, add_sums, means_of, total_sums

STOP, SAVE = 0, 1  # what a process may wish for after a step


@dataclasses.dataclass
class Trainer:
    """Trains a Keras model in place.

    Attributes:
        model: Its inputs have the names of the batches' columns.
        objective: What is minimised, and what is counted beside it.
        training: How the weights are moved.
        seed: Of the order of the rows and of what a step draws.
        checkpoint: Folder for the state of the training: saved as `training` says, at the end of each epoch's steps, on
            Ctrl-C or SIGTERM, and where the loss is no number any more. Nothing to save nothing.
        peers: The processes that train together; each has to make its trainer alike.
        since: The epochs that were done as a finished training was extended: patience counts from then on.
        monitor: What chooses the best epoch; nothing for what `training.monitor` names among loss and measures, or for
            val_loss.
        started: What the model goes on from, where that is another one's weights.
        seconds: That the training took, with all that was before it was resumed.
    Example:
        >>> model, rows = seqkit.load("run_0").model, run.task.read("others.tsv", run.task.columns)
        >>> batches, _ = run.task.encode(rows, batch_size=8)
        >>> training = Training(epochs=2, learning_rate=1e-4)
        >>> history = seqkit.Trainer(model, run.task.objective(training, rows), training).fit(batches, batches)
        >>> [(row["epoch"], row["val_accuracy"]) for row in history]
        [(1, 1.0), (2, 1.0)]
    """

    model: keras.Model
    objective: Objective
    training: Training = Training()
    seed: int = 0
    checkpoint: Path | str | None = None
    peers: Peers = ALONE
    since: int = 0
    monitor: Monitor | None = None
    started: Started | None = None
    seconds: float = dataclasses.field(default=0.0, init=False)

    @forgotten_gradients()
    def fit(
        self,
        train: Rows,
        valid: Rows,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool = False,
        curriculum: Curriculum | None = None,
        begun: Callable[[], None] | None = None,
    ) -> list[Figures]:
        """Train; the model ends with the weights of its best epoch.

        Args:
            train: Batches with the inputs, "targets" and, where items are padded, "weights" of the targets' shape. Through
                `Windows` the recurrent state is carried from window to window, and gradients end at the window's edge
                (truncated backpropagation through time).
            valid: The same; by what these rows score the best epoch is chosen.
            callbacks: Keras callbacks; they see Keras's names (loss, val_loss, accuracy, val_accuracy ...), and in their
                `params` the "monitor", the one by which the epoch is chosen.
            resume: Go on from the checkpoint, bit for bit as if nothing had been in between.
            curriculum: Gives each epoch's training rows in place of `train`, which has as many, of the same columns.
            begun: Called once, when the first steps are done, so that what it takes doesn't keep them waiting; it may
                change neither the model nor what is random. What it raises ends the training.
        Returns:
            A row an epoch: epoch, loss, measures, their val_ twins, likewise what the monitor scores, with a curriculum that
            moves the size at which it stands and stage_ twins, gradient_norm (mean over steps, before clipping),
            gradient_norm_max, clipped_share, padding_share, learning_rate, tokens_per_second, seconds.
        Raises:
            InputError: There is nothing to resume, or it is damaged, or of another training; the checkpoint's folder holds
                one that is not to be resumed; or model, rows and objective don't fit each other.
            TrainingError: The loss or its gradient is not finite, or another process is gone; the model keeps its last good
                weights.
            KeyboardInterrupt: After Ctrl-C (or Terminated, after SIGTERM), once the step is done and the state saved.
        """
        monitor = self.monitor or make_monitor(self.training, self.objective)
        fit = _Fit(self, train, valid, curriculum, monitor)
        fit.begin(resume)
        fit.run(callbacks, begun)
        self.seconds = fit.elapsed()
        self.model.set_weights(fit.best)
        history = fit.position.history
        kept = history[fit.position.best - 1]
        if self.peers.first:
            notify(
                f"Kept the weights of epoch {kept['epoch']} of {len(history)}, the best by {monitor.column}: "
                f"{kept[monitor.column]:.4g}."
            )
        return history


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


class _Fit:
    """A training that is under way.

    Attributes:
        position: Where it stands.
        best: The weights of its best epoch.
    """

    def __init__(self, trainer: Trainer, train: Rows, valid: Rows, curriculum: Curriculum | None, monitor: Monitor):
        self._trainer, self._train, self._valid = trainer, train, valid
        self._curriculum, self._monitor = curriculum, monitor
        self._model, self._training, self._peers = trainer.model, trainer.training, trainer.peers
        model, training, peers = self._model, self._training, self._peers
        for rows in (train, valid):
            if rows.batch_size < peers.part.size:
                raise InputError(
                    f"A batch has {rows.batch_size} rows (or slots of windows) for {peers.part.size} workers: give a larger "
                    "training.batch_size, or fewer workers."
                )
        self._epoch_steps = steps_of(training, train)
        if self._epoch_steps != len(train) and peers.first:
            notify(_epoch_told(self._epoch_steps, len(train)))
        steps = self._epoch_steps * training.epochs
        if training.warmup_steps >= steps and peers.first:
            notify(
                f"training.warmup_steps is {training.warmup_steps:,}, but there are {steps:,} steps in all: the learning "
                f"rate only rises, and gets to {training.learning_rate:g} in the last one. Give fewer, or more epochs."
            )
        optimizer = make_optimizer(training, steps=steps)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer=optimizer)  # callbacks look for model.optimizer
        self._averages = make_averages(model) if training.ema else []
        executor = training_executor(model, train, training, trainer.seed, peers.part, trainer.started)
        self._wishes = tf.Variable(tf.zeros(2))
        self._train_steps: Steps = make_train_steps(
            model,
            trainer.objective,
            training,
            train,
            self._averages,
            executor,
            trainer.seed,
            peers,
            self._wishes,
            trainer.started,
        )
        self._valid_steps: Steps = make_valid_steps(
            model, trainer.objective, valid, epochs=training.epochs, part=peers.part
        )
        variables = [variable.value for variable in (*model.variables, *optimizer.variables)] + self._averages
        self._state = State(model, variables, executor, train.batch_size, peers)
        of = {
            "steps": self._epoch_steps,
            "batch_size": train.batch_size,
            "weights": model.count_params(),
            "seed": trainer.seed,
        }
        self._checkpoint = None if trainer.checkpoint is None else Checkpoint(Path(trainer.checkpoint), of)
        self._started = self._saved = time.monotonic()
        self._written = True
        self.position = Position()
        self.best: Arrays = []

    def begin(self, resume: bool) -> None:
        """Start from the weights that the model of the first process has, or from the checkpoint."""
        peers = self._peers
        seeds_apart(self._model, peers.part)
        started = Position(), self._state.arrays(), self.best
        if peers.first:
            started = gone_on(self._checkpoint, resume=resume) or started
        if peers.part.size > 1:
            started = _unpacked(peers.from_first(_packed(*started)))
        self.position, arrays, self.best = started
        try:
            self._state.assign(arrays)
        except ValueError as error:
            raise InputError(
                f"{self._trainer.checkpoint} is of another model ({reason_of(error)}): resume with the same settings, or "
                "train anew with --overwrite."
            ) from error

    def run(self, callbacks: Sequence[keras.callbacks.Callback], begun: Callable[[], None] | None) -> None:
        """All epochs that are left."""
        self._begun = begun
        self._model.stop_training = self._out_of_patience()
        epochs, steps = self._training.epochs, self._epoch_steps
        watchers = keras.callbacks.CallbackList(
            list(callbacks), model=self._model, epochs=epochs, steps=steps, monitor=self._monitor.column
        )
        watchers.on_train_begin()
        self._pace = Pace(single=self._peers.part.size > 1 or any(map(_watches_steps, callbacks)))
        with interruption() as interrupted, self._progress() as progress:
            while self.position.epoch < epochs and not self._model.stop_training:
                self._epoch(watchers, progress, interrupted)
        watchers.on_train_end()

    def _progress(self) -> EpochProgress:
        at = self.position.epoch + 1, self.position.step
        return EpochProgress(self._training.epochs, self._epoch_steps, at=at, shown=self._peers.first)

    def _epoch(
        self, watchers: keras.callbacks.CallbackList, progress: EpochProgress, interrupted: Interruption
    ) -> None:
        position = self.position
        watchers.on_epoch_begin(position.epoch)
        rows = self._train if self._curriculum is None else self._curriculum.epoch_rows(position.history)
        try:
            with self._peers.watched():
                self._steps(rows, watchers, progress, interrupted)
                self._state.average_statistics()
                self._save()
                with interrupted.at_once(self._stopped):
                    logs, weights = self._scores()
        except WorkerLostError:
            if not self._state.executor.states:  # of which the others had a part
                self._save()
            raise
        if not math.isfinite(logs["val_loss"]):
            raise self._diverged("validation", {"loss": logs["val_loss"]})
        figures = logs | {
            "padding_share": rows.padding_share(),
            "learning_rate": float(self._model.optimizer.learning_rate),
            "tokens_per_second": position.tokens / position.seconds,
            "seconds": position.seconds,
        }
        self._judge({"epoch": position.epoch + 1} | figures, weights)
        watchers.on_epoch_end(position.epoch - 1, logs)
        self._model.stop_training = bool(self._from_first({"stop": bool(self._model.stop_training)})["stop"])
        progress.epoch(position.epoch, figures)

    def _steps(
        self, rows: Rows, watchers: keras.callbacks.CallbackList, progress: EpochProgress, interrupted: Interruption
    ) -> None:
        """What is left of an epoch's steps, as many in one call as `Pace` has it."""
        position, epoch, part = self.position, (self._trainer.seed, self.position.epoch), self._peers.part
        at = time.perf_counter()
        for batches, left in epoch_batches(rows, self._epoch_steps, epoch, start=position.step, part=part):
            while left:
                most = 1 if interrupted.noted is not None else self._pace.count
                count = min(most, left, self._before_checkpoint())
                watchers.on_train_batch_begin(position.step)
                self._wishes.assign(
                    [float(interrupted.noted is not None), float(self._peers.first and self._is_due(count))]
                )
                done = self._train_steps(batches, count)
                taken, at = time.perf_counter() - at, time.perf_counter()
                self._pace.took(count, taken)
                stop, save = (done[-1][f"wish_{wish}"] for wish in (STOP, SAVE))
                for figures in done:
                    self._count(figures, taken / count)
                left -= count
                logs = means_of(position.sums) | {"tokens_per_second": position.tokens / position.seconds}
                watchers.on_train_batch_end(position.step - 1, logs)
                progress.step(position.epoch + 1, position.step, logs)
                if not stop:
                    at += self._call_begun(progress, interrupted)
                if stop or save:
                    self._save()
                if stop:
                    raise self._stopped(interrupted.noted or Terminated)

    def _call_begun(self, progress: EpochProgress, interrupted: Interruption) -> float:
        """Call it, if it hasn't been; returns the seconds that it took, which aren't the training's."""
        if self._begun is None:
            return 0.0
        begun, self._begun, at = self._begun, None, time.monotonic()
        alone = self._peers.part.size == 1  # others stop together, after the next step
        with progress.paused(), interrupted.at_once(_unsaved) if alone else contextlib.nullcontext():
            begun()
        taken = time.monotonic() - at
        self._started += taken
        return taken

    def _count(self, figures: Figures, seconds: float) -> None:
        """Count a step that is done."""
        position, apart = self.position, ("tokens", "finite", f"wish_{STOP}", f"wish_{SAVE}")
        if not figures["finite"]:
            raise self._diverged(f"step {position.step + 1}", figures)
        add_sums(position.sums, {name: value for name, value in figures.items() if name not in apart})
        position.step, position.total = position.step + 1, position.total + 1
        position.tokens, position.seconds = position.tokens + int(figures["tokens"]), position.seconds + seconds

    def _before_checkpoint(self) -> int:
        """Steps to the next one after which the state is saved."""
        steps = self._training.checkpoint_steps if self._checkpoint is not None else 0
        return steps - self.position.total % steps if steps else sys.maxsize

    def _scores(self) -> tuple[Figures, Arrays]:
        """The epoch's means: in training, in validation, at a curriculum's stage; and the weights of the last two."""
        with averaged_weights(self._model, self._averages):
            logs = means_of(self.position.sums) | self._validated("val", self._valid)
            logs |= self._from_first(self._monitor.scores() if self._peers.first else {})
            if self._curriculum is not None and self._curriculum.moves:
                stage, rows = self._curriculum.stage_evaluation(self.position.history)
                logs |= stage | self._validated("stage", rows)
            return logs, self._model.get_weights()

    def _validated(self, prefix: str, rows: Rows) -> Figures:
        means = means_of(total_sums(self._valid_steps, rows, self._peers))
        return {f"{prefix}_{name}": value for name, value in means.items()}

    def _from_first(self, figures: Figures) -> Figures:
        """What the first process has found."""
        found: Figures = json.loads(self._peers.from_first(json.dumps(figures).encode()))
        return found

    def _judge(self, row: Figures, weights: Arrays) -> None:
        """Keep the best weights; where they don't get better learn slower, or end."""
        position = self.position
        better = not position.best or self._monitor.better(row, position.history[position.best - 1])
        position.end_epoch(row)
        if better:
            self.best, position.best = weights, position.epoch
        waited, patience = position.epoch - position.best, self._training.plateau_patience
        if patience and waited and waited % patience == 0:
            self._model.optimizer.learning_rate = float(self._model.optimizer.learning_rate) / 2
        if self._out_of_patience():
            self._model.stop_training = True

    def _out_of_patience(self) -> bool:
        """Whether so many epochs were no better, of those since the training was extended."""
        position, patience = self.position, self._training.patience
        waited = position.epoch - max(position.best, self._trainer.since)
        return bool(patience and waited >= patience)

    def _is_due(self, count: int) -> bool:
        """Whether the state is to be saved in the middle of an epoch, after so many further steps."""
        training = self._training
        if self._checkpoint is None:
            return False
        late = training.checkpoint_minutes and time.monotonic() - self._saved > 60 * training.checkpoint_minutes
        return bool(
            late or (training.checkpoint_steps and (self.position.total + count) % training.checkpoint_steps == 0)
        )

    def _save(self) -> None:
        """Save the state; all processes take part, and the first one writes."""
        if self._checkpoint is None:
            return
        arrays = self._state.arrays()
        self._saved = time.monotonic()
        position = dataclasses.replace(self.position, elapsed=self.elapsed())
        self._written = not self._peers.first or self._checkpoint.save(position, arrays, self.best)

    def elapsed(self) -> float:
        """Seconds since the training began, without those in which it lay still."""
        return self.position.elapsed + time.monotonic() - self._started

    def _stopped(self, stop: Stop) -> KeyboardInterrupt:
        kept = ""
        if self._checkpoint is not None:
            saved = "the checkpoint is saved" if self._written else "its checkpoint could not be written"
            kept = f": {saved}, and the same command with --resume goes on from {'it' if self._written else 'the last one'}"
        return stop(f"Interrupted after {self.position.epoch} epochs and {self.position.step} steps{kept}.")

    def _diverged(self, where: str, figures: Figures) -> TrainingError:
        """Save what there is, and say what to do."""
        self._save()
        training, path = self._training, self._trainer.checkpoint
        what = "loss" if not math.isfinite(figures["loss"]) else "norm of the gradient"
        value = figures["loss" if what == "loss" else "gradient_norm"]
        kept = "in the model" if path is None else f"in {path}"
        return TrainingError(
            f"Epoch {self.position.epoch + 1}, {where}: the {what} is {value}. The last good weights are kept {kept}. "
            f"Try a training.learning_rate below {training.learning_rate:g}, some training.warmup_steps, or "
            f"{'clipping' if not training.global_clipnorm else 'a smaller training.global_clipnorm'}"
            f"{'' if path is None else ', with --overwrite'}."
        )


def _unsaved(stop: Stop) -> KeyboardInterrupt:
    return stop("Interrupted after the first steps, which are not saved.")


def _watches_steps(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback has something to do at each step."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    unchanged = (getattr(type(callback), hook) is getattr(keras.callbacks.Callback, hook) for hook in hooks)
    return not all(unchanged) or any(hook in vars(callback) for hook in hooks)


def _epoch_told(steps: int, size: int) -> str:
    """What an epoch is, where it is not one pass of so many steps."""
    if steps > size:
        what, which = f"{steps // size} passes over the training rows", "training.epoch_steps"
    else:
        what, which = f"{steps / size:.2g} of a pass over the training rows", "training.max_epoch_steps"
    return f"An epoch is {what}, {steps:,} steps, since one pass is {size:,} ({which})."


def _packed(position: Position, arrays: Arrays, best: Arrays) -> bytes:
    buffer = io.BytesIO()
    state = np.frombuffer(json.dumps(dataclasses.asdict(position)).encode(), np.uint8)
    np.savez(buffer, state, *as_kept([*arrays, *best]), count=np.array(len(arrays)))
    return buffer.getvalue()


def _unpacked(value: bytes) -> tuple[Position, Arrays, Arrays]:
    with np.load(io.BytesIO(value), allow_pickle=False) as kept:
        state, *arrays = (kept[f"arr_{number}"] for number in range(len(kept.files) - 1))
        count = int(kept["count"])
    return Position(**json.loads(state.tobytes())), arrays[:count], arrays[count:]
