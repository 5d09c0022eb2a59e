"""Simple models that every report stands beside, fitted on the same training data.

They are saved as plain arrays, so that a run folder can be scored anywhere and holds no pickle.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


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
        counts = np.array([labels.count(name) for name in classes], np.float64)
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
class LinearTfidf:
    """Logistic regression on TF-IDF of one and two words, with scikit-learn.

    A word is a run of letters and digits, or any other visible character. C and the minimum of two rows a feature were
    chosen on held-out rows of imdb and rt_polarity; on imdb they also keep 400,000 of 1,400,000 features.

    Attributes:
        vectorizer: Fitted.
        model: Fitted.
        columns: int, (fitted classes,): each one's place among the task's classes.
        classes: How many classes the task has; those without a training row get probability 0.
    """

    vectorizer: TfidfVectorizer
    model: LogisticRegression
    columns: np.ndarray
    classes: int

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str], classes: Sequence[str]) -> Self:
        """Fit on texts and labels.

        Raises:
            ValueError: There are fewer than two labels.
        """
        vectorizer = _vectorizer(min_df=2 if len(texts) >= 1000 else 1)
        model = LogisticRegression(C=10.0, max_iter=1000)
        model.fit(vectorizer.fit_transform(texts), labels)
        columns = np.array([list(classes).index(name) for name in model.classes_])
        return cls(vectorizer, model, columns, len(classes))

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """float, (rows, classes)."""
        result = np.zeros((len(texts), self.classes))
        result[:, self.columns] = self.model.predict_proba(self.vectorizer.transform(texts))
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
