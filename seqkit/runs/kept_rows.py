"""What an evaluation keeps of each row, so that runs are compared later without the data.

That is what scores are summed up from, and how each item was answered.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from seqkit.core.errors import InputError, reason_of
from seqkit.metrics.captions import caption_scores
from seqkit.metrics.classification import class_scores
from seqkit.metrics.judged import Items, Judged, Trait
from seqkit.metrics.likelihood import bits_scores, closed_vocabulary_scores, likelihood_scores, wordless_scores
from seqkit.metrics.pairs import pair_scores
from seqkit.metrics.segments import segment_scores
from seqkit.metrics.sums import Summed
from seqkit.metrics.tags import tag_scores
from seqkit.metrics.texts import character_scores, written_scores
from seqkit.runs.contents import RESTORE, file_of
from seqkit.runs.task import Scorer

ROWS = "rows.npz"
KINDS = {
    kind.__name__: kind
    for kind in (
        bits_scores, caption_scores, character_scores, class_scores, closed_vocabulary_scores, likelihood_scores,
        pair_scores, segment_scores, tag_scores, wordless_scores, written_scores,
    )
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class KeptRows:
    """A run on rows.

    Attributes:
        scorer: Of the rows.
        items: What is judged.
        judged: How it was answered.
    """

    scorer: Scorer
    items: Items
    judged: Judged

    def save(self, path: Path) -> None:
        """Write what can be read again; of scores that follow from no sums, nothing."""
        if not isinstance(self.scorer, Summed) or self.scorer.of.__name__ not in KINDS:
            return
        counts = sparse.csr_array(self.scorer.counts)
        traits = {name: trait.names for name, trait in self.items.traits.items()}
        told = {"kind": self.scorer.of.__name__, "options": dict(self.scorer.options), "traits": traits}
        arrays: dict[str, Any] = {
            "told": np.array(json.dumps(told)),
            "shape": np.array([*counts.shape, isinstance(self.scorer.counts, np.ndarray)]),
            "values": counts.data,
            "places": counts.indices.astype(np.int32),
            "starts": counts.indptr.astype(np.int64),
            "gains": self.judged.gains.astype(np.float32),
            "rows": self.items.rows.astype(np.int32),
        }
        arrays |= {f"trait_{number}": trait.places for number, trait in enumerate(self.items.traits.values())}
        np.savez_compressed(path, **arrays)


def read_rows(folder: Path, info: Mapping[str, Any], evaluation: str) -> KeptRows | None:
    """What the evaluation kept; nothing where it kept nothing.

    Raises:
        InputError: It is damaged.
    """
    name = f"evaluations/{evaluation}/{ROWS}"
    if name not in info.get("files", {}):
        return None
    path = file_of(folder, info, name)
    try:
        with np.load(path, allow_pickle=False) as held:
            told = json.loads(str(held["told"]))
            rows, width, dense = map(int, held["shape"])
            counts: Any = sparse.csr_array((held["values"], held["places"], held["starts"]), shape=(rows, width))
            scorer = Summed(counts.toarray() if dense else counts, KINDS[told["kind"]], told["options"])
            traits = {
                trait: Trait(tuple(names), held[f"trait_{number}"])
                for number, (trait, names) in enumerate(told["traits"].items())
            }
            return KeptRows(scorer, Items(held["rows"], traits), Judged(held["gains"].astype(float)))
    except Exception as error:  # whatever NumPy and SciPy make of what they didn't write
        raise InputError(f"{path} can't be read ({reason_of(error)}): {RESTORE}") from None
