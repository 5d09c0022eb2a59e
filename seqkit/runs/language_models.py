"""Figures of language models beside their own: as they take in what they read."""

import dataclasses
from typing import Any

import keras

from seqkit.core.adaptation import Adaptation
from seqkit.core.errors import InputError
from seqkit.metrics.bootstrap import bootstrap, paired_bootstrap
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples

UNCHANGED = "one_stream"  # the model as it is, on the same one stream


def adapted_scores(
    task: Task, model: keras.Model, examples: Examples, adapt: Adaptation, resamples: int
) -> dict[str, Any]:
    """For a report: "settings", "metrics" by what is done, and the "difference" of each from the model as it is.

    Raises:
        InputError: It is no language model, or reads no running text.
    """
    take_in = getattr(task, "adapted", None)
    if take_in is None:
        raise InputError(
            f"{task.recipe} takes nothing in while it is scored: leave adapt out, or give a language_model."
        )
    scorers = {name: task.scorer(examples, found) for name, found in take_in(model, examples, adapt).items()}
    rows = len(examples)
    return {
        "settings": dataclasses.asdict(adapt),
        "metrics": {name: bootstrap(score, rows, resamples=resamples) for name, score in scorers.items()},
        "difference": {
            name: paired_bootstrap(score, scorers[UNCHANGED], rows, resamples=resamples)
            for name, score in scorers.items()
            if name != UNCHANGED
        },
    }
