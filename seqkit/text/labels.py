"""Labels to numbers."""

from collections.abc import Sequence

import numpy as np

from seqkit.core.errors import InputError

UNSEEN = -1


def learn_classes(train: Sequence[str], valid: Sequence[str], origin: str) -> tuple[str, ...]:
    """The distinct labels of training and validation rows, in order of their names.

    Raises:
        InputError: There is one only in training.
    """
    if len(set(train)) < 2:
        raise InputError(
            f"{origin} has the one label {train[0]!r} in all its rows: expected two or more to tell apart."
        )
    return tuple(sorted({*train, *valid}))


def with_unseen(labels: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """The classes, and behind them in order of their names the labels that are none: each is told from the others."""
    return (*classes, *sorted(set(labels) - set(classes)))


def encode_labels(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """int32, (rows,): each label's place in `classes`, UNSEEN where it has none."""
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places.get(label, UNSEEN) for label in labels], np.int32)
