"""Short trainings op by op. To trace the graph of a step takes seconds, and most tests make a few steps: these are made of
eager ops, which are the same ones, around the same compiled loops. Which it is follows from the settings alone, so that a
training that goes on after a stop is computed as one that was not stopped.
"""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import tensorflow as tf

from seqkit.training import step, trainer
from seqkit.training.passes import steps_of
from seqkit.training.sums import Figures, Steps

FEW = 12  # steps of a training, up to which it takes less time so


def op_by_op(one: Callable[..., dict[str, tf.Tensor]], rows: object, part: object) -> Steps:
    """As `step._traced`, without a graph."""

    def steps(batches: tf.data.Iterator, count: int) -> list[Figures]:
        figures: list[Figures] = []
        while len(figures) < count and (not figures or figures[-1].get("finite", 1.0)):
            figures.append({name: float(value) for name, value in one(next(batches)).items()})
        return figures

    return steps


@contextlib.contextmanager
def few_steps_op_by_op() -> Iterator[None]:
    """Within it short trainings need no graph."""
    train, valid, traced = trainer.make_train_steps, trainer.make_valid_steps, step._traced

    def made(make: Callable[..., Steps], total: int, *arguments: object, **more: object) -> Steps:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(step, "_traced", op_by_op if total <= FEW else traced)
            return make(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            trainer,
            "make_train_steps",
            lambda model, objective, training, rows, *more: made(
                train, steps_of(training, rows) * training.epochs, model, objective, training, rows, *more
            ),
        )
        patch.setattr(
            trainer,
            "make_valid_steps",
            lambda model, objective, rows, *, epochs, part: made(
                valid, len(rows) * epochs, model, objective, rows, epochs=epochs, part=part
            ),
        )
        yield


@contextlib.contextmanager
def as_graphs() -> Iterator[None]:
    """Within it all trainings are graphs, as they are outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "make_train_steps", step.make_train_steps)
        patch.setattr(trainer, "make_valid_steps", step.make_valid_steps)
        yield
