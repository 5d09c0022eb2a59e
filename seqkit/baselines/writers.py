"""What a model that writes has to beat: texts that are there already."""

from collections import Counter
from collections.abc import Sequence, Sized
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

from seqkit.baselines.classifiers import averaged_images
from seqkit.baselines.samples import sample, told
from seqkit.batches.pipeline import Shared

ROWS, CHARACTERS = 100_000, 1 << 25  # of the training data that are looked among


class CopySource:
    """Answers with what it was asked."""

    def answer(self, sources: Sequence[str]) -> list[str]:
        return list(sources)

    def save(self, path: Path) -> None:
        np.savez(path)

    @classmethod
    def load(cls, path: Path) -> "CopySource":
        return cls()


class MostFrequentAnswer:
    """Answers everything with the most frequent training answer; of equally frequent ones with the first by name."""

    def __init__(self, text: str):
        self.text = text

    @classmethod
    def fit(cls, targets: Sequence[str]) -> "MostFrequentAnswer":
        counts = Counter(targets)
        return cls(min(counts, key=lambda text: (-counts[text], text)))

    def answer(self, rows: Sized) -> list[str]:
        return [self.text] * len(rows)

    def save(self, path: Path) -> None:
        np.savez(path, text=_packed([self.text]))

    @classmethod
    def load(cls, path: Path) -> "MostFrequentAnswer":
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["text"].tobytes().decode())


class Nearest:
    """Answers with the training answer whose question is the most similar, by the cosine of TF-IDF of words.

    Args:
        sources, targets: Training rows; of equally similar ones the first counts.
        characters: Take runs of one to three characters for words.
        bounds: What was left out of the training rows, where it had to; run.json has it then.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str], *, characters: bool = False, bounds: str = ""):
        self.bounds = bounds
        self.sources, self.targets, self.characters = list(sources), list(targets), characters
        if characters:
            self._vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False, sublinear_tf=True)
        else:
            self._vectorizer = TfidfVectorizer(token_pattern=r"(?u)\S+", sublinear_tf=True)
        self._rows = self._vectorizer.fit_transform(self.sources)

    @classmethod
    def fit(
        cls, sources: Sequence[str], targets: Sequence[str], *, characters: bool = False, most: int = ROWS
    ) -> "Nearest":
        """Look among all rows, or among about `most` where there are more, or fewer where they are long."""
        sizes = np.maximum([len(text) for text in sources], CHARACTERS // ROWS)
        rows = sample(sizes, most * (CHARACTERS // ROWS))
        if rows is None:
            return cls(sources, targets, characters=characters)
        chosen = ([texts[row] for row in rows] for texts in (sources, targets))
        return cls(*chosen, characters=characters, bounds=told(len(rows), len(sources), "rows"))

    def answer(self, sources: Sequence[str], chunk: int = 256) -> list[str]:
        answers = []
        for start in range(0, len(sources), chunk):
            asked = self._vectorizer.transform(sources[start : start + chunk])
            similar = (asked @ self._rows.T).toarray()  # (asked, training rows)
            answers += [self.targets[place] for place in similar.argmax(axis=1)]
        return answers

    def save(self, path: Path) -> None:
        texts = _packed(self.sources), _packed(self.targets)
        np.savez_compressed(path, sources=texts[0], targets=texts[1], characters=self.characters)

    @classmethod
    def load(cls, path: Path) -> "Nearest":
        with np.load(path, allow_pickle=False) as kept:
            texts = [kept[name].tobytes().decode().split("\0") for name in ("sources", "targets")]
            return cls(*texts, characters=bool(kept["characters"]))


class NearestImage:
    """Answers with the training caption of the most similar image, by the distance of blocks of pixels.

    Args:
        images: float, (images, values), averaged over blocks of pixels.
        captions: One for each.
        bounds: What was left out of the training images, where it had to; run.json has it then.
    """

    def __init__(self, images: np.ndarray, captions: Sequence[str], *, bounds: str = ""):
        self.bounds = bounds
        self.images, self.captions = images, list(captions)
        self._neighbours = NearestNeighbors(n_neighbors=1).fit(images)

    @classmethod
    def fit(cls, images: Shared, captions: Sequence[str], *, most: int = ROWS) -> "NearestImage":
        """Look among all images, or among about `most` where there are more."""
        rows = sample(np.ones(len(images), np.int64), most)
        if rows is None:
            return cls(_values(images), captions)
        chosen = _values(images.take(rows)), [captions[row] for row in rows]
        return cls(*chosen, bounds=told(len(rows), len(images), "images"))

    def answer(self, images: Shared) -> list[str]:
        (nearest,) = self._neighbours.kneighbors(_values(images), return_distance=False).T
        return [self.captions[place] for place in nearest]

    def save(self, path: Path) -> None:
        np.savez_compressed(path, images=self.images, captions=_packed(self.captions))

    @classmethod
    def load(cls, path: Path) -> "NearestImage":
        with np.load(path, allow_pickle=False) as kept:
            images, captions = (kept[name] for name in kept.files)  # in version 0.4 they had another name
            return cls(images, captions.tobytes().decode().split("\0"))


def _values(images: Shared) -> np.ndarray:
    """float32, (rows, values)."""
    return averaged_images(images)[np.arange(len(images))].astype(np.float32)


def _packed(texts: Sequence[str]) -> np.ndarray:
    return np.frombuffer("\0".join(text.replace("\0", " ") for text in texts).encode(), np.uint8)
