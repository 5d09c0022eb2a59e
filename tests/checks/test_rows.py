"""Empty, repeated and contradictory rows, against a count pair by pair."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.checks.rows import Prints, check_rows
from seqkit.sources.examples import Examples

rows = st.lists(
    st.tuples(st.sampled_from(["", " ", "a", "A", "a  b", "A b", "c"]), st.sampled_from(["x", "y"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200)
@given(rows)
def test_each_kind_is_counted_as_pairs_count_it(rows):
    texts, labels = map(list, zip(*rows, strict=True))
    examples = Examples({"text": texts, "label": labels}, "x.tsv")
    counts = {one.kind: one.count for one in check_rows(examples, Prints.of(examples, ("text",)), labels, "training")}
    plain = [" ".join(text.lower().split()) for text in texts]
    others = [[label for text, label in zip(plain, labels, strict=True) if text == one] for one in plain]
    expected = {
        "empty_row": plain.count(""),
        "repeated_row": sum(one in plain[:row] and len(set(others[row])) == 1 for row, one in enumerate(plain)),
        "contradiction": sum(len(set(given)) > 1 for given in others),
    }
    assert counts == {kind: count for kind, count in expected.items() if count}


def test_where_several_answers_are_right_none_contradicts_another():
    examples = Examples({"source": ["a", "a"], "target": ["b", "c"]}, "pairs.tsv")
    found = check_rows(examples, Prints.of(examples, ("source",)), None, "training")
    assert [one.kind for one in found] == ["repeated_row"]


def test_a_row_of_several_fields_is_empty_where_all_are():
    examples = Examples({"first": ["", "", "a"], "second": [" ", "b", ""]}, "x")
    [found] = check_rows(examples, Prints.of(examples, ("first", "second")), None, "training")
    assert (found.kind, found.places) == ("empty_row", ("x, row 0",))


@given(rows)
def test_prints_of_prepared_rows_are_those_of_the_rows(rows):
    texts = [text for text, _ in rows]
    made = Prints.of(Examples({"text": texts}, "x"), ("text",))
    name, column = made.prepared(("text",), len(texts))
    again = Prints.of(Examples({"text": ["not read"] * len(texts)}, "x", prepared={name: column}), ("text",))
    for part in ("rows", "plain", "exact", "empty", "every"):
        assert np.array_equal(getattr(again, part), getattr(made, part)), part
    assert (
        Prints.of(Examples({"word": texts}, "x", prepared={name: column}), ("word",)).plain.tolist()
        == made.plain.tolist()
    )
