"""scikit-learn's interface to recipes: `from seqkit.sklearn import TextClassifier`."""

from seqkit.sklearn.text_classifier import TextClassifier as TextClassifier

__all__ = [
    "text_classifier",
]
