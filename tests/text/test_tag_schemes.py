"""Schemes: the same spans from every one of them, by a reader written from their definitions, one for each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.text.spans import illegal, spans
from seqkit.text.tag_schemes import TagScheme, detect

NAMES = ["bio", "iob1", "bioes", "bilou", "bmes"]
FORMS = [(False, "-"), (True, "-"), (False, "_"), (True, "_")]

# lengths of spans and of gaps, and their types
layouts = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["PER", "LOC", "a-b"])), max_size=5)


def laid_out(layout):
    found, end = [], 0
    for gap, length, kind in layout:
        found.append((kind, end + gap, end + gap + length))
        end += gap + length
    return found, end + 1


def tagged(found, length, name, after=False, dash="-"):
    """The tags of spans, from each scheme's definition."""
    letters = ["O"] * length
    kinds = [""] * length
    for kind, begin, end in found:
        size = end - begin
        touching = any(other[0] == kind and other[2] == begin for other in found)
        letters[begin:end] = {
            "iob1": ("B" if touching else "I") + "I" * (size - 1),
            "bio": "B" + "I" * (size - 1),
            "bioes": "S" if size == 1 else "B" + "I" * (size - 2) + "E",
            "bilou": "U" if size == 1 else "B" + "I" * (size - 2) + "L",
            "bmes": "S" if size == 1 else "B" + "M" * (size - 2) + "E",
        }[name]
        kinds[begin:end] = [kind] * size
    return tuple(
        "O" if letter == "O" else f"{kind}{dash}{letter}" if after else f"{letter}{dash}{kind}"
        for letter, kind in zip(letters, kinds, strict=True)
    )


@settings(max_examples=200)
@given(layouts=st.lists(layouts, min_size=1, max_size=4), name=st.sampled_from(NAMES), form=st.sampled_from(FORMS))
def test_spans_are_read_and_given_back_in_every_scheme(layouts, name, form):
    texts = [laid_out(layout) for layout in layouts]
    rows = [tagged(*text, name, *form) for text in texts]
    scheme = TagScheme(name, *form)
    plain = [scheme.plain(row) for row in rows]
    assert [spans(row) for row in plain] == [found for found, _ in texts]
    assert [scheme.own(row) for row in plain] == rows
    assert sum(illegal(row, scheme.rules) for row in plain) == 0
    for other in NAMES:
        assert TagScheme(other).convert(rows) == [tagged(*text, other) for text in texts]
    told = detect(rows)
    if told is not None:
        assert [spans(told.plain(row)) for row in rows] == [found for found, _ in texts]
        assert TagScheme.from_json(told.to_json()) == told
    assert (told is None) == (not any(found for found, _ in texts))


@pytest.mark.parametrize(
    ("texts", "scheme"),
    [
        (["B-A I-A O", "B-B"], TagScheme("bio")),
        (["I-A I-A O", "I-A B-A"], TagScheme("iob1")),
        (["S-A B-A E-A"], TagScheme("bioes")),
        (["U-A B-A L-A"], TagScheme("bilou")),
        (["S-A B-A M-A E-A"], TagScheme("bmes")),
        (["A-B A-I O"], TagScheme("bio", after=True)),
        (["U_A B_A L_A O"], TagScheme("bilou", dash="_")),
        (["B-A I-A", "B-A B-B", "I-B"], TagScheme("bio")),  # one mistake
        (["B-A I-A O o"], TagScheme("bio")),  # one of no scheme
        (["B-A I-A o"], None),
        (["NOUN VERB"], None),
        (["B-A O", "NOUN"], None),
        (["V_A S_B"], None),
        (["O O", ""], None),
    ],
)
def test_the_scheme_is_told_from_the_tags(texts, scheme):
    assert detect([text.split() for text in texts]) == scheme


def test_tags_of_no_scheme_stay_and_are_of_no_span():
    scheme = TagScheme("bilou", after=True)
    row = ("A-B", "A-I", "A-L", "B-A", "o", "O", "X-U")
    assert spans(scheme.plain(row)) == [("A", 0, 3), ("X", 6, 7)]
    assert scheme.own(scheme.plain(row)) == row
    assert TagScheme("bio").convert([row]) == [("B-A", "I-A", "I-A", "B-A", "o", "O", "B-X")]
