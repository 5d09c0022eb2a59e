"""FineTuning: what a user may set of how a model goes on from another one's weights."""

import dataclasses

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.typed import check_fields


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How a model learns that starts from a language model, beside its `Training`.

    Attributes:
        layer_decay: Learning rate of each layer as a share of that of the one above it, so that what is below, and more
            general, moves less (discriminative rates: Howard and Ruder 2018 take 1/2.6); 1 for one rate. What is new has
            the full rate.
        unfreeze_epochs: Epochs after which the next layer from the top begins to learn (gradual unfreezing, likewise); 0 for
            all from the first step on. What is new learns at once.
        language_model: Weight of the language model's loss on the training texts, as a second objective (Radford et al.
            2018); it needs a language model that was trained tied, whose output the embedding is. 0 for none.
    """

    layer_decay: float = 1.0
    unfreeze_epochs: float = 0.0
    language_model: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "fine_tuning")
        if not 0 < self.layer_decay <= 1:
            raise InputError(f"fine_tuning.layer_decay is {self.layer_decay}: give a number above 0, at most 1.")
        for name in ("unfreeze_epochs", "language_model"):
            at_least(f"fine_tuning.{name}", getattr(self, name), 0)
