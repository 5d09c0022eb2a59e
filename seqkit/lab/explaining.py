"""Which words moved an answer: what each adds to the score of a label, a tag or a symbol."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.wide import Wide
from seqkit.inference.attribution import Integrated, integrated_gradients, left_out
from seqkit.runs.inspecting import STEP, TARGET, OpenRows, open_rows
from seqkit.runs.opening import answering
from seqkit.runs.run import Run
from seqkit.text.vocabulary import BEGIN, END, PADDING

BASELINE = "a zero vector in place of each word's"


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a choice has its score. All arrays are (words,), float64.

    Attributes:
        of: The label, tag or symbol.
        at: The step at which it is chosen; nothing where a row has one choice.
        words: That were read.
        added: What each adds to the logit: by integrated gradients, and by the wide path, whose share is exact.
        wide: What of that the wide path says; nothing where there is none.
        logit, probability: Of the choice.
        baseline: Its logit where each word is a zero vector, and the wide path says what it says of no words.
        without: The logit of the same choice without each word: exact, NaN where there is no such choice then.
        without_probability: And its probability.
        integrated: How the integral was found, and whether it adds up.
    Example:
        >>> why = seqkit.explain(run, "a bad film, number 7", of="bad")
        >>> bool(np.isclose(why.baseline + why.added.sum(), why.logit, atol=0.01))  # what the words add, adds up
        True
    """

    of: str
    at: int | None
    words: list[str]
    added: np.ndarray
    wide: np.ndarray | None
    logit: float
    probability: float
    baseline: float
    without: np.ndarray
    without_probability: np.ndarray
    integrated: Integrated

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        arrays = {
            name: None if values is None else [None if np.isnan(one) else round(float(one), 6) for one in values]
            for name, values in (
                ("added", self.added),
                ("wide", self.wide),
                ("without", self.without),
                ("without_probability", self.without_probability),
            )
        }
        check = {
            "sum": float(self.added.sum()),
            "difference": self.logit - self.baseline,
            "error": self.integrated.error,
            "tolerance": self.integrated.tolerance,
            "points": self.integrated.points,
            "complete": self.integrated.complete,
            "baseline": BASELINE,
        }
        known = {
            "of": self.of,
            "at": self.at,
            "words": self.words,
            "logit": self.logit,
            "probability": self.probability,
        }
        return known | {"baseline_logit": self.baseline} | arrays | {"completeness": check}


def explain(
    run: Run, given: Any, *, of: str | None = None, at: int | None = None, answer: str | None = None
) -> Explanation:
    """Which words of an input moved an answer.

    By integrated gradients (`seqkit.inference.attribution.integrated_gradients`) from a zero vector in place of each word's
    to its own, and by leaving out each word.

    Args:
        given: One input, as `Run.predict` takes a list of them.
        of: The label, tag or symbol that is asked about; nothing for what is chosen, or stands in the answer.
        at: Where there is a choice at each step, at which, from 0; nothing for the next symbol of a language model, for the
            label of intents and slots, and elsewhere for the choice that the model is least sure of.
        answer: Of a run that writes, the text to go along; nothing for what it writes.
    Raises:
        InputError: The run reads no words, or has no such choice or step.
    Example:
        >>> why = seqkit.explain(run, "a bad film, number 7", of="bad")
        >>> why.words[int(np.argmax(why.added))], why.integrated.complete
        ('bad', True)
    """
    with answering(run.path):
        rows, _ = open_rows(run.task, run.forward, run.asked([given]), answers=None if answer is None else [answer])
        if rows.read != "ids":
            raise InputError(f"{run.path} is a run of {run.task.recipe}, which reads no words: none can have moved it.")
        return _explained(run, rows, of, at)


def _explained(run: Run, rows: OpenRows, of: str | None, at: int | None) -> Explanation:
    task: Any = run.task
    row = {tensor.name: rows.batch[tensor.name] for tensor in run.model.inputs}
    ids = row["ids"].numpy()[0]
    outputs = run.forward(row)
    logits, probabilities = (part.numpy()[0] for part in task.shares(outputs, row))
    isword = ~np.isin(ids, (PADDING, BEGIN, END))
    own = TARGET not in rows.steps  # whether choices are made at the steps that are read
    if logits.ndim == 1:
        if at is not None:
            raise InputError(f"There is one choice a row, and at is {at}: leave it out.")
    else:
        steps = rows.steps[STEP if own else TARGET][0]
        words = isword if own else np.arange(len(steps)) < len(steps) - 1  # what is written but for its end
        at = task.asked_step(probabilities[: len(words)], words) if at is None else at
        if not 0 <= at < len(steps):
            raise InputError(f"There are {len(steps)} steps, from 0 on, and at is {at}.")
    written = None if own or at is None else rows.steps[TARGET][0][at]
    choice = _choice(task, of or written, probabilities if at is None else probabilities[at])

    def picked(logits: Any) -> Any:
        return logits[:, choice] if at is None else logits[:, at, choice]

    found = integrated_gradients(run.model, row, lambda outputs, rows: picked(task.shares(outputs, rows)[0]), isword)
    places = np.flatnonzero(isword)
    wide = _wide(run, ids[isword], choice)
    behind = bool(ids[0] == BEGIN)  # an answer is what follows its step
    told = _without(run, rows, row, places, choice, at if own else None, at, behind)
    names = rows.steps[STEP if own else "source"][0]
    added = found.values[places] + (0.0 if wide is None else wide)
    logit, probability = (float(part[choice] if at is None else part[at, choice]) for part in (logits, probabilities))
    base = found.baseline - (0.0 if wide is None else float(wide.sum()))
    return Explanation(
        task.choices[choice],
        at,
        [names[place] for place in places],
        added,
        wide,
        logit,
        probability,
        base,
        *told,
        found,
    )


def _choice(task: Any, of: str | None, probabilities: np.ndarray) -> int:
    if of is None:
        return int(probabilities.argmax())
    if of not in task.choices:
        some = ", ".join(map(repr, task.choices[:20]))
        raise InputError(f"There is no choice {of!r}: there are {some}{' ...' if len(task.choices) > 20 else ''}.")
    place: int = task.choices.index(of)
    return place


def _wide(run: Run, ids: np.ndarray, choice: int) -> np.ndarray | None:
    """What each word adds by a wide path."""
    task: Any = run.task
    if not hasattr(task, "wide_shares") or "wide" not in run.info["settings"]:
        return None
    shares: np.ndarray | None = task.wide_shares(run.model, ids, choice, Wide(**run.info["settings"]["wide"]))
    return shares


def _without(
    run: Run,
    rows: OpenRows,
    row: dict[str, tf.Tensor],
    places: np.ndarray,
    choice: int,
    own: int | None,
    at: int | None,
    behind: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Logit and probability of the choice without each word.

    Args:
        own: The step of the choice among those that are read, where it is one of them, so that it moves.
        behind: Whether the choice at a step is what follows it, so that the step itself may be left out.
    """
    task: Any = run.task
    if not len(places):
        return np.zeros(0), np.zeros(0)
    in_step = [name for name in row if name in rows.lengths and name != "before"]
    parts = left_out(run.model, row, in_step, places.tolist(), task.shares)
    found = []
    for part in parts:
        values = part.astype(np.float64)
        if at is None:
            found.append(values[:, choice])
            continue
        moved = np.full(len(places), at) if own is None else at - (places <= own if behind else places < own)
        chosen = values[np.arange(len(places)), np.minimum(moved, values.shape[1] - 1), choice]
        found.append(np.where((places == own) & (not behind), np.nan, chosen) if own is not None else chosen)
    return found[0], found[1]
