"""Labels to numbers."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np

from seqkit.core.errors import InputError

UNSEEN = -1
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


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


def count_labels(labels: Iterable[str], classes: Sequence[str]) -> list[int]:
    """How often each class occurs."""
    counts = Counter(labels)
    return [counts[name] for name in classes]


def is_number(label: str) -> bool:
    """Whether a label is a number."""
    return _NUMBER.fullmatch(label.strip()) is not None


def canonical(label: str) -> str:
    """The one writing of labels that differ in case, blanks, Unicode's normal form, or in how a number is written."""
    label = " ".join(unicodedata.normalize("NFC", label).split())
    if is_number(label):
        number = Decimal(label).normalize()
        return str(number if number else Decimal(0))
    return label.casefold()


def same_but_for_writing(labels: Iterable[str]) -> list[list[str]]:
    """Distinct labels that are one when written alike: each group in order of its names."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(set(labels)):
        groups[canonical(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def named_otherwise(labels: Iterable[str], classes: Sequence[str]) -> dict[str, str]:
    """Labels that are no class -> the one class that they are when written alike."""
    known: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        known[canonical(name)].append(name)
    strange = set(labels) - set(classes)
    return {label: known[canonical(label)][0] for label in sorted(strange) if len(known[canonical(label)]) == 1}
