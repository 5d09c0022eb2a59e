"""Comparisons against SciPy, against all exchanges by hand, and against what their names promise of simulated recipes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from scipy import stats
from sklearn.metrics import f1_score

from seqkit.metrics import comparison
from seqkit.metrics.bootstrap import LEAST
from seqkit.metrics.classification import classification_scorer
from seqkit.metrics.comparison import Scored, decided, difference, holm, permutation
from seqkit.metrics.sums import summed
from seqkit.metrics.tags import tag_scores
from seqkit.metrics.texts import text_scorer
from seqkit.text.spans import span_scores


def accuracy_of(right):
    return summed([np.ones(len(right)), right], shares)


def shares(sums):
    return {"accuracy": float(sums[1] / sums[0]), "loss": 1.0 - float(sums[1] / sums[0])}


def test_no_interval_over_seeds_leaves_what_a_share_can_be():
    right = [np.arange(20) < 2, np.arange(20) < 19]
    found = Scored.of("one", [accuracy_of(one) for one in right], 20).figures("accuracy")
    assert found["seeds"] == {"low": 0.0, "high": 1.0}, "Student's t of two runs goes far beyond"


@settings(max_examples=15)
@given(st.integers(2, 7), st.integers(0, 10_000))
def test_few_rows_are_exchanged_in_all_ways(rows, seed):
    """Span F1, which is no mean over rows, against a loop over all exchanges of all rows."""
    rng = np.random.default_rng(seed)
    there = rng.integers(1, 4, rows)
    ours, theirs = (np.stack([rng.integers(0, there + 1), rng.integers(1, 5, rows), there], 1) for _ in range(2))
    ours[:, 0], theirs[:, 0] = np.minimum(ours[:, 0], ours[:, 1]), np.minimum(theirs[:, 0], theirs[:, 1])

    def f1(counts):
        right, predicted, wanted = counts.sum(axis=0)
        return 2 * right / (predicted + wanted)

    gaps = []
    for swaps in itertools.product([False, True], repeat=rows):
        swapped = np.array(swaps)[:, None]
        gaps.append(f1(np.where(swapped, theirs, ours)) - f1(np.where(swapped, ours, theirs)))
    observed = f1(ours) - f1(theirs)
    tails = [np.mean([sign * gap >= sign * observed - 1e-12 for gap in gaps]) for sign in (1, -1)]
    p_value, exact = permutation(summed([ours], span_scores), summed([theirs], span_scores), "span_f1")
    assert exact
    assert p_value == pytest.approx(min(1.0, 2 * min(tails)))


def p_of_exchanges(one, other, score, exchanged):
    """Of two groups' answers, (runs, rows, ...), of which as many rows are exchanged in all ways."""
    found = []
    for bits in itertools.product((False, True), repeat=exchanged):
        swapped = np.zeros((one.shape[1], *[1] * (one.ndim - 2)), bool)
        swapped[:exchanged] = np.reshape(bits, (-1, *swapped.shape[1:]))
        found.append(score(np.where(swapped, other, one)) - score(np.where(swapped, one, other)))
    tail = min(np.sum(np.array(found) <= found[0] + 1e-12), np.sum(np.array(found) >= found[0] - 1e-12))
    return min(1.0, 2 * tail / len(found))


def p_of_groups(one, other, name):
    groups = [Scored.of("", scorers, LEAST, resamples=2) for scorers in (one, other)]
    return difference(*groups, name)["p_permutation"]


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_runs_of_taggers_are_exchanged_as_they_count_together(seed):
    """Two seeds against three: what they count in the mean are no whole numbers."""
    rng = np.random.default_rng(seed)
    tokens = np.tile(rng.integers(1, 6, LEAST), (5, 1))
    runs = np.stack([tokens, rng.integers(0, tokens + 1), 0 * tokens, 0 * tokens], axis=-1)  # (runs, rows, counts)
    expected = p_of_exchanges(
        np.repeat(runs[:2], 3, axis=0),
        np.repeat(runs[2:], 2, axis=0),
        lambda counts: counts[..., 1].sum() / counts[..., 0].sum(),
        LEAST,
    )
    scorers = [summed([counts], tag_scores, unknown=False) for counts in runs]
    assert p_of_groups(scorers[:2], scorers[2:], "token_accuracy") == pytest.approx(expected)


