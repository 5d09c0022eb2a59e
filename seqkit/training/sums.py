"""Exact sums over an epoch, whatever its batches: a step adds up, and who reads divides."""

import math
import time
from collections.abc import Callable, Iterator

import tensorflow as tf

from seqkit.batches.rows import Rows, batches_in
from seqkit.core.errors import InputError
from seqkit.training.peers import ALONE, Peers

Figures = dict[str, float]
Steps = Callable[[tf.data.Iterator, int], list[Figures]]  # on so many batches, one after the other
CALL = 0.1  # seconds: what a person doesn't notice


class Pace:
    """How many steps there are in one call: as many as take `CALL`, or always one.

    Attributes:
        count: That many.
    """

    def __init__(self, *, single: bool = False):
        self.count, self._single = 1, single

    def took(self, steps: int, seconds: float) -> None:
        """Choose anew, after a call of so many steps; a first step compiles, and a pace is doubled at most."""
        if not self._single:
            self.count = min(max(int(CALL * steps / seconds), 1), 2 * self.count)


def total_sums(steps: Steps, rows: Rows, peers: Peers = ALONE) -> Figures:
    """What a step gives for each batch, added up; of several processes each takes its part of each batch.

    Raises:
        InputError: No row has a weight.
    """
    sums: Figures = {}
    for figures in _each(steps, rows.batches(part=peers.part)):
        add_sums(sums, figures)
    totals = peers.sum([tf.constant(list(sums.values()), tf.float64)])[0]
    found = dict(zip(sums, totals.numpy().tolist(), strict=True))
    if not found["items"]:
        raise InputError("None of the rows to score has a weight above 0: there is nothing to take a mean of.")
    return found


def _each(steps: Steps, dataset: tf.data.Dataset) -> Iterator[Figures]:
    pace, batches, left = Pace(), iter(dataset), batches_in(dataset)
    while left:
        count, at = min(pace.count, left), time.perf_counter()
        yield from steps(batches, count)
        pace.took(count, time.perf_counter() - at)
        left -= count


def add_sums(sums: Figures, figures: Figures) -> None:
    """Add one step's figures to those of the steps before, in place."""
    for name, value in figures.items():
        sums[name] = sums.get(name, 0.0) + value
    if "gradient_norm" in figures:
        sums["gradient_norm_max"] = max(sums.get("gradient_norm_max", 0.0), figures["gradient_norm"])


def means_of(sums: Figures) -> Figures:
    """Means over items; of what a training step has besides, over steps."""
    of_a_step = {"gradient_norm": "gradient_norm", "clipped": "clipped_share"}
    apart = {*of_a_step, "gradient_norm_max", "items", "steps"}
    items = sums["items"] or math.nan  # of steps whose rows all weigh nothing
    means = {name: value / items for name, value in sums.items() if name not in apart}
    if "steps" in sums:
        means |= {name: sums[key] / sums["steps"] for key, name in of_a_step.items()}
        means["gradient_norm_max"] = sums["gradient_norm_max"]
    return means
