"""Sources, vocabulary, pipelines and the built-in corpora."""

from seqkit.data.builtin import reviews
from seqkit.data.labels import UNSEEN, encode_labels, learn_classes
from seqkit.data.pipelines import Pipeline, boundaries
from seqkit.data.ragged import Ragged
from seqkit.data.sources import Examples, hold_out, read
from seqkit.data.splits import Splits, read_splits
from seqkit.data.vectors import read_vectors
from seqkit.data.vocabulary import BEGIN, END, PADDING, UNKNOWN, Splitter, Tokens, Vocabulary, tokenise
from seqkit.data.windows import Windows

__all__ = [
    "BEGIN",
    "END",
    "PADDING",
    "UNKNOWN",
    "UNSEEN",
    "Examples",
    "Pipeline",
    "Ragged",
    "Splits",
    "Splitter",
    "Tokens",
    "Vocabulary",
    "Windows",
    "boundaries",
    "encode_labels",
    "hold_out",
    "learn_classes",
    "read",
    "read_splits",
    "read_vectors",
    "reviews",
    "tokenise",
]
