"""Intervals and comparisons against SciPy's, which draws the same rows, and against the normal approximation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seqkit.metrics.bootstrap import LEAST, bootstrap, paired_bootstrap


def mean_of(values):
    return lambda sample: {"mean": values[sample].mean(), "share": (values[sample] > 0).mean()}


def difference(one, other, axis):
    return one.mean(axis) - other.mean(axis)


@settings(max_examples=10)
@given(rows=st.integers(LEAST, 40), resamples=st.sampled_from([50, 1000]), seed=st.integers(0, 99))
def test_intervals_are_those_of_scipy(rows, resamples, seed):
    one, other = np.random.default_rng(seed).integers(-2, 3, (2, rows)).astype(float)
    other[0] += 0.5
    options = {"n_resamples": resamples, "method": "percentile", "random_state": np.random.default_rng(seed)}
    found = bootstrap(mean_of(other), rows, resamples=resamples, seed=seed)["mean"]
    expected = stats.bootstrap((other,), np.mean, **options).confidence_interval
    assert (found["value"], found["low"], found["high"]) == pytest.approx((other.mean(), *expected))
    options["random_state"] = np.random.default_rng(seed)
    found = paired_bootstrap(mean_of(one), mean_of(other), rows, resamples=resamples, seed=seed)["mean"]
    expected = stats.bootstrap((one, other), difference, paired=True, **options)
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected.confidence_interval))
    assert found["difference"] == pytest.approx(one.mean() - other.mean())
    tails = [(sign * expected.bootstrap_distribution <= 0).mean() for sign in (1, -1)]
    assert found["p_value"] == pytest.approx(min(1, 2 * max(min(tails), 1 / resamples)))


def test_a_thousand_resamples_of_seed_zero_unless_asked_otherwise():
    values, calls = np.arange(12.0), []
    assert bootstrap(mean_of(values), 12) == bootstrap(mean_of(values), 12, resamples=1000, seed=0)
    assert bootstrap(mean_of(values), 12) != bootstrap(mean_of(values), 12, resamples=1000, seed=1)
    both = mean_of(values), mean_of(values[::-1])
    assert paired_bootstrap(*both, 12) == paired_bootstrap(*both, 12, resamples=1000, seed=0)
    assert paired_bootstrap(*both, 12) != paired_bootstrap(*both, 12, resamples=1000, seed=1)

    def counted(sample):
        calls.append(len(sample))
        return {"none": 0.0}

    bootstrap(counted, 12)
    assert calls == [12] * 1001, "once more for all rows"
    paired_bootstrap(counted, counted, 12)
    assert calls == [12] * (1001 + 2 * 1001)


@pytest.mark.parametrize("rows", [1, 9, 10])
def test_few_rows_have_values_and_neither_interval_nor_test(rows):
    values = np.arange(float(rows))
    found = bootstrap(mean_of(values), rows)["mean"]
    test = paired_bootstrap(mean_of(values), mean_of(values + 1), rows)["mean"]
    assert (found["value"], test["difference"]) == (pytest.approx(values.mean()), pytest.approx(-1))
    assert ("low" in found, "high" in found, "low" in test, "p_value" in test) == (rows >= 10,) * 4


def test_interval_of_a_proportion_is_the_normal_one(rng):
    rows, share = 2000, 0.8
    right = (np.arange(rows) < rows * share).astype(float)
    found = bootstrap(lambda sample: {"accuracy": float(right[sample].mean())}, rows)["accuracy"]
    half = 1.96 * np.sqrt(share * (1 - share) / rows)
    assert found["value"] == pytest.approx(share)
    assert found["low"] == pytest.approx(share - half, abs=half * 0.15)
    assert found["high"] == pytest.approx(share + half, abs=half * 0.15)


def test_paired_test_sees_a_difference_that_two_intervals_hide(rng):
    """30 more right of 1,000, on rows that are otherwise judged alike: the sign test has z = 30 / sqrt(40)."""
    ours = np.concatenate([np.ones(700), np.zeros(300)])
    theirs = ours.copy()
    theirs[:35], theirs[700:705] = 0, 1

    def score(right):
        return lambda sample: {"accuracy": float(right[sample].mean())}

    found = paired_bootstrap(score(ours), score(theirs), 1000)["accuracy"]
    assert found["difference"] == pytest.approx(0.03)
    assert 0.0 < found["low"] < 0.03 < found["high"]
    assert found["p_value"] < 0.01
    apart = [bootstrap(score(right), 1000)["accuracy"] for right in (ours, theirs)]
    assert apart[0]["low"] < apart[1]["high"]
    assert paired_bootstrap(score(ours), score(ours), 1000)["accuracy"]["p_value"] == 1.0
    better = paired_bootstrap(score(np.ones(12)), score(np.zeros(12)), 12, resamples=100)["accuracy"]
    assert better["p_value"] == 2 / 100, "as small as so many resamples can show"
