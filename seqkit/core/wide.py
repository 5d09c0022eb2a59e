"""Wide: what a user may set of the wide path, checked as it is made."""

import dataclasses

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.typed import check_fields

LONGEST = 6  # tokens of a run


@dataclasses.dataclass(frozen=True)
class Wide:
    """Weights of runs of tokens, straight into the scores of the labels, beside the recurrent path (Cheng et al. 2016).

    Attributes:
        ngrams: Tokens of the longest run that is weighed; 0 for no such path, nothing for runs of two, or for no such path
            where there are more than 256 labels.
        buckets: How many weights the runs of one length share at most, from two tokens on, by hashing; a power of two at or
            below this. For a small vocabulary there are fewer.
        characters: Characters of the longest run within a word that is weighed too, as its words are fitted: "love" and
            "loved" then have in common what their spelling has. What a word's runs weigh is added to its own weight, so
            that the model stays as it is. 0 for words by themselves; nothing for runs of 5 where there are at most 10,000
            training texts.
    Example:
        >>> seqkit.Wide(ngrams=3).unread(), sorted(seqkit.Wide(ngrams=0).unread())  # without a path these say nothing
        ({}, ['buckets', 'characters'])
    """

    ngrams: int | None = None
    buckets: int = 1 << 20
    characters: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "wide")
        if self.ngrams is not None:
            at_least("wide.ngrams", self.ngrams, 0)
            if self.ngrams > LONGEST:
                raise InputError(f"wide.ngrams is {self.ngrams}: give {LONGEST} at most.")
        at_least("wide.buckets", self.buckets, 2)
        if self.characters is not None:
            at_least("wide.characters", self.characters, 0)

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        alone = "a model without a wide path (wide.ngrams 0)"
        return dict.fromkeys(("buckets", "characters"), alone) if self.ngrams == 0 else {}
