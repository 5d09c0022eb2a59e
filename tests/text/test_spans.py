"""Spans: read and counted as conlleval reads and counts them, of legal and illegal sequences; scored by exact match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.text.spans import count_spans, scores_by_type, span_scores
from seqkit.text.tag_schemes import SCHEMES

BIO, IOB1, BIOES, BILOU, BMES, IOE1, IOE2 = SCHEMES

# Worked by hand from conlleval's two lists of conditions (endOfChunk, startOfChunk).
AWKWARD = [
    ("", []),
    ("O O", []),
    ("B-A I-A O B-A", [("A", 0, 2), ("A", 3, 4)]),
    ("I-A I-A O", [("A", 0, 2)]),  # I without B opens a span
    ("O I-A B-A I-A", [("A", 1, 2), ("A", 2, 4)]),
    ("B-A B-A", [("A", 0, 1), ("A", 1, 2)]),
    ("B-A I-B I-B", [("A", 0, 1), ("B", 1, 3)]),  # the type changes within a span
    ("I-A I-B I-A", [("A", 0, 1), ("B", 1, 2), ("A", 2, 3)]),
    ("B-A O I-A", [("A", 0, 1), ("A", 2, 3)]),
    ("B-A I-A E-A S-A", [("A", 0, 3), ("A", 3, 4)]),
    ("E-A E-A", [("A", 0, 1), ("A", 1, 2)]),
    ("E-A I-A O", [("A", 0, 1), ("A", 1, 2)]),
    ("O E-A O", [("A", 1, 2)]),
    ("S-A I-A E-A", [("A", 0, 1), ("A", 1, 3)]),
    ("B-A S-A O", [("A", 0, 1), ("A", 1, 2)]),
    ("B-A I-A", [("A", 0, 2)]),  # never closed
    ("B-A E-B", [("A", 0, 1), ("B", 1, 2)]),
    ("B-a-b I-a-b", [("a-b", 0, 2)]),  # the type may hold a dash
]
OTHERWISE = {  # the same in letters and places of other schemes
    BILOU: lambda tag: tag.translate(str.maketrans("ES", "LU")) if tag[1:2] == "-" else tag,
    BMES: lambda tag: tag.replace("I-", "M-"),
}


def conlleval(truth, predicted):
    """The counts of conlleval, by its loop over tokens with two open chunks and its tables of boundaries.

    Its Perl original knows B, I, O and E; the rows with S, and E before B, are as its later versions in Python have them.
    """
    ends = {"BB", "BS", "BO", "IB", "IS", "IO", "EB", "EI", "EE", "ES", "EO", "SB", "SI", "SE", "SS", "SO"}
    starts = {"BB", "IB", "OB", "OI", "OE", "OS", "BS", "IS", "EB", "EI", "EE", "ES", "SB", "SI", "SE", "SS"}

    def end_of_chunk(before, tag):
        return before[0] + tag[0] in ends or (before[0] != "O" and before[1:] != tag[1:])

    def start_of_chunk(before, tag):
        return before[0] + tag[0] in starts or (tag[0] != "O" and before[1:] != tag[1:])

    right = found_guessed = found_correct = 0
    last_correct = last_guessed = "O"
    in_correct = False
    for correct, guessed in zip([*truth, "O"], [*predicted, "O"], strict=True):
        if in_correct:
            ends_here = end_of_chunk(last_correct, correct), end_of_chunk(last_guessed, guessed)
            if all(ends_here) and last_correct[1:] == last_guessed[1:]:
                in_correct, right = False, right + 1
            elif any(ends_here) or correct[1:] != guessed[1:]:
                in_correct = False
        starts_here = start_of_chunk(last_correct, correct), start_of_chunk(last_guessed, guessed)
        if all(starts_here) and correct[1:] == guessed[1:]:
            in_correct = True
        found_correct += starts_here[0]
        found_guessed += starts_here[1]
        last_correct, last_guessed = correct, guessed
    return [right, found_guessed, found_correct]


def drawn(prefixes):
    tags = st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in "XY")])
    return st.lists(st.tuples(tags, tags), max_size=8)


@pytest.mark.parametrize(("text", "expected"), AWKWARD)
def test_spans_are_those_of_conlleval(text, expected):
    tags = text.split()
    assert BIOES.spans(tags) == expected
    for scheme, written in OTHERWISE.items():
        assert scheme.spans(list(map(written, tags))) == expected
    if not {tag[0] for tag in tags} & set("ES"):
        assert BIO.spans(tags) == IOB1.spans(tags) == expected


@pytest.mark.parametrize("scheme", [BIO, IOB1, BIOES], ids=str)
@given(data=st.data())
def test_counts_are_those_of_conlleval(scheme, data):
    pairs = data.draw(drawn("BIES" if scheme is BIOES else "BI"))
    truth, predicted = [y for y, _ in pairs], [p for _, p in pairs]
    counts = count_spans([scheme.spans(truth)], [scheme.spans(predicted)])
    assert counts.tolist() == [conlleval(truth, predicted)]


def test_reference_catches_a_reader_that_ignores_types():
    assert conlleval(["B-A", "I-B"], ["B-A", "I-A"]) == [0, 1, 2]


def test_scores_are_those_of_the_counts():
    truth = [[("A", 0, 2), ("B", 3, 4)], [("B", 0, 1)], []]
    predicted = [[("A", 0, 2), ("A", 2, 3), ("A", 3, 4)], [("B", 0, 1)], []]
    counts = count_spans(truth, predicted)
    assert counts.tolist() == [[1, 3, 2], [1, 1, 1], [0, 0, 0]]
    assert span_scores(counts.sum(axis=0)) == pytest.approx(
        {"span_precision": 2 / 4, "span_recall": 2 / 3, "span_f1": 4 / 7}
    )
    assert span_scores(counts[2]) == {"span_precision": 0.0, "span_recall": 0.0, "span_f1": 0.0}
    assert scores_by_type(truth, predicted) == [
        {"label": "A", "precision": 1 / 3, "recall": 1.0, "f1": 0.5, "support": 1, "predicted": 3},
        {"label": "B", "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2, "predicted": 1},
    ]
