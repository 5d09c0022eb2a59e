"""What whoever runs an artefact has to know of the task: how inputs become ids, and outputs answers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit.layers.crf import CRF
from seqkit.text.lexicon import Lexicon
from seqkit.text.vocabulary import Vocabulary

TOKENIZER, TARGET, LABELS = "tokenizer", "target_tokenizer", "labels"


@dataclasses.dataclass(frozen=True)
class Description:
    """A task, for a runner that knows nothing of its recipe.

    Attributes:
        kind: What becomes of an input: "classify_text", "tag", "tag_and_label", "language_model", "label_frames",
            "classify_image", "write", "caption" or "write_answer".
        fields: What else the runner needs, as JSON.
        tokenizers: "tokenizer", which reads, and "target_tokenizer", which writes.
        labels: What labels.json holds.
    Example:
        >>> from seqkit.export.description import Description
        >>> tokenizers, labels = {"tokenizer": run.task.vocabulary}, {"labels": ["bad", "good"]}
        >>> Description("classify_text", {"max_length": 200}, tokenizers, labels).to_json()
        {'kind': 'classify_text', 'tokenizer': 'tokenizer.json', 'labels': 'labels.json', 'max_length': 200}
    """

    kind: str
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tokenizers: Mapping[str, Vocabulary | Lexicon] = dataclasses.field(default_factory=dict)
    labels: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The field "task" of a manifest."""
        files = {name: f"{name}.json" for name in self.tokenizers}
        labels = {} if self.labels is None else {LABELS: f"{LABELS}.json"}
        return {"kind": self.kind} | files | labels | dict(self.fields)


def image_fields(shape: tuple[int, int, int]) -> dict[str, Any]:
    """How an image has to come."""
    height, width, channels = shape
    order = "RGB" if channels == 3 else "grey"
    return {"image": {"size": [height, width], "channels": channels, "range": [0, 255], "order": order}}


def chain_fields(model: Any) -> dict[str, Any]:
    """The scores of a model's `CRF`, forbidden ones included: "transitions", (tags + 1, tags), the last row from the
    beginning; "end", (tags,). Nothing where it has none.
    """
    chains = [layer for layer in model.layers if isinstance(layer, CRF)]
    if not chains:
        return {}
    transitions, end = (np.asarray(scores, np.float32) for scores in chains[0].scores())
    return {"transitions": transitions.tolist(), "end": end.tolist()}
