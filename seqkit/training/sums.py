"""Exact sums over an epoch, whatever its batches: a step adds up, and who reads divides."""

from collections.abc import Callable

import tensorflow as tf

from seqkit.batches.rows import Rows
from seqkit.training.executor import Batch
from seqkit.training.peers import ALONE, Peers

Figures = dict[str, float]
Step = Callable[[Batch], Figures]


def total_sums(step: Step, rows: Rows, peers: Peers = ALONE) -> Figures:
    """What a step gives for each batch, added up; of several processes each takes its part of each batch."""
    sums: Figures = {}
    for batch in rows.batches(part=peers.part):
        add_sums(sums, step(batch))
    totals = peers.sum([tf.constant(list(sums.values()), tf.float64)])[0]
    return dict(zip(sums, totals.numpy().tolist(), strict=True))


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
    means = {name: value / sums["items"] for name, value in sums.items() if name not in apart}
    if "steps" in sums:
        means |= {name: sums[key] / sums["steps"] for key, name in of_a_step.items()}
        means["gradient_norm_max"] = sums["gradient_norm_max"]
    return means