def test_runs_of_writers_are_exchanged_as_they_write_together(rng):
    words = ["a", "red", "dog", "runs", "over", "the", "green", "hill"]
    references = [" ".join(rng.permutation(words)) for _ in range(LEAST)]
    runs = np.array([references] * 5, object)
    for run, row in itertools.product(range(5), range(4)):
        runs[run, row] = references[row].replace(rng.choice(words), "X")
    expected = p_of_exchanges(
        np.repeat(runs[:2], 3, axis=0),
        np.repeat(runs[2:], 2, axis=0),
        lambda texts: BLEU().corpus_score([*texts.ravel()], [references * len(texts)]).score,
        4,
    )
    scorers = [text_scorer([*texts], references) for texts in runs]
    assert p_of_groups(scorers[:2], scorers[2:], "bleu") == pytest.approx(expected)


def test_many_rows_are_exchanged_at_random(rng):
    ours = (rng.random(400) < 0.8).astype(float)
    theirs = np.where(rng.random(400) < 0.1, 1 - ours, ours)
    p_value, exact = permutation(accuracy_of(ours), accuracy_of(theirs), "accuracy")
    changed = int((ours != theirs).sum())
    sign_test = stats.binomtest(int((ours > theirs).sum()), changed).pvalue  # the same test, of right and wrong
    assert not exact
    assert p_value == pytest.approx(sign_test, abs=0.02)
    assert permutation(accuracy_of(ours), accuracy_of(ours), "accuracy") == (1.0, True)


def test_where_rows_say_nothing_the_test_over_both_is_a_t_test(rng):
    """Runs that are right on each row to the same share: other rows would change nothing."""
    ours, theirs = np.array([0.80, 0.83, 0.82]), np.array([0.79, 0.74, 0.78, 0.76])
    one, other = (
        Scored.of(name, [accuracy_of(np.full(50, share)) for share in shares], 50)
        for name, shares in (("one", ours), ("other", theirs))
    )
    found = difference(one, other, "accuracy")
    expected = stats.ttest_ind(ours, theirs, equal_var=False)  # but for its degrees of freedom, which are 2 here
    error = (ours.mean() - theirs.mean()) / expected.statistic
    assert found["p_both"] == pytest.approx(2 * stats.t.sf(abs(expected.statistic), 2))
    interval = stats.t.interval(0.95, 2, ours.mean() - theirs.mean(), error)
    assert (found["seeds"]["low"], found["seeds"]["high"]) == pytest.approx(interval)
    assert found["both"] == pytest.approx(found["seeds"])
    assert found["over"] == "rows and seeds"
    assert one.figures("accuracy")["seeds"]["high"] == pytest.approx(
        stats.t.interval(0.95, 2, ours.mean(), stats.sem(ours))[1]
    )
    single = Scored.of("single", [accuracy_of(np.full(50, 0.7))], 50)
    assert {"seeds", "both", "p_both"}.isdisjoint(difference(one, single, "accuracy"))


def test_where_seeds_say_nothing_the_test_over_both_is_that_over_rows(rng):
    """Runs that answer alike whatever their seed: McNemar's z, but for the draws of the bootstrap."""
    right = (rng.random(2000) < 0.7).astype(float)
    better = np.where(rng.random(2000) < 0.1, 1.0, right)
    better[rng.random(2000) < 0.02] = 0.0
    one, other = (Scored.of("", [accuracy_of(values)] * 3, 2000) for values in (better, right))
    found = difference(one, other, "accuracy")
    gaps = better - right
    z = gaps.mean() / (gaps.std() / np.sqrt(2000))
    half = (found["both"]["high"] - found["both"]["low"]) / 2
    assert found["difference"] / (half / 1.96) == pytest.approx(z, rel=0.1)
    assert found["p_both"] < 0.05


