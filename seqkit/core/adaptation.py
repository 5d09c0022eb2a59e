"""What is chosen after a training: the searches to try, and what a language model takes in while it is scored."""

import dataclasses

from seqkit.core.bounds import at_least, share
from seqkit.core.errors import InputError
from seqkit.core.typed import check_fields

# that are tried where none are named
BEAMS, LENGTH_PENALTIES = (1, 2, 3, 5, 8), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """What a language model takes in while it is scored: figures of their own, never the model's.

    Attributes:
        cache: Steps that a neural cache remembers (Grave et al. 2017); 0 for none.
        flatness: Of the cache: how much likelier the words behind like states are, theta of Grave et al.
        share: Of the cache in the probability, lambda of Grave et al.; the model has the rest.
        dynamic_rate: Step size of dynamic evaluation (Krause et al. 2018): after each segment the weights move down its
            gradient; 0 for none.
        dynamic_decay: And back to those that were trained, by this share a segment.
        segment: Steps of a segment.
    Example:
        >>> seqkit.Adaptation(cache=500, share=0.2).flatness
        0.3
    """

    cache: int = 0
    flatness: float = 0.3
    share: float = 0.1
    dynamic_rate: float = 0.0
    dynamic_decay: float = 0.0
    segment: int = 20

    def __post_init__(self) -> None:
        check_fields(self, "adapt")
        for name, least in {"cache": 0, "flatness": 0, "dynamic_rate": 0, "segment": 1}.items():
            at_least(f"adapt.{name}", getattr(self, name), least)
        share("adapt.share", self.share)
        share("adapt.dynamic_decay", self.dynamic_decay)
        if not (self.cache or self.dynamic_rate):
            raise InputError(
                "adapt.cache and adapt.dynamic_rate are both 0, where nothing is taken in: give one of them, such as "
                "adapt.cache 500."
            )
