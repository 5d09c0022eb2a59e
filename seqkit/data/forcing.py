"""What a model that writes is trained on: the symbol that comes next, with the true ones before it (teacher forcing)."""

import numpy as np

from seqkit.data.pipelines import Column
from seqkit.data.ragged import Ragged
from seqkit.data.vocabulary import BEGIN, END


def forced(rows: Ragged) -> dict[str, Column]:
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


def unforced(count: int) -> dict[str, Column]:
    """The same where the answers aren't known: "before" holds what begins them, and there is no target."""
    return {"before": Ragged.of_lengths(np.full(count, BEGIN, np.int32), np.ones(count, np.int64))}
