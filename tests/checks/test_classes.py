"""Classes of the splits, against plain sets and counts."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.checks.classes import FEW, IMBALANCE, check_classes
from seqkit.sources.examples import Examples

labels = st.lists(st.sampled_from("abcd"), min_size=1, max_size=30)


@settings(max_examples=100)
@given(labels, labels, labels, st.integers(1, 250))
def test_classes_of_one_split_rare_ones_and_imbalance(train, valid, test, many):
    train = train + ["a"] * many
    truths = {"train": train, "valid": valid, "test": test}
    splits = {name: Examples({"label": rows}, name) for name, rows in truths.items()}
    found = {}
    for one in check_classes(splits, truths):
        told = [words for words in ("validation", "test") if f"of the {words} data" in one.what]
        found[one.kind, *told] = one
    counts = Counter(train)
    for name, words in (("valid", "validation"), ("test", "test")):
        new = set(truths[name]) - set(train)
        assert (("unknown_class", words) in found) == bool(new)
        if new:
            rows = [row for row, label in enumerate(truths[name]) if label in new]
            assert found["unknown_class", words].count == len(rows)
            assert found["unknown_class", words].places[0] == f"{name}, row {rows[0]}"
    kinds = {kind for kind, *_ in found}
    assert ("few_rows" in kinds) == (min(counts.values()) < FEW)
    assert ("imbalance" in kinds) == (len(counts) > 1 and max(counts.values()) >= IMBALANCE * min(counts.values()))
    assert ("untested_class" in kinds) == bool(set(train) - set(test))


def test_a_class_a_step_counts_steps_and_names_rows():
    truths = {"train": [("O", "B-PER")] * 20, "test": [("O",), ("B-LOC", "O")]}
    splits = {name: Examples({"tags": rows}, f"{name}.conll", lines=(1, 4)) for name, rows in truths.items()}
    [new, gone] = check_classes(splits, truths)
    assert (new.kind, new.places, gone.kind) == ("unknown_class", ("test.conll, line 4",), "untested_class")
    assert "'B-LOC'" in new.what
    assert "'B-PER'" in gone.what


@pytest.mark.parametrize(("rows", "few"), [(FEW - 1, True), (FEW, False)])
def test_ten_rows_are_not_few(rows, few):
    train = ["a"] * 50 + ["b"] * rows
    found = check_classes({"train": Examples({"label": train}, "train")}, {"train": train})
    assert [one.kind for one in found] == ["few_rows"] * few
