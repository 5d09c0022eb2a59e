"""Baselines of more data than they are fitted on: what they are fitted on, and that they say so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.baselines import fixed_window
from seqkit.baselines.classifiers import LinearTfidf, NaiveBayesLinear, SingleFrame
from seqkit.baselines.fixed_window import FixedWindow
from seqkit.baselines.samples import sample
from seqkit.baselines.taggers import LinearTagger
from seqkit.baselines.writers import Nearest, NearestImage
from seqkit.batches.pipeline import Shared
from seqkit.core.ragged import Ragged

ROWS = 60
TEXTS = [f"{'good' if row % 3 else 'bad'} film number {row}" for row in range(ROWS)]
LABELS = ["b" if row % 3 else "a" for row in range(ROWS)]
WORDS = [text.split() for text in TEXTS]
IMAGES = Shared(np.random.default_rng(0).integers(0, 255, (ROWS, 3, 3, 1), np.uint8), np.arange(ROWS))
SYMBOLS = Ragged(np.arange(2, 2 + ROWS, dtype=np.int32) % 5 + 1, np.array([0, ROWS]))

FITS = {
    "linear": (lambda most: LinearTfidf.fit(TEXTS, LABELS, ("a", "b"), most=most), sum(map(len, TEXTS)), "texts"),
    "naive Bayes": (
        lambda most: NaiveBayesLinear.fit(TEXTS, LABELS, ("a", "b"), most=most),
        sum(map(len, TEXTS)),
        "texts",
    ),
    "tagger": (
        lambda most: LinearTagger.fit(WORDS, WORDS, sorted({word for words in WORDS for word in words}), most=most),
        240,
        "sentences",
    ),
    "nearest": (lambda most: Nearest.fit(TEXTS, LABELS, most=most), ROWS, "rows"),
    "image": (lambda most: NearestImage.fit(IMAGES, LABELS, most=most), ROWS, "images"),
    "frame": (lambda most: SingleFrame.fit([IMAGES.values], [LABELS], ("a", "b"), frames=most), ROWS, "frames"),
}


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    most=st.integers(1, 3000),
    groups=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_a_sample_is_a_share_of_each_group(sizes, most, groups, seed):
    sizes = np.array(sizes)
    names = [str(row % groups) for row in range(len(sizes))]
    rows = sample(sizes, most, names, seed=seed)
    assert (rows is None) == (sizes.sum() <= most)
    if rows is None:
        return
    assert (np.diff(rows) > 0).all()
    for name in set(names):
        count = names.count(name)
        assert 0 <= sum(names[row] == name for row in rows) - most / sizes.sum() * count < 1


@pytest.mark.parametrize("name", FITS)
def test_what_is_fitted_on_a_part_says_so_and_all_else_is_as_before(name, tmp_path):
    fit, size, unit = FITS[name]
    kept = []
    for number, most in enumerate((1 << 40, size, size // 2)):
        baseline = fit(most)
        baseline.save(tmp_path / f"{number}.npz")
        with np.load(tmp_path / f"{number}.npz") as arrays:
            kept.append({key: arrays[key] for key in arrays.files})
        if number < 2:
            assert baseline.bounds == ""
        else:
            part, _, whole, *rest = baseline.bounds.removeprefix("fitted on ").split(" ")
            assert (whole, " ".join(rest)) == (str(ROWS), f"{unit}, drawn at random")
            assert 0.3 * ROWS < int(part) < 0.7 * ROWS
    np.testing.assert_equal(kept[1], kept[0])
    if name == "image":
        assert len(kept[2]["images"]) == int(part)
    assert sum(map(np.size, kept[2].values())) < sum(map(np.size, kept[0].values())) or name == "frame"


def test_a_long_text_is_drawn_from_and_no_list_of_its_places_is_made(monkeypatch):
    def fit():
        return FixedWindow.fit(SYMBOLS, np.arange(1, 6), begin=0, window=2, width=3, units=8, epochs=2)

    before = fit()
    monkeypatch.setattr(fixed_window, "DRAWN", ROWS)
    np.testing.assert_array_equal(fit().output, before.output)
    monkeypatch.setattr(fixed_window, "DRAWN", ROWS // 3)
    drawn = fit()
    assert before.bounds == ""
    assert 5 < int(drawn.bounds.removeprefix("fitted on ").split(" ")[0]) <= ROWS // 3
    assert np.isfinite(drawn.log_probabilities(SYMBOLS, 0)).all()
    monkeypatch.setattr(fixed_window, "WEIGHTS", 17)
    narrow = fit()
    assert (narrow.output.shape, narrow.bounds) == ((3, 5), f"{drawn.bounds}, with 3 hidden units")
