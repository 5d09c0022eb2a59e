"""A simple tagger and a simple classifier as one baseline, for rows that have tags and a label."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from seqkit.baselines.classifiers import LinearTfidf, Majority
from seqkit.baselines.taggers import LinearTagger, MostFrequentTag, Sentences
from seqkit.core.ragged import Ragged


@dataclasses.dataclass(frozen=True)
class Pair:
    """Each fitted by itself: the tagger on tokens, the classifier on texts of them with a blank between each two.

    Attributes:
        kinds: A subclass has the classes of the two.
    """

    tagger: Any
    classifier: Any
    kinds: ClassVar[tuple[Any, Any]]

    @classmethod
    def fit(
        cls, tokens: Sentences, tags: Sentences, labels: Sequence[str], classes: tuple[Sequence[str], Sequence[str]]
    ) -> Self:
        """Fit both.

        Args:
            classes: The tags and the labels that there are.
        """
        tagger, classifier = cls.kinds
        if issubclass(classifier, Majority):
            return cls(tagger.fit(tokens, tags, classes[0]), classifier.fit(labels, classes[1]))
        return cls(tagger.fit(tokens, tags, classes[0]), classifier.fit(_texts(tokens), labels, classes[1]))

    @property
    def bounds(self) -> str:
        """What a fit left out, where it had to."""
        return "; ".join(filter(None, (getattr(part, "bounds", "") for part in (self.tagger, self.classifier))))

    def answer(self, tokens: Sentences) -> tuple[Ragged, np.ndarray]:
        """A tag a token, int32 ragged, and the labels' probabilities, float (rows, labels)."""
        return self.tagger.predict(tokens), self.classifier.probabilities(_texts(tokens))

    def save(self, path: Path) -> None:
        """Write an .npz file of the two's."""
        np.savez(path, tagger=_bytes(self.tagger), classifier=_bytes(self.classifier))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(
                *(kind.load(io.BytesIO(kept[name].tobytes())) for kind, name in zip(cls.kinds, PARTS, strict=True))
            )


class MostFrequentPair(Pair):
    """Each word's most frequent tag, and the most frequent label."""

    kinds = (MostFrequentTag, Majority)


class LinearPair(Pair):
    """A linear tagger, and a linear classifier of one and two words."""

    kinds = (LinearTagger, LinearTfidf)


PARTS = ("tagger", "classifier")


def _texts(tokens: Sentences) -> list[str]:
    return [" ".join(words) for words in tokens]


def _bytes(part: Any) -> np.ndarray:
    written = io.BytesIO()
    part.save(written)
    return np.frombuffer(written.getvalue(), np.uint8)
