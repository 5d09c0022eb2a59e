"""What a model that writes is trained on: the symbol that comes next, with the true ones before it (teacher forcing)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit.batches.derived import Ones, with_end
from seqkit.batches.pipeline import Column, Pipeline, boundaries
from seqkit.core.ragged import Ragged
from seqkit.text.vocabulary import BEGIN, END, UNKNOWN


def encoder_decoder_rows(
    sources: Ragged,
    targets: Ragged | None,
    batch_size: int,
    *,
    axes: Mapping[str, tuple[int, ...]] | None = None,
    kept: np.ndarray | None = None,
) -> tuple[Pipeline, dict[str, Any]]:
    """Batches for a model that reads one row of ids and writes another, and counts about them.

    Args:
        sources, targets: Ids without what begins and ends them; no targets where the answers aren't known.
        batch_size: As for `Pipeline`.
        axes: Widths to keep to, as far as the rows fit; otherwise those that leave the least padding.
        kept: int64, the rows that are kept; nothing for all.
    """
    ids = with_end(sources, END)
    columns: dict[str, Any] = {"ids": ids} | (begin_inputs(len(ids)) if targets is None else teacher_forced(targets))
    unknown = _are(sources, UNKNOWN)
    if kept is not None:
        columns, unknown = {name: column.take(kept) for name, column in columns.items()}, unknown[kept]
    ids, before = columns["ids"], columns["before"]
    widths = {
        "ids": _widths(ids.lengths, axes, "ids"),
        "before": (1,) if targets is None else _widths(before.lengths, axes, "before"),
    }
    tokens = int(ids.lengths.sum())
    facts = {"source_tokens": tokens, "unknown_token_share": int(unknown.sum()) / tokens}
    if targets is not None:
        facts["target_tokens"] = int(before.lengths.sum()) - len(before)
    return Pipeline(columns, widths, batch_size), facts


def _widths(lengths: np.ndarray, axes: Mapping[str, tuple[int, ...]] | None, name: str) -> tuple[int, ...]:
    if axes is None:
        return boundaries(lengths)
    kept = axes[name]
    return kept if lengths.max() <= kept[-1] else (*kept, *boundaries(lengths, most=1))


def _are(ids: Ragged, wanted: int, rows: int = 1 << 16) -> np.ndarray:
    """How many ids of each row are this: int64, (rows,); few rows are looked at at once."""
    parts = [np.zeros(0, np.int64)]
    for first in range(0, len(ids), rows):
        offsets = ids.offsets[first : first + rows + 1]
        found = ids.values[offsets[0] : offsets[-1]] == wanted
        parts.append(Ragged(found.astype(np.int64), offsets - offsets[0]).sums())
    return np.concatenate(parts)


def without_end(rows: Pipeline) -> Pipeline:
    """The same rows with no weight on the end of an answer: what is counted are its symbols."""
    weights = rows.columns["weights"]
    assert isinstance(weights, Ones), "answers are in step, and all of them count"
    return dataclasses.replace(rows, columns={**rows.columns, "weights": dataclasses.replace(weights, ends=False)})


def teacher_forced(rows: Ragged, *, longest: int | None = None) -> dict[str, Column]:
    """Columns of a pipeline.

    Args:
        rows: Ids of the answers, without what begins and ends them.
        longest: How many of these at most, and what ends them.
    Returns:
        "before", the begin token and the ids; "targets", the ids and the end token; "weights", ones: all in step.
    """
    targets = with_end(rows, END, longest=longest)
    return {
        "before": dataclasses.replace(targets, begin=BEGIN, end=None),
        "targets": targets,
        "weights": Ones(targets.lengths),
    }


def begin_inputs(count: int) -> dict[str, Column]:
    """The same where the answers aren't known: "before" holds what begins them, and there is no target."""
    return {"before": Ragged.of_lengths(np.full(count, BEGIN, np.int32), np.ones(count, np.int64))}
