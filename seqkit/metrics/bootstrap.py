"""Intervals and comparisons by resampling rows."""

from collections.abc import Callable, Sequence

import numpy as np

Score = Callable[[np.ndarray], dict[str, float]]
LEAST = 10  # rows, below which resamples say nothing of how sure a score is


def bootstrap(score: Score, rows: int, *, resamples: int = 1000, seed: int = 0) -> dict[str, dict[str, float]]:
    """95% percentile intervals over resampled rows (Efron 1979).

    Args:
        score: Row numbers, with repeats -> metrics over these rows.
    Returns:
        Metric -> "value" over all rows, "low" and "high"; the value alone where there are fewer than LEAST rows.
    """
    values = score(np.arange(rows))
    if rows < LEAST:
        return {name: {"value": value} for name, value in values.items()}
    drawn = _resampled([score], rows, resamples, seed)[0]
    return {name: {"value": value} | _middle(np.array(drawn[name])) for name, value in values.items()}


def paired_bootstrap(
    score: Score, other: Score, rows: int, *, resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Whether one system differs from another on the same rows (Koehn 2004).

    Args:
        score, other, resamples, seed: As in `bootstrap`.
    Returns:
        Metric -> "difference" (score minus other) over all rows, its 95% interval "low" to "high", and "p_value": two-sided,
        twice the smaller share of resamples in which the difference is at most, or at least, zero; never under
        2 / resamples. The difference alone where there are fewer than LEAST rows.
    """
    everything = np.arange(rows)
    value, reference = score(everything), other(everything)
    result = {name: {"difference": value[name] - reference[name]} for name in value}
    if rows < LEAST:
        return result
    ours, theirs = _resampled([score, other], rows, resamples, seed)
    for name, figures in result.items():
        difference = np.subtract(ours[name], theirs[name])
        tail = min((difference <= 0).mean(), (difference >= 0).mean())
        figures |= _middle(difference) | {"p_value": float(min(1.0, 2.0 * max(tail, 1.0 / resamples)))}
    return result


def _middle(drawn: np.ndarray) -> dict[str, float]:
    """The middle 95%."""
    return {"low": float(np.quantile(drawn, 0.025)), "high": float(np.quantile(drawn, 0.975))}


def _resampled(scores: Sequence[Score], rows: int, resamples: int, seed: int) -> list[dict[str, list[float]]]:
    rng = np.random.default_rng(seed)
    drawn: list[dict[str, list[float]]] = [{} for _ in scores]
    for _ in range(resamples):
        sample = rng.integers(0, rows, rows)
        for score, into in zip(scores, drawn, strict=True):
            for name, value in score(sample).items():
                into.setdefault(name, []).append(value)
    return drawn
