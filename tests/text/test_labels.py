"""Labels that are one but for their writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.text.labels import canonical, named_otherwise, same_but_for_writing

writings = {
    "zero": ["0", "0.0", "-0", "+0.00", "0e5", " 0 "],
    "number": ["12", "12.0", "1.2e1", "012", "12. "],
    "half": ["0.5", ".5", "5E-1", "0.50"],
    "truth": ["True", "true", "TRUE ", " true"],
    "name": ["New  York", "new york", "NEW YORK\u00a0"],
    "accent": ["caf\u00e9", "cafe\u0301", "CAF\u00c9"],
    "version": ["1.2.0", "1.2.0 "],
}


@given(st.data(), st.sampled_from(sorted(writings)), st.sampled_from(sorted(writings)))
def test_writings_of_one_label_are_one_and_of_two_are_two(data, one, other):
    first, second = (data.draw(st.sampled_from(writings[name])) for name in (one, other))
    assert (canonical(first) == canonical(second)) == (one == other)
    if one.strip() not in ("number", "zero", "half"):
        return
    assert float(canonical(first)) == float(first)  # as Python reads it


def test_groups_and_classes():
    assert same_but_for_writing(["a", "1", "A", "1.0", "b", "1"]) == [["1", "1.0"], ["A", "a"]]
    assert named_otherwise(["0.0", "1", "2", "True"], ["0", "1", "true", "TRUE"]) == {"0.0": "0"}  # true is two classes
    assert named_otherwise(["0.0"], ["0.0"]) == {}


@pytest.mark.parametrize("label", ["1e999999999", "٣", "", "nan", "inf", "1_000"])
def test_odd_numbers_are_labels_like_others(label):
    assert isinstance(canonical(label), str)
