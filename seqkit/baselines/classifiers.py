"""Simple models that every report stands beside, fitted on the same training data.

They are saved as plain arrays, so that a run folder can be scored anywhere and holds no pickle.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqkit.baselines.samples import sample, told
from seqkit.batches.pipeline import Shared
from seqkit.core.errors import InputError
from seqkit.text.labels import count_labels, encode_labels

FRAMES = 20_000  # that the single-frame model is fitted on
PIECE = 1 << 12  # texts that it answers at once
CHARACTERS = 1 << 26  # that the linear model is fitted on, twice imdb's
SCORES = 1 << 28  # of classes, of all texts that it is fitted on
SIDE = 16  # pixels of a side that it sees at most


@dataclasses.dataclass(frozen=True)
class Majority:
    """Each class with its share of the training rows, whatever the text.

    Attributes:
        shares: float, (classes,).
    """

    shares: np.ndarray

    @classmethod
    def fit(cls, labels: Sequence[str], classes: Sequence[str]) -> Self:
        """Count the labels."""
        counts = np.array(count_labels(labels, classes), np.float64)
        return cls(counts / counts.sum())

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """float, (rows, classes)."""
        return np.tile(self.shares, (len(texts), 1))

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        np.savez(path, shares=self.shares)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["shares"])


@dataclasses.dataclass(frozen=True)
class SingleFrame:
    """Logistic regression on single frames, with scikit-learn: what can be known without looking at time.

    Values are standardised; images are first averaged over blocks of pixels, down to at most 16 x 16. An image by itself
    is a frame, too.

    Attributes:
        model: Fitted.
        mean, deviation: float, (values,), of the training frames.
        columns: int, (fitted classes,): each one's place among the task's classes.
        classes: How many classes the task has; those without a training frame get probability 0.
        bounds: What a fit left out, where it had to; run.json has it then.
    """

    model: LogisticRegression
    mean: np.ndarray
    deviation: np.ndarray
    columns: np.ndarray
    classes: int
    bounds: str = ""

    @classmethod
    def fit(
        cls,
        videos: Sequence[Any],
        labels: Sequence[Sequence[str]],
        classes: Sequence[str],
        *,
        frames: int = FRAMES,
        seed: int = 0,
    ) -> Self:
        """Fit on about `frames` frames at most, drawn from all.

        Args:
            videos: Recordings: with a length, and `video[rows]` gives (rows, features) or (rows, height, width, channels).
            labels: A label a frame.
        Raises:
            ValueError: There are fewer than two labels.
        """
        total = sum(map(len, videos))
        share = min(1.0, frames / total)
        rng = np.random.default_rng(seed)
        drawn = [np.flatnonzero(rng.random(len(video)) < share) for video in videos]
        values = np.concatenate([averaged(video[rows]) for video, rows in zip(videos, drawn, strict=True)])
        names = [own[row] for own, rows in zip(labels, drawn, strict=True) for row in rows.tolist()]
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        model = LogisticRegression(max_iter=1000).fit((values - mean) / deviation, names)
        columns = encode_labels(model.classes_, classes)
        bounds = told(len(names), total, "frames") if share < 1 else ""
        return cls(model, mean, deviation, columns, len(classes), bounds)

    def probabilities(self, video: np.ndarray) -> np.ndarray:
        """float, (frames, classes)."""
        result = np.zeros((len(video), self.classes))
        result[:, self.columns] = self.model.predict_proba((averaged(video) - self.mean) / self.deviation)
        return result

    def save(self, path: Path) -> None:
        """Write an .npz file of arrays."""
        np.savez_compressed(
            path,
            coefficients=self.model.coef_,
            intercepts=self.model.intercept_,
            mean=self.mean,
            deviation=self.deviation,
            columns=self.columns,
            classes=self.classes,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            model = LogisticRegression()
            model.coef_, model.intercept_ = kept["coefficients"], kept["intercepts"]
            model.classes_ = np.arange(len(kept["columns"]))
            return cls(model, kept["mean"], kept["deviation"], kept["columns"], int(kept["classes"]))


def averaged(frames: np.ndarray) -> np.ndarray:
    """float64, (frames, values): images averaged over blocks, what doesn't fill a block left out."""
    if frames.ndim == 4:
        count, height, width, channels = frames.shape
        block = -(-max(height, width) // SIDE)
        frames = frames[:, : height - height % block, : width - width % block]
        frames = frames.reshape(count, height // block, block, width // block, block, channels)
        frames = frames.mean(axis=(2, 4), dtype=np.float64)
    return frames.reshape(len(frames), -1).astype(np.float64)


def averaged_images(images: Shared) -> Shared:
    """The images of rows, each averaged so: float, (images, values)."""
    values = np.concatenate([averaged(chunk) for chunk in images.chunks()])
    return Shared(values, np.unique(images.index, return_inverse=True)[1])


@dataclasses.dataclass(frozen=True)
class LinearTfidf:
    """Logistic regression on TF-IDF of one and two words, with scikit-learn.

    A word is a run of letters and digits, or any other visible character. C and the minimum of two rows a feature were
    chosen on held-out rows of imdb and rt_polarity; on imdb they also keep 400,000 of 1,400,000 features.

    Attributes:
        vectorizer: Fitted.
        model: Fitted.
        columns: int, (fitted classes,): each one's place among the task's classes.
        classes: How many classes the task has; those without a training row get probability 0.
        bounds: What a fit left out, where it had to; run.json has it then.
    """

    vectorizer: TfidfVectorizer
    model: LogisticRegression
    columns: np.ndarray
    classes: int
    bounds: str = ""

    @classmethod
    def fit(
        cls, texts: Sequence[str], labels: Sequence[str], classes: Sequence[str], *, most: int = CHARACTERS
    ) -> Self:
        """Fit on texts and labels; on a part with about `most` characters where there are more, and with
        fewer where there are so many classes that the scores of all texts would not fit into memory.

        Raises:
            ValueError: There are fewer than two labels, or no word is in two texts.
        """
        sizes, bounds = np.array([len(text) for text in texts], np.int64), ""
        groups: Sequence[str] | None = labels
        if len(texts) * len(classes) > SCORES:  # which are then more than can each be seen
            most, groups = min(most, int(sizes.mean() * SCORES / len(classes))), None
        rows = sample(sizes, most, groups)
        if rows is not None:
            bounds = told(len(rows), len(texts), "texts")
            texts, labels = [texts[row] for row in rows], [labels[row] for row in rows]
        vectorizer = _vectorizer(min_df=2 if len(texts) >= 1000 else 1)
        try:
            features = vectorizer.fit_transform(texts)
        except ValueError:
            raise InputError("no word is in two of the texts, so that there is nothing to fit") from None
        model = LogisticRegression(C=10.0, max_iter=1000)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "The number of unique classes is greater"
            )  # of a part, where they are many
            model.fit(features, labels)
        columns = encode_labels(model.classes_, classes)
        return cls(vectorizer, model, columns, len(classes), bounds)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """float, (rows, classes)."""
        result = np.zeros((len(texts), self.classes))
        for start in range(0, len(texts), PIECE):
            counts = self.vectorizer.transform(texts[start : start + PIECE])
            result[start : start + PIECE, self.columns] = self.model.predict_proba(counts)
        return result

    def save(self, path: Path) -> None:
        """Write an .npz file of arrays: terms in the order of their columns, their weights, the coefficients."""
        terms = "\n".join(self.vectorizer.get_feature_names_out())
        np.savez_compressed(
            path,
            terms=np.frombuffer(terms.encode(), np.uint8),
            idf=self.vectorizer.idf_.astype(np.float32),
            coefficients=self.model.coef_.astype(np.float32),
            intercepts=self.model.intercept_,
            columns=self.columns,
            classes=self.classes,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            terms = kept["terms"].tobytes().decode().split("\n")
            vectorizer = _vectorizer(vocabulary=terms)
            vectorizer.idf_ = kept["idf"].astype(np.float64)
            model = LogisticRegression()
            model.coef_ = kept["coefficients"].astype(np.float64)
            model.intercept_, model.classes_ = kept["intercepts"], np.arange(len(kept["columns"]))
            return cls(vectorizer, model, kept["columns"], int(kept["classes"]))


def _vectorizer(**options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", **options)
