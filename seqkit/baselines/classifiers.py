"""Simple models that every report stands beside, fitted on the same training data.

They are saved as plain arrays, so that a run folder can be scored anywhere and holds no pickle.
"""

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqkit.baselines.samples import sample, told
from seqkit.batches.pipeline import Shared
from seqkit.core.errors import InputError
from seqkit.text.labels import count_labels, encode_labels

FRAMES = 20_000  # that the single-frame model is fitted on
PIECE = 1 << 12  # texts that it answers at once
CHARACTERS = 1 << 26  # that the linear model is fitted on, twice imdb's
SCORES = 1 << 28  # of classes, of all texts that it is fitted on
READ = 1 << 31  # characters that the naive Bayes-weighted model is fitted on, a model a class: it takes minutes
INTERPOLATION = 0.5  # of its weights with their mean, and
COST = 1.0  # its C: chosen on held-out rows of imdb, of a thousand of them, and of rt_polarity
WORDS: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"\w+|[^\w\s]"}
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
        down, across = min(block, height), min(block, width)  # a side that is shorter than a block is one
        frames = frames[:, : height - height % down, : width - width % across]
        frames = frames.reshape(count, height // down, down, width // across, across, channels)
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
            ValueError: There are fewer than two labels.
            InputError: No text has a word.
        """
        texts, labels, bounds = _part(texts, labels, len(classes), most)
        vectorizer = TfidfVectorizer(**WORDS)
        features = _counted(vectorizer, texts)
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
        np.savez_compressed(
            path,
            terms=_packed(self.vectorizer),
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
            vectorizer = TfidfVectorizer(vocabulary=_terms(kept), **WORDS)
            vectorizer.idf_ = kept["idf"].astype(np.float64)
            model = LogisticRegression()
            model.coef_ = kept["coefficients"].astype(np.float64)
            model.intercept_, model.classes_ = kept["intercepts"], np.arange(len(kept["columns"]))
            return cls(vectorizer, model, kept["columns"], int(kept["classes"]))


@dataclasses.dataclass(frozen=True)
class NaiveBayesLinear:
    """Logistic regression on one and two words, each weighted by its naive Bayes log-ratio (Wang and Manning 2012).

    Of each class against the others: p and q are the texts of the class, and of the others, that hold a term, one more
    for each; r = log(p / |p|) - log(q / |q|); the model reads r where the text holds a term, and nothing where not; and its
    weights w are drawn to their mean size: (1 - b) mean |w| + b w, with b = 0.5. Where the paper has squared hinge losses
    here are logistic ones, which do as well and answer with probabilities.

    Attributes:
        vectorizer: Fitted.
        weights: float32, (terms, fitted classes), times r; of two classes for the second one alone.
        intercepts: float64, (fitted classes,), likewise.
        columns: int, (fitted classes,): each one's place among the task's classes.
        classes: How many classes the task has; those without a training row get probability 0.
        bounds: What a fit left out, where it had to; run.json has it then.
    """

    vectorizer: CountVectorizer
    weights: np.ndarray
    intercepts: np.ndarray
    columns: np.ndarray
    classes: int
    bounds: str = ""

    @classmethod
    def fit(
        cls, texts: Sequence[str], labels: Sequence[str], classes: Sequence[str], *, most: int = CHARACTERS
    ) -> Self:
        """Fit on texts and labels; on a part with about `most` characters where there are more, or with fewer where there
        are many classes.

        Raises:
            ValueError: There are fewer than two labels.
            InputError: No text has a word.
        """
        texts, labels, bounds = _part(texts, labels, len(classes), min(most, READ // len(classes)))
        names = sorted(set(labels))
        if len(names) < 2:
            raise ValueError(f"{names} are fewer than 2 classes")
        vectorizer = CountVectorizer(binary=True, dtype=np.float32, **WORDS)
        held = _counted(vectorizer, texts)
        ours = (np.array([label == name for label in labels]) for name in names[len(names) == 2 :])
        found = [naive_bayes_weights(held, own) for own in ours]
        weights, intercepts = (np.stack(part, axis=-1) for part in zip(*found, strict=True))
        columns = encode_labels(names, classes)
        return cls(vectorizer, weights.astype(np.float32), intercepts, columns, len(classes), bounds)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """float, (rows, classes)."""
        result = np.zeros((len(texts), self.classes))
        for start in range(0, len(texts), PIECE):
            held = self.vectorizer.transform(texts[start : start + PIECE])
            own = np.maximum(
                expit(held @ self.weights + self.intercepts), 1e-12
            )  # (rows, fitted classes, or the second one)
            own = np.concatenate([1 - own, own], axis=1) if len(self.columns) == 2 else own
            result[start : start + PIECE, self.columns] = own / own.sum(axis=1, keepdims=True)
        return result

    def save(self, path: Path) -> None:
        """Write an .npz file of arrays: terms in the order of their weights, these, and the intercepts."""
        own = {name: getattr(self, name) for name in ("weights", "intercepts", "columns", "classes")}
        np.savez_compressed(path, terms=_packed(self.vectorizer), **own)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            vectorizer = CountVectorizer(vocabulary=_terms(kept), binary=True, dtype=np.float32, **WORDS)
            return cls(vectorizer, kept["weights"], kept["intercepts"], kept["columns"], int(kept["classes"]))


def naive_bayes_weights(
    held: sp.csr_matrix, ours: np.ndarray, rows: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Of a class against the others: the weight of each term, times its r, float (terms,); and the intercept.

    Args:
        held: float32, (texts, terms), 1 where a text has a term.
        ours: bool, (texts,).
        rows: float, (texts,), for how many texts each counts; nothing for one.
    """
    each = np.ones(len(ours)) if rows is None else rows
    ratios = log_ratios(held.T @ (ours * each), held.T @ (~ours * each))
    model = LogisticRegression(C=COST, solver="liblinear", dual=True, max_iter=1000, random_state=0)
    model.fit((held @ sp.diags(ratios)).tocsr(), ours, sample_weight=rows)
    weights = model.coef_[0]
    return ratios * ((1 - INTERPOLATION) * np.abs(weights).mean() + INTERPOLATION * weights), float(model.intercept_[0])


def log_ratios(ours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float64, of counts of the same shape: how much more likely each term is among ours, with one of each on top."""
    counts = (np.asarray(part, np.float64) + 1.0 for part in (ours, others))
    own, rest = (part / part.sum(axis=0) for part in counts)
    ratios: np.ndarray = np.log(own) - np.log(rest)
    return ratios


def _part(
    texts: Sequence[str], labels: Sequence[str], classes: int, most: int
) -> tuple[Sequence[str], Sequence[str], str]:
    """The texts and labels that a model is fitted on, and what is to be said of that."""
    sizes = np.array([len(text) for text in texts], np.int64)
    groups: Sequence[str] | None = labels
    if len(texts) * classes > SCORES:  # which are then more than can each be seen
        most, groups = min(most, int(sizes.mean() * SCORES / classes)), None
    rows = sample(sizes, most, groups)
    if rows is None:
        return texts, labels, ""
    return [texts[row] for row in rows], [labels[row] for row in rows], told(len(rows), len(texts), "texts")


def least(texts: int) -> int:
    """In how many of them a term has to be."""
    return 2 if texts >= 1000 else 1


def _counted(vectorizer: CountVectorizer, texts: Sequence[str]) -> sp.csr_matrix:
    """What texts hold of the terms that are in `least` of them; of all terms where no text shares one with another."""
    for fewest in (least(len(texts)), 1):
        with contextlib.suppress(ValueError):
            return vectorizer.set_params(min_df=fewest).fit_transform(texts)
    raise InputError("no text has a word, so that there is nothing to fit")


def _packed(vectorizer: CountVectorizer) -> np.ndarray:
    return np.frombuffer("\n".join(vectorizer.get_feature_names_out()).encode(), np.uint8)


def _terms(kept: Mapping[str, np.ndarray]) -> list[str]:
    terms: list[str] = kept["terms"].tobytes().decode().split("\n")
    return terms
