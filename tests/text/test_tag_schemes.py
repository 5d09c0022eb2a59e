"""Schemes: the same spans from every one of them, beside a writer made from their definitions, one for each."""

import dataclasses
import functools
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.text.tag_schemes import SCHEMES, SEPARATORS, UNTYPED, TagScheme, detect, fit_of

BIO, IOB1, BIOES, BILOU, BMES, IOE1, IOE2 = SCHEMES

# lengths of gaps and of spans, and their types
layouts = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["PER", "LOC", "a-b"])), max_size=5)
writings = st.tuples(st.booleans(), st.sampled_from(SEPARATORS), st.sampled_from(["O", "_", "NIL"]))
bare = st.tuples(st.just(False), st.just(""), st.sampled_from(["O", "_", "NIL"]))


def laid_out(layout):
    found, end = [], 0
    for gap, length, kind in layout:
        found.append((kind, end + gap, end + gap + length))
        end += gap + length
    return found, end + 1


def tagged(found, length, name, after=False, separator="-", outside="O"):
    """The tags of spans, from each scheme's definition."""
    letters = [""] * length
    kinds = [""] * length
    for kind, begin, end in found:
        size = end - begin
        touching = any(other[0] == kind and other[2] == begin for other in found)
        touched = any(other[0] == kind and other[1] == end for other in found)
        letters[begin:end] = {
            "iob1": ("B" if touching else "I") + "I" * (size - 1),
            "bio": "B" + "I" * (size - 1),
            "bioes": "S" if size == 1 else "B" + "I" * (size - 2) + "E",
            "bilou": "U" if size == 1 else "B" + "I" * (size - 2) + "L",
            "bmes": "S" if size == 1 else "B" + "M" * (size - 2) + "E",
            "ioe1": "I" * (size - 1) + ("E" if touched else "I"),
            "ioe2": "I" * (size - 1) + "E",
        }[name]
        kinds[begin:end] = [kind] * size
    return tuple(
        (f"{kind}{separator}{letter}" if after else f"{letter}{separator}{kind if separator else ''}")
        if letter
        else outside
        for letter, kind in zip(letters, kinds, strict=True)
    )


def written(scheme, after, separator, outside="O"):
    return dataclasses.replace(scheme, after=after, separator=separator, outside=outside)


@settings(max_examples=300)
@given(st.lists(layouts, min_size=1, max_size=4), st.sampled_from(SCHEMES), writings | bare)
def test_spans_are_read_told_and_written_in_every_scheme(layouts, plain, writing):
    texts = [laid_out(layout) for layout in layouts]
    if not writing[1]:
        texts = [([(UNTYPED, *place) for _, *place in found], length) for found, length in texts]
    rows = [tagged(*text, plain.name, *writing) for text in texts]
    scheme = written(plain, *writing)
    assert [scheme.spans(row) for row in rows] == [found for found, _ in texts]
    assert [scheme.write(*text) for text in texts] == scheme.convert(rows) == rows
    assert scheme.illegal(rows) == 0
    assert scheme.strays(rows) == set()
    assert TagScheme.from_json(scheme.to_json()) == scheme
    fit = fit_of(rows)
    if not any(found for found, _ in texts):
        assert fit is None
        return
    assert scheme in (fit.scheme, *map(fit.scheme.named, fit.like))
    prefixes = {(kind, scheme.parts(tag)[0]) for row in rows for tag in row if (kind := scheme.parts(tag)[1])}
    usual = writing == (False, "-", "O") or len(prefixes) > len({kind for kind, _ in prefixes})
    assert detect(rows) == (fit.scheme if usual else None)
    if usual:
        for other in SCHEMES:
            assert other.convert(rows) == [tagged(*text, other.name) for text in texts]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_legal_transitions_are_those_that_occur(scheme):
    """In all sequences of up to five tokens with spans of two types."""

    @functools.cache
    def all_spans(begin, length):
        rest = [[]] if begin == length else all_spans(begin + 1, length)
        ends = range(begin + 1, length + 1)
        return rest + [
            [(kind, begin, end), *more] for end, kind in product(ends, "XY") for more in all_spans(end, length)
        ]

    sequences = [tagged(found, length, scheme.name) for length in range(1, 6) for found in all_spans(0, length)]
    seen = {pair for tags in sequences for pair in pairwise([None, *tags, None])}
    tags = sorted({tag for sequence in sequences for tag in sequence})
    expected = [[(before, tag) in seen for tag in (*tags, None)] for before in (*tags, None)]
    expected[-1][-1] = True  # a sequence of no tokens
    np.testing.assert_array_equal(scheme.legal(tags), expected)


soup = st.lists(st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in "XY")]), max_size=8)


