"""What there is to predict of texts: counted by hand, and the same however a text is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.text.predicted import lines_of, predicted
from seqkit.text.vocabulary import END, UNKNOWN, learn_vocabulary

TRAINING = ["ab a b", "a c", "b ab ab"]
UNITS = ("symbol", "word", "subword")
VOCABULARIES = {unit: learn_vocabulary(TRAINING, unit=unit, size=12) for unit in UNITS if unit != "symbol"} | {
    "symbol": learn_vocabulary([*TRAINING, "\n"], unit="symbol")
}
SNOWMAN = np.log(1_112_064)  # as likely as any other character

words = st.sampled_from(["a", "ab", "b", "\u2603", "a\u2603\u2603b", "c"])
lines = st.lists(words, max_size=4).map(" ".join)
texts = st.lists(lines, min_size=1, max_size=4).map("\n".join).filter(bool)


@pytest.mark.parametrize("unit", UNITS)
@settings(max_examples=8)
@given(text=texts, end=st.sampled_from(["", "\n"]))
def test_what_is_paid_for_is_counted(unit, text, end):
    text += end
    got = predicted([text], VOCABULARIES[unit], ends=unit != "symbol", running=True)
    rows = [line.split(" ") if line else [] for line in text.splitlines() or [""]]
    all_words = [word for row in rows for word in row]
    snowmen = text.count("\u2603")
    if unit == "symbol":
        assert len(got.ids.values) == got.characters[0] == len(text)
        assert got.words == len(all_words) + text.count("\n")
        assert got.unknown == snowmen
        assert got.spelling[0] == pytest.approx(snowmen * SNOWMAN)
    elif unit == "word":
        tokens = text.replace("\u2603", " \u2603 ").split()  # it is no letter
        assert got.words == len(got.ids.values) == len(tokens) + len(rows)
        assert got.unknown == sum(token not in ("ab", "a", "b", "c") for token in tokens)
        assert got.characters is None
        assert not got.spelling.any()
    else:
        assert got.words == len(all_words) + len(rows)
        assert got.characters == sum(len(" ".join(row)) + 1 for row in rows)
        runs = sum(bool(run) for run in "".join(c if c == "\u2603" else " " for c in text).split(" "))
        assert got.unknown == runs  # neighbours are one symbol, of so many characters and an end
        assert got.spelling[0] == pytest.approx((snowmen + runs) * np.log(1_112_065))
    assert (got.ids.values == END).sum() == (len(rows) if unit != "symbol" else 0)


@pytest.mark.parametrize("unit", UNITS)
@settings(max_examples=8)
@given(text=texts, data=st.data())
def test_a_running_text_is_the_same_however_it_is_cut(unit, text, data):
    """Behind line ends, and before blanks; of symbols anywhere."""
    places = [
        place
        for place in range(1, len(text))
        if unit == "symbol" or text[place - 1] == "\n" or (text[place] in " \n" and text[place - 1] != "\n")
    ]
    cuts = sorted(data.draw(st.sets(st.sampled_from(places)))) if places else []
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    whole, cut = (predicted(rows, VOCABULARIES[unit], ends=unit != "symbol", running=True) for rows in ([text], pieces))
    assert cut.ids.values.tolist() == whole.ids.values.tolist()
    assert len(cut.ids) == len(pieces)
    for name in ("words", "characters", "spelling", "unknown"):
        one, many = getattr(whole, name), getattr(cut, name)
        assert (one is None and many is None) or many.sum() == pytest.approx(one.sum())


def test_texts_by_themselves_end_each():
    for unit in UNITS:
        got = predicted(["a", "", "a b"], VOCABULARIES[unit], ends=True, running=False)
        assert got.ids.values[got.ids.offsets[1:] - 1].tolist() == [END] * 3
        assert got.words.tolist() == [2, 1, 3]
        if unit != "word":
            assert got.characters.tolist() == [2, 1, 4]
    assert UNKNOWN not in got.ids.values
    assert lines_of("a\nb", "symbol") == ["a\nb"]
