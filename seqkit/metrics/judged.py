"""What is judged one by one, rows or their steps: its traits, and how it was answered."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.metrics.metric import headlines, metric
from seqkit.metrics.sums import Summed

RANKS = (100, 1_000, 10_000)  # of words by their frequency, the most frequent first
UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Trait:
    """A trait of items.

    Attributes:
        names: What it may be, in an order that a reader expects.
        places: int, (items,), places among the names; below 0 for items that have none of them.
    """

    names: tuple[str, ...]
    places: np.ndarray


@dataclasses.dataclass(frozen=True)
class Items:
    """What is judged.

    Attributes:
        rows: int, (items,), the row that each is in.
        traits: By their names: "length", "label", "frequency" and whatever else a task knows.
    """

    rows: np.ndarray
    traits: Mapping[str, Trait]


@dataclasses.dataclass(frozen=True)
class Judged:
    """How items were answered.

    Attributes:
        gains: float, (items,): the more the better, such as 1 for a right one.
        said: What was answered, where that can be told in a few words.
    """

    gains: np.ndarray
    said: Sequence[str] = ()


def row_gains(score: Any, rows: int, name: str | None = None) -> np.ndarray:
    """What each row scores by itself, so that more is better: float, (rows,).

    Args:
        score: As `seqkit.metrics.bootstrap.Score`.
        name: Of the metric; nothing for the first headline.
    """
    if isinstance(score, Summed):
        counts = score.counts
        each = (
            score.metrics(counts[[row]].toarray()[0] if hasattr(counts, "toarray") else counts[row])
            for row in range(rows)
        )
    else:
        each = (score(np.array([row])) for row in range(rows))
    scores = list(each)
    chosen = name or headlines(list(scores[0]))[0] if scores else ""
    return np.array([metric(chosen).gain(one[chosen]) for one in scores])


def of_names(values: Sequence[str]) -> Trait:
    """A trait with a few names, the most frequent first."""
    names, places, counts = np.unique(np.array(values, str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Trait(tuple(str(names[place]) for place in order), np.argsort(order)[places])


def of_sizes(sizes: np.ndarray) -> Trait:
    """Lengths, in four groups of about as many items."""
    if not len(sizes):
        return Trait((), np.empty(0, np.int64))
    bounds = np.unique(np.quantile(sizes, (0.25, 0.5, 0.75, 1.0), method="lower"))
    lows = [int(sizes.min()), *(int(bound) + 1 for bound in bounds[:-1])]
    names = tuple(
        f"{low} to {high}" if low != high else str(low) for low, high in zip(lows, map(int, bounds), strict=True)
    )
    return Trait(names, np.searchsorted(bounds, sizes))


def of_ranks(ranks: np.ndarray) -> Trait:
    """Words by how frequent they are in the training data.

    Args:
        ranks: int, from 0 for the most frequent one; below 0 for one that isn't known.
    """
    first = (1, *(rank + 1 for rank in RANKS))
    names = [f"{low:,} to {high:,}" for low, high in zip(first, RANKS, strict=False)]
    names += [f"from {first[-1]:,}", UNKNOWN]
    places = np.where(ranks < 0, len(RANKS) + 1, np.searchsorted(RANKS, ranks, side="right"))
    return Trait(tuple(names), places)


def by_length(items: Items, judged: Judged, name: str) -> dict[str, Any]:
    """What items score by themselves, by the length of their rows.

    Args:
        name: Of the metric by which they were judged.
    Returns:
        "metric" and "groups": "length", "items" and their mean "value", each; nothing where items have no lengths.
    """
    trait = items.traits.get("length")
    if trait is None or metric(name).better == "one":
        return {}
    of_each = [(length, judged.gains[trait.places == place]) for place, length in enumerate(trait.names)]
    sign = 1.0 if metric(name).better == "high" else -1.0  # gains are the more the better
    groups = [
        {"length": length, "items": len(gains), "value": sign * float(gains.mean())}
        for length, gains in of_each
        if len(gains) and np.isfinite(gains).all()
    ]
    return {"metric": name, "groups": groups} if len(groups) > 1 else {}
