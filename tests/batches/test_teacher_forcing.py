"""What a model that writes is trained on, by hand and from lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import encoder_decoder_rows, teacher_forced, without_end
from seqkit.core.ragged import Ragged
from seqkit.text.vocabulary import BEGIN, END, UNKNOWN

answers = st.lists(st.lists(st.integers(4, 9), max_size=5), min_size=1, max_size=5)


def ragged(rows):
    values = np.array([one for row in rows for one in row], np.int32)
    return Ragged.of_lengths(values, np.array([len(row) for row in rows]))


def lists(column):
    return [column[row].tolist() for row in range(len(column))]


@given(answers)
def test_each_symbol_is_asked_for_after_the_true_ones_before_it(rows):
    columns = teacher_forced(ragged(rows))
    assert lists(columns["before"]) == [[BEGIN, *row] for row in rows]
    assert lists(columns["targets"]) == [[*row, END] for row in rows]
    assert lists(columns["weights"]) == [[1.0] * (len(row) + 1) for row in rows]
    assert [columns[name][0].dtype for name in ("before", "targets", "weights")] == [np.int32, np.int32, np.float32]
    pipeline = Pipeline(columns, {"before": (8,)}, 2)
    assert lists(without_end(pipeline).columns["weights"]) == [[1.0] * len(row) + [0.0] for row in rows]
    assert lists(pipeline.columns["weights"]) == lists(columns["weights"]), "the rows themselves are as they were"


SOURCES, TARGETS = ragged([[4, 5, 6, UNKNOWN], [7]]), ragged([[4] * 7, [5]])


def test_rows_of_an_encoder_and_a_decoder_by_hand():
    rows, facts = encoder_decoder_rows(SOURCES, TARGETS, 2)
    assert facts == {"source_tokens": 7, "unknown_token_share": pytest.approx(1 / 7), "target_tokens": 8}
    assert lists(rows.columns["ids"]) == [[4, 5, 6, UNKNOWN, END], [7, END]]
    assert lists(rows.columns["targets"]) == [[4] * 7 + [END], [5, END]]
    assert rows.batch_size == 2
    assert rows.axes == {"ids": (4, 8), "before": (4, 8)}  # multiples of 4, no more than the rows need


def test_without_answers_a_row_is_begun_only():
    rows, facts = encoder_decoder_rows(SOURCES, None, 2)
    assert facts == {"source_tokens": 7, "unknown_token_share": pytest.approx(1 / 7)}
    assert lists(rows.columns["before"]) == [[BEGIN], [BEGIN]]
    assert rows.columns["before"].values.dtype == np.int32
    assert set(rows.columns) == {"ids", "before"}
    assert rows.axes == {"ids": (4, 8), "before": (1,)}


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"ids": (2, 5), "before": (8,)}, {"ids": (2, 5), "before": (8,)}),  # they fit to the last step
        ({"ids": (2, 4), "before": (4, 7)}, {"ids": (2, 4, 8), "before": (4, 7, 8)}),  # one width more, for the longest
    ],
)
def test_widths_are_kept_as_far_as_rows_fit(kept, expected):
    assert encoder_decoder_rows(SOURCES, TARGETS, 2, axes=kept)[0].axes == expected