def test_macro_f1_is_tested_over_the_classes_that_either_system_has_after_each_exchange(rng):
    """The second system alone says a third class, once."""
    labels, one = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    other = one.copy()
    differing = rng.choice(60, 8, replace=False)
    other[differing] = 1 - other[differing]
    other[differing[0]] = 2
    scorers = [classification_scorer(labels, np.eye(3)[said]) for said in (one, other)]
    found = []
    for bits in itertools.product((False, True), repeat=8):
        swapped = np.zeros(60, bool)
        swapped[differing] = bits
        sides = np.where(swapped, other, one), np.where(swapped, one, other)
        found.append(np.subtract(*(f1_score(labels, side, average="macro") for side in sides)))
    tail = min(np.sum(np.array(found) <= found[0] + 1e-12), np.sum(np.array(found) >= found[0] - 1e-12))
    assert permutation(*scorers, "macro_f1") == (pytest.approx(min(1.0, 2 * tail / 256)), True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holms_correction_is_the_closed_test(p_values):
    """The greatest Bonferroni-corrected p-value of all families that a comparison is in."""
    families = [
        family for size in range(1, len(p_values) + 1) for family in itertools.combinations(range(len(p_values)), size)
    ]
    expected = [
        min(1.0, max(len(family) * min(p_values[k] for k in family) for family in families if number in family))
        for number in range(len(p_values))
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_probabilities_are_of_three_regions_and_follow_the_direction(rng):
    right = (rng.random(300) < 0.7).astype(float)
    better = np.where(rng.random(300) < 0.1, 1.0, right)
    one, other = (Scored.of("", [accuracy_of(values)], 300) for values in (better, right))
    found = difference(one, other, "accuracy", rope=0.01)
    assert found["better"] + found["same"] + found["worse"] == pytest.approx(1)
    assert found["better"] > 0.8 > 0.01 > found["worse"]
    turned = difference(other, one, "accuracy", rope=0.01)
    assert (turned["better"], turned["worse"]) == pytest.approx((found["worse"], found["better"]))
    lost = difference(one, other, "loss", rope=0.01)
    assert [lost[chance] for chance in ("better", "same", "worse")] == pytest.approx(
        [found[chance] for chance in ("better", "same", "worse")]
    )
    assert found["better"] < difference(one, other, "accuracy")["better"]
    assert [decided({**test, "p_holm": 0.01}, name) for name, test in (("accuracy", found), ("loss", lost))] == [
        "better"
    ] * 2
    assert decided({**found, "p_holm": 0.06}, "accuracy") == "open"
    assert decided({**found, "p_holm": 0.01, "better": 0.9}, "accuracy", rope=0.01) == "open", (
        "it may count for nothing"
    )
    assert decided(difference(one, other, "accuracy", rope=0.5) | {"p_holm": 0.0}, "accuracy", rope=0.5) == "same"
    few = difference(*(Scored.of("", [accuracy_of(values[:9])], 9) for values in (better, right)), "accuracy")
    assert (decided(few, "accuracy"), few.keys()) == ("few", {"difference", "over"})


def simulated(random, hard, seeds, *, gain=0.0):
    """Runs of a recipe: each is as good as its seed has it, finds other rows hard than others do, and is right by chance."""
    rows, runs = len(hard), []
    for _ in range(seeds):
        logits = gain + hard + random.normal(0, 0.25) + random.normal(0, 1, rows)
        runs.append(accuracy_of((random.random(rows) < 1 / (1 + np.exp(-logits))).astype(float)))
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_recipe_beside_itself_is_seldom_called_a_win(monkeypatch, seeds):
    monkeypatch.setattr(comparison, "PERMUTATIONS", 499)
    wins, found, rows, random = 0, 0, 400, np.random.default_rng(1)
    for _ in range(200):
        hard = random.normal(1.5, 1.5, rows)
        own, again, above = (
            Scored.of("", simulated(random, hard, seeds, gain=gain), rows, resamples=200) for gain in (0.0, 0.0, 1.2)
        )
        same, real = difference(own, again, "accuracy"), difference(above, own, "accuracy")
        wins += decided(same | {"p_holm": same["p_value"]}, "accuracy") != "open"
        found += decided(real | {"p_holm": real["p_value"]}, "accuracy") == "better"
    assert wins <= 10, "of 200"
    assert found >= {2: 40, 3: 140, 5: 190}[seeds], "of 200 that are better by 11 points, where a seed's spread is 3"
