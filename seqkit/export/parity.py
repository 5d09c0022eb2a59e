"""An artefact's answers beside the run's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import ExportError
from seqkit.core.ragged import Ragged
from seqkit.export.step import Arrays, Step

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2e-2}  # of a probability; bfloat16 keeps 8 bits
STREAMED = 100  # steps of a sample on which a streaming step is compared
ROWS_STREAMED = 64


def compare_steps(
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    step: Step,
    stream: tuple[Arrays, Ragged],
    format: str,
    precision: str,
) -> float:
    """Each row alone, input by input, beside the run's answers to the whole row."""
    inputs, expected = stream
    got, length = [], expected.take(np.arange(min(len(expected), ROWS_STREAMED))).cut(STREAMED)
    for row, steps in enumerate(length.lengths):
        states: dict[str, Any] = {name: tf.zeros((1, spec.shape[1]), spec.dtype) for name, spec in step.states.items()}
        for t in range(steps):
            given = {name: tf.constant(inputs[name][row : row + 1, t]) for name in step.inputs}
            answer = ask(given | states)
            states = {name: answer[name] for name in states}
            got.append(np.asarray(answer["outputs"])[0])
    return compare_outputs(np.stack(got), length.values, format, precision)


def compare_outputs(got: np.ndarray, expected: np.ndarray | Ragged | list[str], format: str, precision: str) -> float:
    """The greatest difference of two numbers, or the share of texts that differ, of which none may."""
    if isinstance(expected, list):
        error = float(np.mean([text.decode() != wanted for text, wanted in zip(got.tolist(), expected, strict=True)]))
        if error:
            raise ExportError(
                f"The {format} artefact writes another text than the run for {error:.1%} of {len(expected)} real rows, "
                "so it was not kept. Please report this with the run's run.json."
            )
        return error
    if isinstance(expected, Ragged):
        got = np.concatenate([got[row, :steps] for row, steps in enumerate(expected.lengths)])
        expected = expected.values
    error = float(np.max(np.abs(got.astype(np.float64) - expected))) if got.shape == expected.shape else float("inf")
    bound = TOLERANCE[precision] * max(1.0, float(np.max(np.abs(expected))))
    if not error <= bound:
        raise ExportError(
            f"The {format} artefact differs from the run by {error:.2g} on {len(expected)} real rows (at most "
            f"{bound:.0e} is allowed), so it was not kept. Please report this with the run's run.json."
        )
    return error
