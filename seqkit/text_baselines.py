"""What a model that writes has to beat: texts that are there already."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer


class CopySource:
    """Answers with what it was asked."""

    def answer(self, sources: Sequence[str]) -> list[str]:
        return list(sources)

    def save(self, path: Path) -> None:
        np.savez(path)

    @classmethod
    def load(cls, path: Path) -> "CopySource":
        return cls()


class Nearest:
    """Answers with the training answer whose question is the most similar, by the cosine of TF-IDF of words.

    Args:
        sources, targets: Training rows; of equally similar ones the first counts.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str]):
        self.sources, self.targets = list(sources), list(targets)
        self._vectorizer = TfidfVectorizer(token_pattern=r"(?u)\S+", sublinear_tf=True)
        self._rows = self._vectorizer.fit_transform(self.sources)

    def answer(self, sources: Sequence[str], chunk: int = 256) -> list[str]:
        answers = []
        for start in range(0, len(sources), chunk):
            asked = self._vectorizer.transform(sources[start : start + chunk])
            similar = (asked @ self._rows.T).toarray()  # (asked, training rows)
            answers += [self.targets[place] for place in similar.argmax(axis=1)]
        return answers

    def save(self, path: Path) -> None:
        np.savez_compressed(path, sources=_packed(self.sources), targets=_packed(self.targets))

    @classmethod
    def load(cls, path: Path) -> "Nearest":
        with np.load(path, allow_pickle=False) as kept:
            return cls(*(kept[name].tobytes().decode().split("\0") for name in ("sources", "targets")))


def _packed(texts: Sequence[str]) -> np.ndarray:
    return np.frombuffer("\0".join(text.replace("\0", " ") for text in texts).encode(), np.uint8)
