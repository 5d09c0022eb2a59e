"""What a model that writes is trained on: the symbol that comes next, with the true ones before it (teacher forcing)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit.batches.pipeline import Column, Pipeline, boundaries
from seqkit.core.ragged import Ragged
from seqkit.text.vocabulary import BEGIN, END, UNKNOWN


def encoder_decoder_rows(
    sources: Ragged,
    targets: Ragged | None,
    batch_size: int,
    *,
    batch_steps: int = 0,
    axes: Mapping[str, tuple[int, ...]] | None = None,
) -> tuple[Pipeline, dict[str, Any]]:
    """Batches for a model that reads one row of ids and writes another, and counts about them.

    Args:
        sources, targets: Ids without what begins and ends them; no targets where the answers aren't known.
        batch_size, batch_steps: As for `Pipeline`.
        axes: Widths to keep to, as far as the rows fit; otherwise those that leave the least padding.
    """
    ids = sources.append(END)
    columns = {"ids": ids} | (begin_inputs(len(ids)) if targets is None else teacher_forced(targets))
    widths = {
        "ids": _widths(ids.lengths, axes, "ids"),
        "before": (1,) if targets is None else _widths(targets.lengths + 1, axes, "before"),
    }
    unknown = (ids.values == UNKNOWN).sum()
    facts = {"source_tokens": len(ids.values), "unknown_token_share": float(unknown / len(ids.values))}
    if targets is not None:
        facts["target_tokens"] = int(targets.lengths.sum())
    return Pipeline(columns, widths, batch_size, batch_steps), facts


def _widths(lengths: np.ndarray, axes: Mapping[str, tuple[int, ...]] | None, name: str) -> tuple[int, ...]:
    if axes is None:
        return boundaries(lengths)
    kept = axes[name]
    return kept if lengths.max() <= kept[-1] else (*kept, *boundaries(lengths, most=1))


def without_end(rows: Pipeline) -> Pipeline:
    """The same rows with no weight on the end of an answer: what is counted are its symbols."""
    weights = rows.columns["weights"]
    assert isinstance(weights, Ragged), "answers are in step"
    values = weights.values.copy()
    values[weights.offsets[1:] - 1] = 0
    return dataclasses.replace(rows, columns={**rows.columns, "weights": Ragged(values, weights.offsets)})


def teacher_forced(rows: Ragged) -> dict[str, Column]:
    """Columns of a pipeline.

    Args:
        rows: Ids of the answers, without what begins and ends them.
    Returns:
        "before", the begin token and the ids; "targets", the ids and the end token; "weights", ones: all in step.
    """
    targets = rows.append(END)
    before = np.concatenate([[BEGIN], targets.values[:-1]])
    before[targets.offsets[:-1]] = BEGIN
    return {
        "before": Ragged(before.astype(np.int32), targets.offsets),
        "targets": Ragged(targets.values.astype(np.int32), targets.offsets),
        "weights": Ragged(np.ones(len(targets.values), np.float32), targets.offsets),
    }


def begin_inputs(count: int) -> dict[str, Column]:
    """The same where the answers aren't known: "before" holds what begins them, and there is no target."""
    return {"before": Ragged.of_lengths(np.full(count, BEGIN, np.int32), np.ones(count, np.int64))}
