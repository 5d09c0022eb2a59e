"""What each metric is, said once: reports word by it, verdicts and the choice of an epoch judge by it.

A metric that nobody declared is refused, for nothing is known of its direction.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from seqkit.core.errors import InputError

Kind = Literal["share", "points", "nats", "bits", "number"]
Better = Literal["high", "low", "one"]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure that answers are scored by.

    Attributes:
        name: As in report.json and `training.monitor`.
        words: As a reader calls it.
        kind: Its unit: a share from 0 to 1 (written in per cent), points from 0 to 100, nats, bits, or a plain number.
        better: Whether "high" or "low" values are better, or those near "one".
        headline: Whether verdicts decide on it, and `training.monitor` may name it.
        beside: The baselines that it says nothing without: those that know frequencies alone, or copy.
    Example:
        >>> from seqkit.metrics.metric import Metric
        >>> brier = Metric("brier", "Brier score", kind="number", better="low", beside=("majority",))
        >>> brier.gain(0.1) > brier.gain(0.2)  # the lower one is better
        True
    """

    name: str
    words: str
    kind: Kind = "share"
    better: Better = "high"
    headline: bool = False
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.headline and self.better == "one":
            raise ValueError(f"{self.name} is best near one: no difference of two values says which is better.")

    def gain(self, value: float) -> float:
        """The value so that more is better; what is no number is the worst."""
        if not math.isfinite(value):
            return -math.inf
        return {"high": value, "low": -value, "one": -abs(value - 1.0)}[self.better]


_DECLARED: dict[str, Metric] = {}


def declare(metric: Metric) -> Metric:
    """Make a metric known by its name.

    Raises:
        ValueError: Another one has it.
    Example:
        >>> from seqkit.metrics.metric import Metric, declare, metric
        >>> brier = declare(Metric("brier", "Brier score", kind="number", better="low", beside=("majority",)))
        >>> metric("brier") is brier
        True
    """
    if _DECLARED.setdefault(metric.name, metric) != metric:
        raise ValueError(f"A metric {metric.name!r} is there already: choose another name.")
    return metric


def metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        InputError: Nobody declared it.
    Example:
        >>> from seqkit.metrics.metric import metric
        >>> metric("macro_f1").words, metric("macro_f1").better
        ('macro F1', 'high')
    """
    if name not in _DECLARED:
        raise InputError(
            f"Nothing is known of the metric {name!r}, so that no value of it can be called better: declare it by "
            "seqkit.metrics.metric.declare in the module that scores by it."
        )
    return _DECLARED[name]


_FREQUENT = ("majority", "most_frequent")
_WRITTEN = (*_FREQUENT, "copy")
for _metric in (
    Metric("loss", "loss (nats)", "nats", "low"),
    Metric("accuracy", "accuracy", headline=True, beside=_FREQUENT),
    Metric("macro_f1", "macro F1", headline=True, beside=_FREQUENT),
    Metric("log_loss", "log loss (nats)", "nats", "low", beside=_FREQUENT),
    Metric("calibration_error", "calibration error", better="low"),
    Metric("span_f1", "span F1", headline=True, beside=_FREQUENT),
    Metric("span_precision", "span precision"),
    Metric("span_recall", "span recall"),
    Metric("token_accuracy", "token accuracy", headline=True, beside=_FREQUENT),
    Metric("known_token_accuracy", "token accuracy, known words", beside=_FREQUENT),
    Metric("unknown_token_accuracy", "token accuracy, unknown words", beside=_FREQUENT),
    Metric("frame_accuracy", "frame accuracy", headline=True, beside=_FREQUENT),
    Metric("edit_score", "edit score", headline=True, beside=_FREQUENT),
    Metric("f1_at_10", "segment F1@10", beside=_FREQUENT),
    Metric("f1_at_25", "segment F1@25", beside=_FREQUENT),
    Metric("f1_at_50", "segment F1@50", headline=True, beside=_FREQUENT),
    Metric("bleu", "BLEU", "points", headline=True, beside=_WRITTEN),
    *(
        Metric(f"bleu_{order}", f"BLEU-{order}", "points", headline=order == 4, beside=_WRITTEN)
        for order in (1, 2, 3, 4)
    ),
    Metric("cider", "CIDEr-D", "number", headline=True, beside=_WRITTEN),
    Metric("chrf", "chrF", "points", headline=True, beside=_WRITTEN),
    Metric("exact_match", "exact match", headline=True, beside=_WRITTEN),
    Metric("character_accuracy", "character accuracy", beside=_WRITTEN),
    Metric("length_ratio", "length over the reference's", "number", "one"),
    Metric("nats_per_symbol", "nats per symbol", "nats", "low", headline=True, beside=("unigram",)),
    Metric("bits_per_character", "bits per character", "bits", "low", beside=("unigram",)),
    Metric(
        "closed_vocabulary_perplexity",
        "closed-vocabulary perplexity",
        "number",
        "low",
        headline=True,
        beside=("unigram",),
    ),
    Metric("unknown_symbol_share", "unknown words", better="low"),
    Metric("perplexity", "perplexity", "number", "low", headline=True, beside=("unigram",)),
):
    declare(_metric)


def headlines(names: Sequence[str]) -> tuple[str, ...]:
    """Those that verdicts decide on, in this order; the first where none is meant for it.

    Raises:
        InputError: Nobody declared one of the names.
    """
    return tuple(name for name in names if metric(name).headline) or tuple(names[:1])