@given(soup)
def test_illegal_sequences_are_repaired_as_they_are_read(tags):
    found = BIOES.spans(tags)
    for scheme in SCHEMES:
        repaired = scheme.write(found, len(tags))
        assert scheme.spans(repaired) == found
        assert scheme.illegal([repaired]) == 0
    assert (BIOES.illegal([tags]) == 0) == (BIOES.write(found, len(tags)) == tuple(tags))


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("B-A I-A O", (0, 1, 1)),  # iob1: B after no A; bioes: I, then O, leaves it open
        ("I-A I-A O", (1, 0, 2)),
        ("B-A I-B", (1, 1, 2)),  # bioes: the type changes, and it is open at the end
        ("B-A", (0, 1, 1)),
        ("B-A o I-A", (1, 1, 3)),  # a stray is outside
    ],
)
def test_illegal_tags_are_counted(text, counts):
    assert tuple(scheme.illegal([text.split()]) for scheme in (BIO, IOB1, BIOES)) == counts


AFTER = functools.partial(written, after=True, separator="-")
MANY = ["B-A I-A O O", "O B-B I-B"] * 20


@pytest.mark.parametrize(
    ("texts", "scheme"),
    [
        (["B-A I-A O", "B-B"], BIO),
        (["I-A I-A O", "I-A B-A"], IOB1),
        (["S-A B-A E-A"], BIOES),
        (["U-A B-A L-A"], BILOU),
        (["S-A B-A M-A E-A"], BMES),
        (["A-B A-I O"], AFTER(BIO)),
        (["U_A B_A L_A O"], written(BILOU, False, "_")),
        (["B_NN E_NN S_VV"], written(BIOES, False, "_")),  # all tokens in spans, as in word segmentation
        (["B E S B M E"], written(BMES, False, "")),
        (["B I O O"], written(BIO, False, "")),
        (["I O I"], None),  # one letter has no two prefixes
        (["I-A E-A E-A O"], IOE2),
        (["I-A E-A I-A O"], IOE1),
        (["B-A I-A NIL NIL NIL NIL o"], written(BIO, False, "-", "NIL")),
        (["B-A I-A B-A I-A NIL NIL o"], None),
        (["B-A NIL NIL"], None),  # labels of their own, for all one knows
        (["N V I N D V"], None),  # parts of speech of one letter
        (["B-B I-B"], BIO),  # could be either way round: before
        (["B-A I-A", "B-A B-B", "I-B"], BIO),  # one mistake
        ([*MANY, "E-A O"], BIO),  # one slip doesn't make another scheme of many legal tags
        ([*MANY, "A-B O"], BIO),
        (["B-A I-A O o O"], BIO),  # a fifth are strays
        (["B-A I-A O o"], None),
        (["O O O O O O O O PER LOC B-side O O O O"], None),  # labels of another kind, few beside O
        (["NOUN VERB"], None),
        (["B-A O", "NOUN"], None),
        (["V_A S_B"], None),
        (["N_S V_I N_S O", "N_E V_S"], None),  # illegal, had they been spans
        (["N_S O O N_S"], None),
        (["O O", ""], None),
        ([], None),
    ],
)
def test_the_scheme_is_told_from_the_tags(texts, scheme):
    assert detect([text.split() for text in texts]) == scheme


def test_strays_stay_and_are_of_no_span():
    scheme = AFTER(BILOU)
    row = ("A-B", "A-I", "A-L", "B-A", "o", "O", "X-U")
    assert scheme.spans(row) == [("A", 0, 3), ("X", 6, 7)]
    assert scheme.strays([row]) == {"B-A", "o"}
    rows = [row[4:], *[("A-B", "A-I", "A-L", "X-U")] * 9]
    assert scheme.convert(rows)[0] == row[4:]
    assert BIO.convert(rows)[:2] == [("o", "O", "B-X"), ("B-A", "I-A", "I-A", "B-X")]
    assert BIO.convert([*rows, ("B-A",)])[-1] == ("O",), "a stray that would mark a span here"


def test_other_data_is_read_in_its_own_scheme_if_that_fits_better():
    assert BIOES.of([("B-A", "I-A", "O", "B-A")]) == BIO
    assert BIOES.of([("S-A", "O")]) == BIOES
    assert BIO.of([("I-A", "O")]) == IOB1
    assert BMES.of([("B-A", "E-A"), ("E-A", "O")]) == BMES, "one slip, and BIOES fits as well"
    assert BIO.of([("NOUN", "VERB")]) == BIO
    assert AFTER(BIO).of([("B-A", "I-A")]) == BIO
    assert BIO.convert([("I", "E", "_"), ("E", "_", "_")]) == [
        (f"B-{UNTYPED}", f"I-{UNTYPED}", "O"),
        (f"B-{UNTYPED}", "O", "O"),
    ]
    assert written(BIO, False, "").convert([("I-A", "E-A", "E-B", "O")]) == [("B", "I", "B", "O")]


@pytest.mark.parametrize(
    "value",
    [
        "bio",
        None,
        3,
        {"name": "bioo"},
        *(
            BIO.to_json() | change
            for change in ({"separator": "x"}, {"separator": "-_"}, {"outside": ""}, {"outside": 3})
        ),
        BIO.to_json() | {"separator": "", "after": True},
    ],
)
def test_what_is_no_scheme_is_refused(value):
    with pytest.raises(InputError, match="There is no tag scheme"):
        TagScheme.from_json(value)
