"""Intervals and comparisons by resampling rows."""

from collections.abc import Callable

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
    drawn = resampled(score, rows, resamples=resamples, seed=seed)
    return {name: {"value": value} | middle(drawn[name]) for name, value in values.items()}


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
    ours, theirs = (resampled(one, rows, resamples=resamples, seed=seed) for one in (score, other))
    for name, figures in result.items():
        difference = ours[name] - theirs[name]
        figures |= middle(difference) | {"p_value": bootstrap_p(difference)}
    return result


def bootstrap_p(difference: np.ndarray) -> float:
    """Two-sided, of a resampled difference; see `paired_bootstrap`."""
    tail = min((difference <= 0).mean(), (difference >= 0).mean())
    return float(min(1.0, 2.0 * max(tail, 1.0 / len(difference))))


def middle(drawn: np.ndarray) -> dict[str, float]:
    """The middle 95%."""
    return {"low": float(np.quantile(drawn, 0.025)), "high": float(np.quantile(drawn, 0.975))}


def resampled(score: Score, rows: int, *, resamples: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """The metrics over rows drawn with replacement: float, (resamples,) each.

    All that is scored with one seed is scored on the same rows, so that differences are paired.
    """
    rng = np.random.default_rng(seed)
    drawn = [score(rng.integers(0, rows, rows)) for _ in range(resamples)]
    return {name: np.array([scores[name] for scores in drawn]) for name in drawn[0]}
