"""How a report says things: what a metric is called, how its values are written, and the verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

Report = Mapping[str, Any]
History = Sequence[Mapping[str, Any]]
SHARE, NUMBER = "share", "number"


@dataclass(frozen=True)
class Metric:
    """How a metric is called and read: a share is written in per cent, and `better` is "high" or "low"."""

    words: str
    kind: str = SHARE
    better: str = "high"


METRICS = {
    "accuracy": Metric("accuracy"),
    "frame_accuracy": Metric("frame accuracy"),
    "macro_f1": Metric("macro F1"),
    "span_f1": Metric("span F1"),
    "span_precision": Metric("span precision"),
    "span_recall": Metric("span recall"),
    "token_accuracy": Metric("token accuracy"),
    "known_token_accuracy": Metric("token accuracy, known words"),
    "unknown_token_accuracy": Metric("token accuracy, unknown words"),
    "edit_score": Metric("edit score"),
    "f1_at_10": Metric("segment F1@10"),
    "f1_at_25": Metric("segment F1@25"),
    "f1_at_50": Metric("segment F1@50"),
    "log_loss": Metric("log loss (nats)", NUMBER, "low"),
    "calibration_error": Metric("calibration error", SHARE, "low"),
    "bleu": Metric("BLEU", NUMBER),
    **{f"bleu_{order}": Metric(f"BLEU-{order}", NUMBER) for order in (1, 2, 3, 4)},
    "cider": Metric("CIDEr-D", NUMBER),
    "chrf": Metric("chrF", NUMBER),
    "exact_match": Metric("exact match"),
    "length_ratio": Metric("length over the reference's", NUMBER),
    "character_accuracy": Metric("character accuracy"),
    "perplexity": Metric("perplexity", NUMBER, "low"),
    "nats_per_symbol": Metric("nats per symbol", NUMBER, "low"),
    "bits_per_character": Metric("bits per character", NUMBER, "low"),
    "closed_vocabulary_perplexity": Metric("closed-vocabulary perplexity", NUMBER, "low"),
    "unknown_symbol_share": Metric("unknown words", SHARE, "low"),
}


def metric(name: str) -> Metric:
    """The metric of this name; one that isn't listed is a plain number, the higher the better."""
    return METRICS.get(name, Metric(name.replace("_", " "), NUMBER))


def written(name: str, value: float | None) -> str:
    """A metric's value for the eye: 91.2% or 0.231; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if metric(name).kind == SHARE:
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.2g}"


def interval(name: str, score: Mapping[str, float]) -> str:
    if score.get("low") is None:
        return "no interval"
    return f"{written(name, score.get('low'))} to {written(name, score.get('high'))}"


def verdict(report: Report) -> str:
    """One sentence on the first metric: is the model above the best baseline, below it, or can't this test tell?

    Above and below are said only where the two 95% intervals lie apart. That asks for more than a paired test would:
    near misses are called undecided. Where there are too few rows for an interval nothing is decided. What a task remarks,
    and that a language model has learned no more than the unigram, comes behind.
    """
    return " ".join([_decided(report), *(report.get("remarks") or []), *_no_more_than_the_unigram(report)])


def _no_more_than_the_unigram(report: Report) -> list[str]:
    ours, unigram = (
        scores.get("nats_per_symbol")
        for scores in (report.get("metrics") or {}, (report.get("baselines") or {}).get("unigram") or {})
    )
    if not ours or not unigram or ours["value"] < unigram.get("low", unigram["value"]):
        return []
    return [
        f"It has learned no more than how often each symbol occurs: {written('nats_per_symbol', ours['value'])} nats per "
        f"symbol against the unigram's {written('nats_per_symbol', unigram['value'])}."
    ]


def _decided(report: Report) -> str:
    scores = report.get("metrics") or {}
    if not scores:
        return "This run has not been scored yet."
    name, score = next(iter(scores.items()))
    high = metric(name).better == "high"
    ours = f"{written(name, score['value'])} {metric(name).words} ({interval(name, score)})"
    rivals = {k: b[name] for k, b in (report.get("baselines") or {}).items() if b.get(name)}
    if not rivals:
        return f"The model scores {ours}; there is no baseline to compare it with."
    rival, theirs = (max if high else min)(rivals.items(), key=lambda item: item[1]["value"])
    text = f"{written(name, theirs['value'])} ({interval(name, theirs)})"
    if score.get("low") is None:
        return (
            f"The model scores {written(name, score['value'])} {metric(name).words}, the {rival} baseline "
            f"{written(name, theirs['value'])}; there are too few rows to say how sure that is, so nothing is decided."
        )
    above, below = score["low"] > theirs["high"], score["high"] < theirs["low"]
    if above or below:
        if above == high:
            return f"The model beats the best baseline: {ours} against {text} for the {rival} baseline."
        return f"The {rival} baseline beats the model: {text} against the model's {ours}."
    return (
        f"Undecided: the model scores {ours}, the {rival} baseline {text}; the intervals overlap, so this test does "
        "not show that either is better."
    )


def signed(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:+.1f} points" if metric(name).kind == SHARE else f"{value:+.3f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def plain(key: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    if key.endswith("_share"):
        return f"{100 * value:.1f}%"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(name, part)}" for name, part in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f} s" if "second" in key else f"{value:,.3f}"


def items(report: Report) -> str:
    """What is scored one by one."""
    return str(report.get("items", "rows"))


def excerpt(text: str, longest: int = 600) -> Markup:
    """A text as a table cell; a long one is cut, for a page is there to be read."""
    if not text.strip():
        return Markup("<em>(empty text)</em>")
    return Markup('<div class="long">{}</div>').format(text if len(text) <= longest else text[:longest] + " …")
