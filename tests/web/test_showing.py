"""What of an answer a page shows."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from seqkit.web.showing import parts_of, tagged


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=3), st.sampled_from([None, "x", "y"]), st.integers(1, 3))))
def test_pieces_of_spans_are_the_tokens_with_each_span_whole(runs):
    tokens, spans = [], []
    for word, label, length in runs:
        if label is not None:
            spans.append({"label": label, "begin": len(tokens), "end": len(tokens) + length})
        tokens += [word] * length
    pieces = tagged(tokens, ["?"] * len(tokens), spans)
    assert " ".join(text for text, _ in pieces) == " ".join(tokens)
    assert [(text, label) for text, label in pieces if label] == [
        (" ".join(tokens[span["begin"] : span["end"]]), span["label"]) for span in spans
    ]


def test_tags_that_mark_no_spans_stand_at_each_token():
    assert tagged(["a", "b"], ["DET", "NOUN"], None) == [("a", "DET"), ("b", "NOUN")]


def test_what_was_left_out_says_why():
    with pytest.raises(ValueError, match="it is cut short"):
        parts_of({"question": "where?", "left_out": "it is cut short"})
