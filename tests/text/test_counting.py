"""Counts that don't fit into memory: those of a counter that holds all of them."""

import collections
import os
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from seqkit.text import counting
from seqkit.text.counting import most_counted
from seqkit.text.vocabulary import learn_vocabulary

tokens = st.text("ab\né☃", min_size=1, max_size=2).map(str.encode)
TEXTS = [f"w{number % 40} w{number} é{number % 7}" for number in range(300)]


@given(
    counts=st.lists(st.tuples(tokens, st.integers(1, 5)), max_size=40),
    held=st.integers(1, 9),
    least=st.integers(1, 9),
    most=st.none() | st.integers(0, 12),
)
def test_what_is_merged_is_what_a_counter_counts(counts, held, least, most):
    whole = collections.Counter()
    for token, count in counts:
        whole[token] += count
    expected = sorted((one for one in whole.items() if one[1] >= least), key=lambda one: (-one[1], one[0].decode()))
    with mock.patch.multiple(counting, HELD=held, BLOCK=2):
        found = most_counted(iter(counts), least=least, most=most)
    assert (sorted(found) if most is None else found) == (sorted(expected) if most is None else expected[:most])


def test_a_vocabulary_is_the_same_however_little_is_held(tmp_path):
    for settings in ({"size": 30}, {"size": 1_000, "min_count": 2}, {"size": 80, "unit": "subword"}):
        expected = learn_vocabulary(TEXTS, **settings)
        with mock.patch.multiple(counting, HELD=16), mock.patch("tempfile.tempdir", str(tmp_path)):
            assert learn_vocabulary(iter(TEXTS), **settings) == expected
    assert not os.listdir(tmp_path)
