"""Groups of runs on the same rows: what other rows and other seeds would change, and which group is better.

A group is runs that differ in their seeds alone. Two sources of chance are kept apart: the rows that happened to be scored
(by resampling and by exchanging rows), and the seeds that happened to be drawn (by the spread of the runs). A single run
says nothing of other seeds: what is found of it holds for that model, not for its settings.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from scipy import stats

from seqkit.metrics.bootstrap import LEAST, Score, bootstrap_p, middle, resampled
from seqkit.metrics.metric import metric
from seqkit.metrics.sums import Summed

Call = Literal["better", "worse", "same", "open", "few", "seeds"]
SURE = 0.95
BOUNDS = {"share": (0.0, 1.0), "points": (0.0, 100.0)}  # kind of a metric -> between which its values are
PERMUTATIONS = 9_999  # up to 13 rows that differ all are tried
AT_ONCE = 1 << 20  # exchanges of rows in memory


@dataclasses.dataclass(frozen=True)
class Scored:
    """A group's scores.

    Attributes:
        name: As a reader calls it.
        scorers: One a run.
        values: Metric that all runs have -> float, (runs,), over all rows.
        drawn: Metric -> float, (resamples,), the runs' mean over resampled rows; nothing where rows are too few.
        rows: How many there are.
    """

    name: str
    scorers: tuple[Score, ...]
    values: dict[str, np.ndarray]
    drawn: dict[str, np.ndarray]
    rows: int

    @classmethod
    def of(cls, name: str, scorers: Sequence[Score], rows: int, *, resamples: int = 1000) -> "Scored":
        whole = [score(np.arange(rows)) for score in scorers]
        drawn = [resampled(score, rows, resamples=resamples) for score in scorers] if rows >= LEAST else []
        shared = [one for one in whole[0] if all(one in scores for scores in whole)]
        return cls(
            name,
            tuple(scorers),
            {one: np.array([scores[one] for scores in whole]) for one in shared},
            {one: np.mean([scores[one] for scores in drawn], axis=0) for one in shared} if drawn else {},
            rows,
        )

    def figures(self, name: str) -> dict[str, Any]:
        """Of a metric "value", the runs' mean; "rows", its 95% interval over resampled rows with these runs; "seeds", its
        interval over other seeds on these rows (Student's t), and "sd", where there are two runs or more.
        """
        values = self.values[name]
        found: dict[str, Any] = {"value": float(values.mean()), "runs": len(values)}
        if self.drawn:
            found["rows"] = middle(self.drawn[name])
        if len(values) > 1:
            found["sd"] = float(values.std(ddof=1))
            seeds = _around(found["value"], found["sd"] / np.sqrt(len(values)), len(values) - 1)
            low, high = BOUNDS.get(metric(name).kind, (-np.inf, np.inf))
            found["seeds"] = {end: float(np.clip(bound, low, high)) for end, bound in seeds.items()}
        return found


def difference(one: Scored, other: Scored, name: str, *, rope: float = 0.0, permuted: bool = True) -> dict[str, Any]:
    """Two groups in a metric, on the same rows.

    Over rows: a paired bootstrap (Koehn 2004), and a permutation test that exchanges the two groups' answers of rows (Noreen
    1989), their runs pooled. Over seeds: t of two samples with variances of their own and the degrees of freedom of the
    smaller one, for which the test is never too bold (Hsu 1938; Welch's is, with two or three runs). Over both: the
    variances over rows and over seeds are added, with Satterthwaite's degrees of freedom. What rows and seeds do together is
    so counted twice, and the test errs on the side of caution. Probabilities are those of a t distribution around the
    difference, which is where the true one lies if nothing was known before.

    Args:
        rope: Half the width of the region in which a difference counts for nothing, in the metric's unit.
        permuted: Whether rows are exchanged too, which takes longest.
    Returns:
        "difference" (one minus other); "over", "rows" alone or "rows and seeds", where both groups have two runs; the 95%
        intervals "rows", "seeds" and "both"; "p_bootstrap", "p_permutation" (with "exact"), "p_both"; "p_value", the
        greatest of those that decide; "better", "same" and "worse": the probabilities that `one` is better by more than
        `rope`, as good, or worse. Of fewer than LEAST rows the difference alone.
    """
    ours, theirs = one.values[name], other.values[name]
    value = float(ours.mean() - theirs.mean())
    found: dict[str, Any] = {"difference": value, "over": "rows"}
    if not one.drawn:
        return found
    drawn = one.drawn[name] - other.drawn[name]
    found |= {"rows": middle(drawn), "p_bootstrap": bootstrap_p(drawn)}
    found |= _permuted(one, other, name) if permuted else {}
    deciding = [found.get("p_permutation", found["p_bootstrap"])]
    variances, degrees = [float(drawn.var())], [one.rows - 1]
    if min(len(ours), len(theirs)) > 1:
        found["over"] = "rows and seeds"
        of_seeds = sum(float(runs.var(ddof=1)) / len(runs) for runs in (ours, theirs))
        free = min(len(ours), len(theirs)) - 1
        found["seeds"] = _around(value, np.sqrt(of_seeds), free)
        variances, degrees = [*variances, of_seeds], [*degrees, free]
    error, free_ = float(np.sqrt(sum(variances))), _satterthwaite(variances, degrees)
    if found["over"] != "rows":
        found["both"] = _around(value, error, free_)
        found["p_both"] = 2.0 * _above(-abs(value), 0.0, error, free_) if value else 1.0
        deciding.append(found["p_both"])
    gain = value if metric(name).better == "high" else -value
    better, worse = _above(gain, rope, error, free_), _above(-gain, rope, error, free_)
    return found | {"p_value": max(deciding), "better": better, "worse": worse, "same": max(0.0, 1.0 - better - worse)}


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many there are (Holm 1979): rejecting below 0.05 errs once or more in 5% of families."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.maximum.accumulate(np.array(p_values)[order] * np.arange(len(order), 0, -1))
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(scaled, 1.0)
    return [float(value) for value in corrected]


def decided(found: dict[str, Any], name: str, *, rope: float = 0.0) -> Call:
    """What is called of a difference with its "p_holm": "same" where it counts for nothing with a probability of 95%, and of
    one that is to count for something "better" or "worse" only with as much.
    """
    if "p_holm" not in found:
        return "few"
    if rope and found["same"] >= SURE:
        return "same"
    if found["p_holm"] >= 1.0 - SURE or not found["difference"]:
        return "open"
    call: Call = "better" if (found["difference"] > 0) == (metric(name).better == "high") else "worse"
    return "open" if rope and found[call] < SURE else call


def permutation(one: Summed, other: Summed, name: str) -> tuple[float, bool]:
    """The two-sided p-value of a difference where the two systems' answers of each row are exchanged, or not.

    Rows in which nothing differs play no part.

    Args:
        one, other: That count the same of the same rows.
    Returns:
        The p-value, and whether it is exact: all exchanges were tried, as they are of a few rows.
    """
    mine, theirs = one.counts, other.counts
    gaps = mine - theirs
    differing = np.unique(gaps.nonzero()[0])
    if not len(differing):
        return 1.0, True
    gap = gaps[differing]
    gap = gap.toarray() if hasattr(gap, "toarray") else np.asarray(gap)  # (differing, counts)
    totals = [np.asarray(side.sum(axis=0), np.float64).ravel() for side in (mine, theirs)]

    if len(differing) == 1:
        return 1.0, True
    exact = 2 ** len(differing) <= PERMUTATIONS
    observed = one.of_all(totals[0])[name] - one.of_all(totals[1])[name]
    found = np.array(
        [
            one.of_all(totals[0] - moved)[name] - one.of_all(totals[1] + moved)[name]
            for swaps in _exchanges(len(differing), exact=exact)
            for moved in swaps @ gap
        ]
    )
    rounding = 1e-12 * max(1.0, abs(observed))
    tail = min(np.sum(found <= observed + rounding), np.sum(found >= observed - rounding))
    more = 0 if exact else 1  # the answers as they are, which are among all exchanges (Phipson and Smyth 2010)
    return float(min(1.0, 2.0 * (tail + more) / (len(found) + more))), exact


def _exchanges(rows: int, *, exact: bool) -> Iterator[np.ndarray]:
    """1 where a row's answers are exchanged: float, (some, rows), all ways to or `PERMUTATIONS` at random."""
    if exact:
        yield ((np.arange(2**rows)[:, None] >> np.arange(rows)) & 1).astype(float)
        return
    rng, size = np.random.default_rng(0), max(1, AT_ONCE // rows)
    for start in range(0, PERMUTATIONS, size):
        bits = rng.integers(0, 256, (min(size, PERMUTATIONS - start), -(-rows // 8)), np.uint8)
        yield np.unpackbits(bits, axis=1)[:, :rows].astype(float)


def _permuted(one: Scored, other: Scored, name: str) -> dict[str, Any]:
    """ "p_permutation" and "exact"; nothing where rows are scored by more than sums."""
    scorers: list[Any] = [*one.scorers, *other.scorers]
    first = scorers[0]
    if not all(
        isinstance(score, Summed) and score.of == first.of and score.counts.shape == first.counts.shape
        for score in scorers
    ):
        return {}
    runs = math.lcm(len(one.scorers), len(other.scorers))
    p_value, exact = permutation(_pooled(one.scorers, runs), _pooled(other.scorers, runs), name)
    return {"p_permutation": p_value, "exact": exact}


def _pooled(scorers: Sequence[Any], runs: int) -> Summed:
    """A group's runs as one system, which counts what all of them do together: whole numbers, as their mean isn't.

    Args:
        runs: How many they are to be, so that groups of several sizes count alike: a multiple of how many there are.
    """
    first: Summed = scorers[0]
    return dataclasses.replace(first, counts=sum(score.counts for score in scorers) * (runs // len(scorers)))


def _satterthwaite(variances: Sequence[float], degrees: Sequence[float]) -> float:
    """Degrees of freedom of a sum of estimated variances (Satterthwaite 1946)."""
    total = sum(variances)
    if not total:
        return float(sum(degrees))
    return total**2 / sum(variance**2 / free for variance, free in zip(variances, degrees, strict=True))


def _around(value: float, error: float, free: float) -> dict[str, float]:
    half = float(stats.t.ppf(0.975, free) * error)
    return {"low": value - half, "high": value + half}


def _above(gain: float, bound: float, error: float, free: float) -> float:
    """The probability that the true gain is above a bound."""
    if not error:
        return float(gain > bound)
    return float(stats.t.sf((bound - gain) / error, free))
