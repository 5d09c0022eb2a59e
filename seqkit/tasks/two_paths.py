"""A text classifier's two paths: the wide one is fitted, at once and to the end; the recurrent one learns as if it were
alone, since beside one that has the training rows by heart it would be left nothing to learn; then each gets a weight in
their sum.
"""

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import log_softmax

from seqkit.baselines.classifiers import READ, least, naive_bayes_weights
from seqkit.baselines.samples import sample
from seqkit.core.ragged import Ragged
from seqkit.layers.wide import END, TABLE, Runs, held_by, paths_of, weigh_paths
from seqkit.text.vocabulary import SPECIAL

TOKENS = 1 << 24  # of texts that it is fitted on, three times imdb's: they take a gigabyte


def fit_wide(
    model: keras.Model,
    ids: Ragged,
    labels: np.ndarray,
    runs: Runs,
    spelling: sp.csr_matrix | None = None,
    weights: np.ndarray | None = None,
) -> None:
    """Give the wide path the weights of the naive Bayes-weighted linear model of the training texts' runs, each class
    against the others, of about `TOKENS` tokens of them at most.

    With a spelling the linear model has further terms, the characters' runs, each as often as a text has words that hold
    it; since that is a sum over a text's words, their weights are added to those of the words.

    Args:
        ids: Of the training texts.
        labels: int, (rows,), the class of each.
        spelling: float32, (tokens, runs of characters), from `spelling_of`.
        weights: float, (classes,), for how many rows one of a class counts; nothing where all count alike.
    """
    table = model.get_layer(TABLE)
    classes = table.output_dim
    rows = sample(ids.lengths, min(TOKENS, READ // 4 // classes), labels.tolist())
    if rows is not None:
        ids, labels = ids.take(rows), labels[rows]
    held = held_by(ids, runs)
    spelling = sp.csr_matrix((runs.tokens, 0), dtype=np.float32) if spelling is None else spelling
    spelt, spells = _often(held[:, : runs.tokens] @ spelling, least(len(labels)))
    held, known = _often(held, least(len(labels)))
    terms = sp.hstack([held, spelt]).tocsr() if len(spells) else held
    found = np.zeros((runs.size, classes), np.float32)
    counts = np.bincount(labels, minlength=classes) * (1.0 if weights is None else weights)
    counted = None if weights is None else weights[labels]
    found[END] = np.log((counts + 1.0) / (counts.sum() + classes))
    fitted = [] if np.count_nonzero(counts) < 2 else [1] if classes == 2 else np.flatnonzero(counts).tolist()
    for place in fitted:
        own, found[END, place] = naive_bayes_weights(terms, labels == place, counted)
        found[known, place] = own[: len(known)]
        found[: runs.tokens, place] += spelling[:, spells] @ own[len(known) :]
    if classes == 2 and fitted:  # one model is both classes'
        found[:, 1] /= 2
        found[:, 0] = -found[:, 1]
    table.set_weights([found])


def _often(held: sp.csr_matrix, texts: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """The columns that so many texts hold, and their places; those that most texts hold where none is in so many."""
    counts = held.getnnz(axis=0)
    known = np.flatnonzero(counts >= min(texts, max(counts, default=texts)))
    return held[:, known].tocsr(), known


def spelling_of(tokens: Sequence[str], longest: int) -> sp.csr_matrix:
    """Which runs of up to so many characters each word has, its two edges being characters too.

    Args:
        tokens: Of a vocabulary; what stands for no word, in front, has none.
    Returns:
        float32, (tokens, runs), 1 where a word has a run.
    """
    columns: dict[str, int] = {}
    held = [
        sorted({columns.setdefault(run, len(columns)) for run in _character_runs(f" {token} ", longest)})
        for token in tokens[len(SPECIAL) :]
    ]
    starts = np.cumsum([0] * (len(SPECIAL) + 1) + [len(own) for own in held])
    places = np.array([place for own in held for place in own], np.int64)
    return sp.csr_matrix((np.ones(len(places), np.float32), places, starts), (len(tokens), len(columns)))


def _character_runs(word: str, longest: int) -> Iterator[str]:
    for size in range(1, longest + 1):
        for start in range(len(word) - size + 1):
            yield word[start : start + size]


def weigh(
    model: keras.Model, said: np.ndarray, labels: np.ndarray, classes: np.ndarray | None = None
) -> dict[str, float]:
    """Give two paths the weights, from 0 on, with which their sum has the least loss on these rows.

    Each path knows of the training rows more than of any others; a weight of 1 counts as one row's evidence, so that few
    rows say little.

    Args:
        said: float, (rows, 2, classes): scores of the recurrent path, and of the wide one, as `paths_of` has them.
        labels: int, (rows,).
        classes: float, (classes,), for how many rows one of a class counts.
    Returns:
        The weights, by the paths' names.
    """
    said = said.astype(np.float64)
    rows = 1.0 if classes is None else classes[labels]

    def loss(weights: np.ndarray) -> float:
        nats = -log_softmax(np.einsum("p,rpc->rc", weights, said), axis=1)[np.arange(len(labels)), labels]
        return float((rows * nats).sum() + np.square(weights - 1.0).sum() / 2)

    recurrent, wide = map(float, minimize(loss, np.ones(2), bounds=[(0.0, None)] * 2).x)
    weigh_paths(model, recurrent, wide)
    return {"recurrent": recurrent, "wide": wide}


def both_paths(model: keras.Model) -> keras.Model | None:
    """From the model's inputs to what its paths say, float32 (batch, 2, classes); nothing of a model of one path."""
    paths = paths_of(model)
    return keras.Model(model.input, keras.ops.stack(paths, axis=1)) if paths else None


def recurrent_path(model: keras.Model) -> keras.Model:
    """The part of it that learns by gradients, sharing its weights: all of it, or of two paths the first."""
    paths = paths_of(model)
    return keras.Model(model.input, paths[0], name=model.name) if paths else model
