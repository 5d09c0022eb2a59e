"""How a report says things: how a metric's values are written, and the verdict."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup

from seqkit.metrics.metric import headlines, metric

Report = Mapping[str, Any]
History = Sequence[Mapping[str, Any]]
Decision = Literal["above", "below", "open", "few", "untested"]


def written(name: str, value: float | None) -> str:
    """A metric's value for the eye: 91.2% or 0.231; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    kind = metric(name).kind
    if kind == "share":
        return f"{100 * value:.1f}%"
    if kind == "points":
        return f"{value:.1f}"
    return _number(value) if abs(value) < 1000 else f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.2g}"


def _number(value: float, sign: str = "") -> str:
    """Three places, and of what is next to nothing two figures, so that one of 0.0044 isn't told as another of 0.0037."""
    return f"{value:{sign}.2g}" if 0 < abs(value) < 0.01 else f"{value:{sign}.3f}"


def interval(name: str, score: Mapping[str, float]) -> str:
    """Its interval; a dash where there were too few rows for one."""
    return f"{written(name, score['low'])} to {written(name, score['high'])}" if "low" in score else "–"


def signed(name: str, value: float | None) -> str:
    """A difference of two values."""
    if value is None:
        return "–"
    kind = metric(name).kind
    if kind == "share":
        return f"{100 * value:+.1f} points"
    return f"{value:+.1f}" if kind == "points" else _number(value, "+")


def ends(name: str, test: Mapping[str, float]) -> str:
    """The interval of a difference; a dash where there were too few rows for one."""
    if "low" not in test:
        return "–"
    return f"{signed(name, test['low']).removesuffix(' points')} to {signed(name, test['high'])}"


def sense(name: str) -> str:
    """In which direction a metric is better."""
    return {"high": "higher is better", "low": "lower is better", "one": "best near 1"}[metric(name).better]


def called(name: str) -> str:
    """A baseline as a reader calls it."""
    return name.replace("_", " ")


def scored(report: Report) -> str:
    """What was scored: "test data", or "validation data", which has also chosen the epoch that was kept."""
    return f"{(report.get('data') or {}).get('split', 'test')} data"


def verdict(report: Report) -> str:
    """Is the model above the best baseline, below it, or can't this test tell? Said for each headline metric.

    It is decided by a paired bootstrap of the same rows: where the 95% interval of the difference holds zero, nothing is.
    What a task remarks comes behind.
    """
    own = ["On the validation rows, which also chose the epoch:"] if scored(report) == "validation data" else []
    return " ".join([*own, _decided(report), *(report.get("remarks") or [])])


def _decided(report: Report) -> str:
    scores = report.get("metrics") or {}
    if not scores:
        return "This run has not been scored yet."
    names, baselines = headlines(list(scores)), report.get("baselines") or {}
    rivals = {name: _best(name, baselines) for name in names}
    if not any(rivals.values()):
        ours = listed([f"{written(n, scores[n]['value'])} {metric(n).words} ({interval(n, scores[n])})" for n in names])
        return f"The model scores {ours}; there is no baseline to compare it with."
    found: dict[Decision, list[str]] = {}
    for name, rival in rivals.items():
        if rival:
            found.setdefault(decision(report, name, rival), []).append(_told(report, name, rival))
    openings: dict[Decision, str] = {
        "above": "The model beats the best baseline on {}.",
        "below": "The best baseline beats the model on {}.",
        "open": "Undecided on {}.",
        "few": "Too few rows to decide on {}.",
        "untested": "Not decided, as this report holds no paired test (evaluate again for one): {}.",
    }
    sentences = [opening.format(listed(found[key])) for key, opening in openings.items() if key in found]
    return " ".join([*sentences, *_no_more_than(report, names)])


def decision(report: Report, name: str, rival: str) -> Decision:
    """Whether the model is above a baseline in a metric."""
    test = (report.get("compared") or {}).get(rival, {}).get(name)
    if not test:
        return "untested"
    if "low" not in test:
        return "few"
    if test["low"] <= 0 <= test["high"]:
        return "open"
    return "above" if (test["low"] > 0) == (metric(name).better == "high") else "below"


def _best(name: str, baselines: Mapping[str, Any]) -> str | None:
    rivals = {rival: scores[name]["value"] for rival, scores in baselines.items() if scores.get(name)}
    return max(rivals, key=lambda rival: metric(name).gain(rivals[rival])) if rivals else None


def _told(report: Report, name: str, rival: str) -> str:
    ours, theirs = (part[name]["value"] for part in (report["metrics"], report["baselines"][rival]))
    text = f"{metric(name).words} ({written(name, ours)} against {written(name, theirs)} for {called(rival)}"
    test = (report.get("compared") or {}).get(rival, {}).get(name) or {}
    if "low" not in test:
        return f"{text})"
    return f"{text}; {signed(name, test['difference'])}, {ends(name, test)})"


def _no_more_than(report: Report, names: Sequence[str]) -> list[str]:
    """Baselines that know next to nothing, and that the model isn't shown to be above."""
    missed: dict[str, list[str]] = {}
    for name in names:
        for rival in metric(name).beside:
            if decision(report, name, rival) in ("below", "open"):
                missed.setdefault(rival, []).append(metric(name).words)
    return [
        f"It is not shown to have learned more than the {called(rival)} baseline, by {listed(words)}."
        for rival, words in missed.items()
    ]


def listed(words: Sequence[str]) -> str:
    """One, one and another, or one, another and a third."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


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


def visible(symbol: str) -> str:
    """A word or a symbol with its blanks to be seen."""
    return symbol.replace("\n", "↵").replace(" ", "␣")
